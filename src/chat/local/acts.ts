import { type ErrorRequestHandler, json, type RequestHandler, Router } from 'express'
import { z } from 'zod'
import type { Act, Answer, Desk } from '../../ports/chat.ts'
import type { LocalPerson } from './local-person.ts'
import { LOCAL_PLATFORM } from './messages.ts'

/** What a person does on the page becomes one call of the desk, and always gets an answer. */
export function createActs(options: ActOptions): Acts {
  const { desk, channels, onFault } = options
  const inFlight = new Set<Promise<unknown>>()
  const router = Router()
  router.use(requireJson, json({ limit: '32kb', strict: true }))

  router.post(
    '/command',
    take(commandSchema, async (act, { text, channel }) => {
      if (channel !== null && !channels().includes(channel)) throw new BadAct(`There is no channel ${channel}.`)
      return desk.command(act, text, channel)
    }),
  )
  router.post(
    '/press',
    take(pressSchema, (act, { action, request, revision }) => desk.press(act, { action, request, revision })),
  )
  router.post(
    '/submit',
    take(submitSchema, (act, { form, context, values }) => desk.submit(act, { form, context, values })),
  )
  router.use(answerFault(onFault))
  return {
    router,
    async settle() {
      await Promise.allSettled(inFlight)
    },
  }

  function take<T extends ActBody>(
    schema: z.ZodType<T>,
    perform: (act: Act, body: T) => Promise<Answer>,
  ): RequestHandler {
    return async (request, response) => {
      const parsed = schema.safeParse(request.body)
      if (!parsed.success) throw new BadAct(`The page sent what was not understood: ${faultsOf(parsed.error)}.`)
      const person = options.people().find((one) => one.id === parsed.data.as)
      if (!person) throw new BadAct(`There is nobody called ${parsed.data.as} to act as. Reload the page.`)
      const act = { key: `${LOCAL_PLATFORM}:${parsed.data.key}`, account: person.account }
      const performing = perform(act, parsed.data)
      inFlight.add(performing)
      try {
        response.json(await performing)
      } finally {
        inFlight.delete(performing)
      }
    }
  }
}

export interface Acts {
  readonly router: Router
  /** Waits for the acts that the desk is at, also for those whose page has gone. */
  settle(): Promise<void>
}

export interface ActOptions {
  readonly desk: Desk
  readonly people: () => readonly LocalPerson[]
  readonly channels: () => readonly string[]
  readonly onFault: (what: string, error: unknown) => void
}

interface ActBody {
  key: string
  as: string
}

const word = z.string().max(255)
/** The page draws the key; sent again with it, an act is the same act. */
const act = { key: z.uuid(), as: word }
const commandSchema = z.strictObject({ ...act, text: z.string().max(4000), channel: word.nullable() })
const pressSchema = z.strictObject({ ...act, action: word, request: word, revision: z.int().nonnegative() })
const submitSchema = z.strictObject({
  ...act,
  form: word,
  context: z.record(word, z.string().max(4000)),
  values: z.record(word, z.string().max(8000)),
})

/** The page's fault, not the world's: said to the reader as it is. */
class BadAct extends Error {
  readonly code = 'LOCAL_CHAT_BAD_ACT'
  override name = 'BadAct'
}

/** A plain form of another site can post text, but not JSON. */
const requireJson: RequestHandler = (request, _response, next) => {
  if (request.method === 'POST' && !request.is('application/json')) throw new BadAct('Acts are sent as JSON.')
  next()
}

function answerFault(onFault: ActOptions['onFault']): ErrorRequestHandler {
  return (error, _request, response, next) => {
    if (response.headersSent) return next(error)
    const status = error instanceof BadAct ? 400 : statusOf(error)
    if (status === 500) onFault('local chat: an act failed', error)
    response.status(status).json({
      error:
        status === 500
          ? {
              code: 'failed',
              message: 'Countersign could not finish this. Try again: the same act is never counted twice.',
              retry: true,
            }
          : { code: 'refused', message: messageOf(error, status), retry: false },
    })
  }
}

/** The body parser says which 4xx it means; anything else is ours. */
function statusOf(error: unknown): number {
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500
}

function messageOf(error: unknown, status: number): string {
  if (error instanceof BadAct) return error.message
  return status === 413 ? 'This is too long to send. Shorten it.' : 'The page sent what was not understood.'
}

function faultsOf(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`).join('; ')
}
