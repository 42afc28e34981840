import type { IncomingHttpHeaders } from 'node:http'
import {
  App,
  HTTPReceiver,
  isValidSlackRequest,
  type LogLevel,
  type Receiver,
  SocketModeReceiver,
  type webApi,
} from '@slack/bolt'
import { type ErrorRequestHandler, type RequestHandler, Router, raw } from 'express'
import type { MessageRef } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import type { HearThread } from '../../ports/thread.ts'
import type { Acts, Incoming } from './acts.ts'
import { readDeleted } from './payloads.ts'
import { readThreadNews } from './thread-news.ts'

const SLACK_PATH = '/slack/events'
/** More than any act of a person: a press carries its whole message along. */
const MOST_BYTES = 256 * 1024
/** Bolt refuses what is five minutes old; nothing comes from the future, beyond a clock that is a little off. */
const FUTURE_MS = 60_000
/** How long after a failed start Socket Mode is tried again. */
const SOCKET_RETRY_MS = 10_000
/** One name for the one workspace: Bolt keeps a client for each, and what comes in must not make more. */
const INSTALLED = 'installed'

export interface DoorOptions {
  readonly acts: Acts
  readonly clock: Clock
  readonly botToken: string
  /** For requests over HTTP; null with Socket Mode. */
  readonly signingSecret: string | null
  /** For Socket Mode, which takes the place of HTTP when it is set. */
  readonly appToken: string | null
  readonly clientOptions: webApi.WebClientOptions
  readonly onFault: (what: string, error: unknown) => void
  readonly onSocket: (isConnected: boolean) => void
  readonly onDeleted: (message: MessageRef) => Promise<void>
  /** Slack signed a request in what is the future here: it is refused. Epoch ms by Slack's clock. */
  readonly onFuture: (sentAt: number) => Promise<void>
  readonly onThread: HearThread
}

export interface Door {
  /** Mount at `/`: serves `POST /slack/events` unless Socket Mode is on. */
  readonly router: Router
  start(): void
  stop(): Promise<void>
}

/** Bolt at the edge: it checks signatures and speaks Slack's protocols; what was done goes to the acts. */
export function createDoor(options: DoorOptions): Door {
  const { acts, clock, botToken, signingSecret, appToken, clientOptions, onFault, onSocket } = options
  const logger = createLogger(onFault)
  const router = Router({ strict: true, caseSensitive: true })
  const socket =
    appToken === null ? null : new SocketModeReceiver({ appToken, logger, installerOptions: { clientOptions } })
  socket?.client.on('connected', () => onSocket(true))
  for (const state of ['reconnecting', 'disconnected']) socket?.client.on(state, () => onSocket(false))
  const http =
    socket === null
      ? new HTTPReceiver({
          ...{ signingSecret: signingSecret ?? '', endpoints: SLACK_PATH, logger },
          customPropertiesExtractor: ({ headers }) => ({ sentAt: sentAtOf(headers) }),
        })
      : null
  const app = new App({
    ...{ receiver: answering(socket ?? (http as HTTPReceiver)), logger, clientOptions },
    // Who may do what is the directory's to say: a stranger is answered like anybody else.
    authorize: async () => ({ botToken, teamId: INSTALLED }),
    ...{ ignoreSelf: false, convoStore: false },
  })
  app.use(async (args) => dispatch(args as unknown as Partial<Incoming>, args.context.sentAt))
  app.error(async (error) => onFault('slack: an act failed', error))
  if (http !== null)
    router.post(SLACK_PATH, read, check, (request, response) => http.requestListener(request, response))
  router.use(SLACK_PATH, refuse)

  let cancelRetry: () => void = () => undefined
  let stopped = false
  return {
    router,
    start: connect,
    async stop() {
      stopped = true
      cancelRetry()
      await socket?.stop().catch((error: unknown) => onFault('slack: Socket Mode did not stop cleanly', error))
      await acts.settle()
    },
  }

  function connect(): void {
    if (socket === null || stopped) return
    socket.start().catch((error: unknown) => {
      onFault('slack: Socket Mode could not start; it is tried again. Check SLACK_APP_TOKEN', error)
      if (!stopped) cancelRetry = clock.runAt(clock.now() + SOCKET_RETRY_MS, connect)
    })
  }

  async function dispatch(args: Partial<Incoming>, sentAt: unknown): Promise<void> {
    // Events come acknowledged already, and none of them is an act.
    if (args.ack === undefined) {
      return hear(args.body)
    }
    const incoming: Incoming = {
      ...{ body: args.body, ack: args.ack },
      ...(args.respond !== undefined && { respond: args.respond }),
      ...(typeof sentAt === 'number' && { sentAt }),
    }
    if ('command' in args) return acts.command(incoming)
    if ('action' in args) return acts.press(incoming)
    if ('view' in args) return isClosed(incoming.body) ? incoming.ack() : acts.submit(incoming)
    if ('options' in args) return incoming.ack({ options: [] })
    return acts.other(incoming)
  }

  async function hear(body: unknown): Promise<void> {
    const deleted = readDeleted(body)
    if (deleted !== null) await options.onDeleted(deleted)
    const news = readThreadNews(body)
    if (news !== null) await options.onThread(news)
  }

  /** Bolt leaves what it cannot place, and what throws on the way, without an answer for three seconds, or for good. */
  function answering(receiver: Receiver): Receiver {
    return {
      init(bolt) {
        const processEvent: App['processEvent'] = async (event) => {
          let acked = false
          const ack = async (response?: unknown) => {
            if (acked) return
            acked = true
            await event.ack(response)
          }
          try {
            await bolt.processEvent({ ...event, ack })
          } catch (error) {
            onFault('slack: what came in could not be placed', error)
          }
          await ack(EXPLANATION)
        }
        receiver.init({ processEvent } as App)
      },
      start: () => receiver.start(),
      stop: () => receiver.stop(),
    }
  }

  function isSigned(body: Buffer, headers: IncomingHttpHeaders): boolean {
    const signed = {
      'x-slack-signature': String(headers['x-slack-signature']),
      'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']),
    }
    return isValidSlackRequest({ signingSecret: signingSecret ?? '', body: body.toString(), headers: signed })
  }

  /** Before Bolt, which would fall over a body that is no object and lets the future pass. */
  function check(...[request, response, next]: Parameters<RequestHandler>): void {
    const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    request.headers['content-type'] = type
    const at = sentAtOf(request.headers)
    if (at > clock.now() + FUTURE_MS) {
      if (isSigned(rawBody, request.headers)) void options.onFuture(at)
      return void response.status(401).end()
    }
    if (!isObject(rawBody, type)) return void response.status(400).end()
    Object.assign(request, { rawBody })
    next()
  }
}

