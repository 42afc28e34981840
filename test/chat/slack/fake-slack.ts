import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { faultOfBlocks, faultOfView } from './block-rules.ts'

export const TEAM = 'T0ACME'
export const BOT_TOKEN = 'xoxb-of-the-test'
export const SIGNING_SECRET = 'signing-secret-of-the-test'
const SCOPES = ['commands', 'chat:write', 'im:write', 'channels:history', 'groups:history', 'im:history', 'files:write']
const MESSAGE_SPACING_MS = 1_000
/** Tier 3 of Slack, for each method. */
const CALLS_A_MINUTE = 50
const TIER_3 = new Set(['chat.update', 'conversations.open', 'conversations.history', 'conversations.replies'])

/**
 * A Slack of ours that is as strict as the real one is documented to be: tokens, blocks, one message a
 * second in a conversation, trigger ids that open one form. It can fail as networks do: after the deed.
 */
export async function startFakeSlack(options: {
  people: readonly string[]
  now: () => number
  /** Limits so many times as wide; 1 when left out. */
  times?: number
}): Promise<FakeSlack> {
  const { people, now, times = 1 } = options
  const messages: Message[] = []
  const profiles = new Map<string, object>()
  const views: View[] = []
  const whispers: Whisper[] = []
  const calls: string[] = []
  const files: UploadedFile[] = []
  const faults = new Map<string, Fault[]>()
  const usedTriggers = new Set<string>()
  const lastPosted = new Map<string, number>()
  const recent = new Map<string, number[]>()
  const comeBackAt = new Map<string, number>()
  const scopes = new Set(SCOPES)
  let refused = 0
  let isSilent = false
  let posted = 0
  let pageSize = 100

  /** Refuses what is too much, and counts it; whoever does not wait as told is refused for longer. */
  function tooMany(what: string, waitMs: number): TooMany {
    refused += 1
    const until = Math.max(comeBackAt.get(what) ?? 0, now()) + waitMs
    comeBackAt.set(what, until)
    return new TooMany(Math.ceil((until - now()) / 1_000))
  }

  function keepToTier(method: string): void {
    if (!TIER_3.has(method)) return
    const calls = (recent.get(method) ?? []).filter((at) => at > now() - 60_000 / times)
    const [oldest = 0] = calls
    if (calls.length >= CALLS_A_MINUTE) throw tooMany(method, oldest + 60_000 / times - now())
    recent.set(method, [...calls, now()])
  }
  const channels = [
    { id: 'C0ACCESS', name: 'access', state: 'open' },
    { id: 'C0OLD', name: 'old', state: 'is_archived' },
    { id: 'C0SECRET', name: 'secret', state: 'not_in_channel' },
    { id: 'C0SECOND', name: 'second', state: 'open' },
  ]

  const findChannel = (said: unknown) => {
    const found = channels.find((one) => one.id === said || `#${one.name}` === said || one.name === said)
    if (found !== undefined) return found
    const direct = people.find((user) => directOf(user) === said)
    return direct === undefined ? null : { id: directOf(direct), name: direct, state: 'open' }
  }

  const methods: Record<string, (args: Args) => object> = {
    'auth.test': () => ({ ok: true, team_id: TEAM, user_id: 'U0BOT', bot_id: 'B0BOT' }),
    'chat.delete'(args) {
      const at = messages.findIndex((one) => one.ts === args.ts && one.channel === args.channel)
      if (at === -1) return no('message_not_found')
      messages.splice(at, 1)
      return { ok: true }
    },
    'users.info'({ user }) {
      const profile = profiles.get(String(user))
      return profile === undefined ? no('user_not_found') : { ok: true, user: { id: user, team_id: TEAM, ...profile } }
    },
    'conversations.open'({ users }) {
      if (!people.includes(String(users))) return no('user_not_found')
      return { ok: true, channel: { id: directOf(String(users)) } }
    },
    'files.getUploadURLExternal'({ filename, length, alt_text }) {
      if (!scopes.has('files:write')) return no('missing_scope')
      const id = `F0FILE${files.length}`
      files.push({
        id,
        filename: String(filename),
        length: Number(length),
        words: String(alt_text),
        bytes: 0,
        done: false,
      })
      return {
        ok: true,
        file_id: id,
        upload_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/upload/${id}`,
      }
    },
    'files.completeUploadExternal'({ files: given }) {
      const [{ id }] = given as [{ id: string }]
      const file = files.find((one) => one.id === id)
      // It comes as a form, which is longer than the file.
      if (file === undefined || file.bytes < file.length) return no('file_not_found')
      file.done = true
      return { ok: true, files: [{ id }] }
    },
    'chat.postMessage'(args) {
      const channel = findChannel(args.channel)
      if (channel === null) return no('channel_not_found')
      if (channel.state !== 'open') return no(channel.state)
      const root = args.thread_ts === undefined ? null : messages.find((one) => one.ts === args.thread_ts)
      if (root === undefined || (root !== null && root.channel !== channel.id)) return no('thread_not_found')
      const fault = faultOfMessage(args)
      if (fault !== null) return no(fault)
      const last = lastPosted.get(channel.id) ?? Number.NEGATIVE_INFINITY
      if (now() - last < MESSAGE_SPACING_MS / times) throw tooMany(channel.id, 1_000 / times)
      lastPosted.set(channel.id, now())
      posted += 1
      const ts = `${Math.floor(now() / 1_000)}.${String(posted).padStart(6, '0')}`
      messages.push({
        ...{ channel: channel.id, ts, text: String(args.text), blocks: args.blocks as unknown[] },
        ...{ root: root?.ts ?? null, metadata: args.metadata ?? null, bot_id: 'B0BOT' },
      })
      return { ok: true, channel: channel.id, ts }
    },
    'chat.update'(args) {
      const found = messages.find((one) => one.ts === args.ts && one.channel === args.channel)
      if (found === undefined) return no('message_not_found')
      const fault = faultOfMessage(args)
      if (fault !== null) return no(fault)
      Object.assign(found, { text: String(args.text), blocks: args.blocks })
      return { ok: true, channel: found.channel, ts: found.ts }
    },
    'chat.postEphemeral'(args) {
      if (findChannel(args.channel) === null) return no('channel_not_found')
      const fault = faultOfMessage(args)
      if (fault !== null) return no(fault)
      whispers.push({
        url: `ephemeral:${String(args.user)}`,
        text: String(args.text),
        blocks: args.blocks as unknown[],
      })
      return { ok: true, message_ts: '1.000001' }
    },
    'conversations.history': (args) => readRange(args, (one) => one.root === null),
    'conversations.replies': readThread,
    'views.open'(args) {
      const trigger = String(args.trigger_id)
      if (trigger.startsWith('expired')) return no('expired_trigger_id')
      if (usedTriggers.has(trigger)) return no('exchanged_trigger_id')
      const fault = faultOfView(args.view)
      if (fault !== null) return no('invalid_arguments', fault)
      usedTriggers.add(trigger)
      views.push({ trigger, view: args.view as View['view'] })
      return { ok: true, view: { id: `V${views.length}`, hash: 'h1' } }
    },
    'views.update'(args) {
      const fault = faultOfView(args.view)
      return fault === null ? { ok: true } : no('invalid_arguments', fault)
    },
  }

  /** The card first, whatever was asked for; then what is newer than `oldest`, oldest first. */
  function readThread(args: Args): object {
    const all = messages.filter((one) => one.channel === args.channel && [one.root, one.ts].includes(String(args.ts)))
    if (all.length === 0) return no('thread_not_found')
    const replies = all.filter((one) => one.root !== null && Number(one.ts) > Number(args.oldest ?? 0))
    const shown = replies
      .sort((a, b) => Number(a.ts) - Number(b.ts))
      .slice(0, Math.min(Number(args.limit ?? 100), pageSize))
    const listed = [...all.filter((one) => one.root === null), ...shown].map(({ metadata, ...one }) => ({
      ...{ ...one, thread_ts: args.ts },
      ...(args.include_all_metadata === 'true' && { metadata }),
    }))
    return { ok: true, messages: listed, has_more: shown.length < replies.length }
  }

  function readRange(args: Args, wanted: (one: Message) => boolean): object {
    // Names are for posting: reading takes ids alone.
    const channel = channels.find((one) => one.id === args.channel)
    if (channel === undefined && !people.some((user) => directOf(user) === args.channel)) return no('channel_not_found')
    const since = Number(args.oldest ?? 0)
    const until = Number(args.latest ?? Number.POSITIVE_INFINITY)
    const found = messages.filter((one) => {
      return one.channel === args.channel && wanted(one) && Number(one.ts) >= since && Number(one.ts) <= until
    })
    const shown = found.toReversed().slice(0, Number(args.limit ?? 100))
    const bare = ({ metadata: _, ...rest }: Message) => rest
    return { ok: true, messages: args.include_all_metadata === 'true' ? shown : shown.map(bare) }
  }

  const server = createServer((request, response) => {
    void take(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    let size = 0
    for await (const chunk of request) {
      body += chunk
      size += chunk.length
    }
    const answer = (value: object) =>
      response
        .writeHead(200, { 'content-type': 'application/json', 'x-oauth-scopes': [...scopes].join(',') })
        .end(JSON.stringify(value))
    const path = request.url ?? ''
    const uploaded = files.find(({ id }) => path === `/upload/${id}`)
    if (uploaded !== undefined) {
      uploaded.bytes = size
      return void response.writeHead(200).end('OK')
    }
    if (path.startsWith('/respond/')) {
      const said = JSON.parse(body) as { text: string; blocks: unknown[] }
      const fault = faultOfMessage(said as unknown as Args)
      if (fault !== null) return void response.writeHead(400).end(fault)
      whispers.push({ url: path, text: said.text, blocks: said.blocks })
      return void answer({ ok: true })
    }
    const method = path.replace('/api/', '')
    calls.push(method)
    if (request.headers.authorization !== `Bearer ${BOT_TOKEN}`) return void answer(no('invalid_auth'))
    const run = methods[method]
    if (run === undefined) return void answer(no('unknown_method'))
    const fault = faults.get(method)?.shift()
    if (isSilent) return
    if (fault?.kind === 'error') return void answer(no(fault.error))
    if (fault?.kind === 'reset-before') return void request.socket.destroy()
    try {
      keepToTier(method)
      const result = run(readArgs(body))
      if (fault?.kind === 'reset-after') return void request.socket.destroy()
      if (fault?.kind === '500-after') return void response.writeHead(500).end('oops')
      answer(result)
    } catch (error) {
      if (!(error instanceof TooMany)) throw error
      response.writeHead(429, { 'retry-after': String(error.retryAfter) }).end()
    }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ apiUrl: `${origin}/api/`, origin, messages, views, whispers, profiles, calls, scopes, files },
    get refused() {
      return refused
    },
    put: (message) => void messages.push(message),
    drop(ts) {
      const at = messages.findIndex((one) => one.ts === ts)
      if (at !== -1) messages.splice(at, 1)
    },
    pagesOf(size) {
      pageSize = size
    },
    silence(silent) {
      isSilent = silent
    },
    setChannel(name, state) {
      const found = channels.find((one) => one.name === name)
      if (found !== undefined) found.state = state
    },
    failNext: (method, ...next) => void faults.set(method, [...(faults.get(method) ?? []), ...next]),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

export function directOf(user: string): string {
  return `D${user.slice(1)}`
}

function faultOfMessage(args: Args): string | null {
  if (typeof args.text !== 'string' || args.text === '') return 'no_text'
  if (args.text.length > 40_000) return 'msg_too_long'
  return faultOfBlocks(args.blocks) === null ? null : 'invalid_blocks'
}

function readArgs(body: string): Args {
  return Object.fromEntries(
    [...new URLSearchParams(body)].map(([name, value]) => [name, /^[[{]/.test(value) ? JSON.parse(value) : value]),
  )
}

function no(error: string, detail = ''): object {
  return { ok: false, error, response_metadata: { messages: [detail] } }
}

class TooMany extends Error {
  readonly retryAfter: number
  constructor(retryAfter: number) {
    super('too many')
    this.retryAfter = retryAfter
  }
}

type Args = Record<string, unknown>

export type Fault =
  | { readonly kind: 'none' | 'reset-after' | '500-after' | 'reset-before' }
  | { readonly kind: 'error'; readonly error: string }

export interface Message {
  readonly channel: string
  readonly ts: string
  readonly root: string | null
  readonly text: string
  readonly blocks: unknown[]
  readonly metadata: unknown
  readonly bot_id?: string
  readonly user?: string
  readonly edited?: { readonly user: string; readonly ts: string }
}

export interface View {
  readonly trigger: string
  readonly view: { readonly callback_id: string; readonly private_metadata: string; readonly blocks: unknown[] }
}

export interface Whisper {
  readonly url: string
  readonly text: string
  readonly blocks: unknown[]
}

export interface FakeSlack {
  readonly apiUrl: string
  readonly origin: string
  readonly messages: readonly Message[]
  readonly views: readonly View[]
  /** What people were told for their eyes alone. */
  readonly whispers: readonly Whisper[]
  /** What `users.info` says of somebody, by user id, besides the id and the workspace. */
  readonly profiles: Map<string, object>
  /** The methods that were called, in order. */
  readonly calls: readonly string[]
  /** What the app may do, as Slack says with every answer. */
  readonly scopes: Set<string>
  readonly files: readonly UploadedFile[]
  /** How many calls were more than Slack takes. */
  readonly refused: number
  /** Something that was said before. */
  put(message: Message): void
  /** Somebody, or Slack itself, deletes a message, and nobody hears of it. */
  drop(ts: string): void
  /** How many replies Slack gives at once, whatever is asked for. */
  pagesOf(size: number): void
  /** Calls are taken and never answered. */
  silence(silent: boolean): void
  /** `open`, or the error that whoever posts there is told. */
  setChannel(name: string, state: string): void
  /** The next calls of a method fail so, one each. */
  failNext(method: string, ...faults: Fault[]): void
  stop(): Promise<void>
}

interface UploadedFile {
  readonly id: string
  readonly filename: string
  readonly length: number
  readonly words: string
  bytes: number
  done: boolean
}