/** Epoch ms by Slack's clock; NaN where it does not say. */
function sentAtOf(headers: IncomingHttpHeaders): number {
  return Number(headers['x-slack-request-timestamp']) * 1_000
}

const read: RequestHandler = raw({ type: () => true, limit: MOST_BYTES, inflate: false })

/** Too long, cut off, packed: said in a number, as Slack wants it. */
const refuse: ErrorRequestHandler = (error, _request, response, next) => {
  const status: unknown = error.status
  if (response.headersSent || typeof status !== 'number' || status < 400 || status >= 500) return next(error)
  response.status(status).end()
}

const EXPLANATION = {
  response_type: 'ephemeral',
  text: 'I did not understand what Slack sent, and nothing was decided. Try again, or write /access help.',
}

function isObject(rawBody: Buffer, type: string): boolean {
  try {
    const text = rawBody.toString()
    const isForm = type === 'application/x-www-form-urlencoded'
    if (isForm && !mayHavePayload(text)) return true
    const payload = isForm ? new URLSearchParams(text).getAll('payload') : [text]
    if (payload.length !== 1) return isForm
    const body: unknown = JSON.parse(payload[0] ?? '')
    return typeof body === 'object' && body !== null && !Array.isArray(body)
  } catch {
    return false
  }
}

/** A command has none, and its whole body need not be read for that; a name may be written in another way. */
function mayHavePayload(form: string): boolean {
  return form.split('&').some((pair) => pair.startsWith('payload') || /^[^=]*[%+]/.test(pair))
}

function isClosed(body: unknown): boolean {
  return (body as { type?: unknown }).type === 'view_closed'
}

/** What Bolt has to say of its own accord; the bodies that it would print for debugging are left out. */
function createLogger(onFault: DoorOptions['onFault']) {
  const quiet = () => undefined
  const words = (parts: unknown[]) => parts.map(String).join(' ')
  return {
    ...{ debug: quiet, info: quiet, setLevel: quiet, setName: quiet },
    getLevel: () => 'warn' as LogLevel,
    warn: (...parts: unknown[]) => onFault(`slack: ${words(parts)}`, null),
    error: (...parts: unknown[]) => onFault(`slack: ${words(parts)}`, null),
  }
}
