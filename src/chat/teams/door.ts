import { type Activity, ConfigurationBotFrameworkAuthentication } from 'botbuilder'
import { type ErrorRequestHandler, type RequestHandler, Router, raw } from 'express'
import type { Clock } from '../../ports/clock.ts'
import type { HearThread } from '../../ports/thread.ts'
import { inTime } from '../in-time.ts'
import type { Acts } from './acts.ts'
import { checkToken, ISSUER } from './check-token.ts'
import type { Conversations } from './conversations.ts'
import { readActivity } from './read-activity.ts'
import { OPENID_METADATA_URL, type SigningKeys } from './signing-keys.ts'
import { readThreadNews } from './thread-news.ts'

const TEAMS_PATH = '/api/messages'
/** More than any act of a person; a message of Teams is 28 KB at most. */
const MOST_BYTES = 256 * 1024

/** Teams sends again what is not taken within about fifteen seconds. */
const HEAR_WITHIN_MS = 5_000

export interface DoorOptions {
  readonly acts: Acts
  readonly clock: Clock
  readonly keys: SigningKeys
  readonly conversations: Conversations
  readonly appId: string
  readonly tenants: readonly string[]
  /** Microsoft's own when null. */
  readonly metadataUrl: string | null
  readonly onFault: (what: string, error: unknown) => void
  readonly onThread: HearThread
}

/**
 * The one place that knows Microsoft's SDK, of which it takes the authentication alone: what comes in is read by us and
 * answered by us. What the SDK lets through we have checked before, because it lets through too much, and fails at some
 * forgeries as if it were broken itself: every refusal is a plain 401 or 403 here.
 * @returns what to mount at `/`: serves `POST /api/messages`
 */
export function createDoor(options: DoorOptions): Router {
  const { acts, clock, keys, conversations, appId, tenants, metadataUrl, onFault } = options
  const sdk = authentication(appId, metadataUrl)
  const router = Router({ strict: true, caseSensitive: true })
  router.post(TEAMS_PATH, read, (request, response, next) => {
    take(request)
      .then(({ status, body }) => (body === null ? response.status(status).end() : response.status(status).json(body)))
      .catch(next)
  })
  router.use(TEAMS_PATH, refuse)
  return router

  async function take(request: Parameters<RequestHandler>[0]): Promise<Answered> {
    const authorization = request.headers.authorization ?? ''
    const token = await checkToken(authorization, { keys, appId, now: clock.now() })
    if (token === null) return UNAUTHORIZED
    const body = parse(request.body)
    const received = isSafe(token.serviceUrl) ? readActivity(body, token.serviceUrl, tenants) : null
    if (received === null) return FORBIDDEN
    if (!(await isTrustedBySdk(authorization, body))) return UNAUTHORIZED
    conversations.learn(received.where.heard)
    const news = readThreadNews(body, received.where)
    const hearing = news === null ? null : options.onThread(news)
    const answer = await acts.take(received)
    // Nobody can read a thread back here: what was heard is on record before Teams is told so, where that goes quickly.
    if (hearing !== null) await inTime(hearing, HEAR_WITHIN_MS)
    return { status: 200, body: received.isInvoke ? answer : null }
  }

  async function isTrustedBySdk(authorization: string, body: unknown): Promise<boolean> {
    try {
      await sdk.authenticateRequest(body as Activity, authorization)
      return true
    } catch (error) {
      onFault('teams: the SDK lets in nothing of this', error)
      return false
    }
  }

  /** Our answers, and the token that lets us speak, go to https alone; to a test server only where one is set. */
  function isSafe(serviceUrl: string): boolean {
    if (!URL.canParse(serviceUrl)) return false
    const { protocol, hostname } = new URL(serviceUrl)
    return protocol === 'https:' || (metadataUrl !== null && hostname === new URL(metadataUrl).hostname)
  }
}

interface Answered {
  readonly status: number
  readonly body: unknown
}

const UNAUTHORIZED: Answered = { status: 401, body: null }
const FORBIDDEN: Answered = { status: 403, body: null }

type Authentication = ConstructorParameters<typeof ConfigurationBotFrameworkAuthentication>
type Settings = NonNullable<Authentication[0]>
type Credentials = NonNullable<Authentication[1]>
type Rules = NonNullable<Authentication[2]>

/** All of the addresses must be given once one is. We send on our own, so its way out leads nowhere. */
function authentication(appId: string, metadataUrl: string | null): ConfigurationBotFrameworkAuthentication {
  const nowhere = 'https://login.invalid'
  const settings: Settings = {
    ...{ ToChannelFromBotLoginUrl: nowhere, ToChannelFromBotOAuthScope: ISSUER, OAuthUrl: nowhere, CallerId: '' },
    ...{ ToBotFromChannelTokenIssuer: ISSUER, ToBotFromEmulatorOpenIdMetadataUrl: nowhere },
    ToBotFromChannelOpenIdMetadataUrl: metadataUrl ?? OPENID_METADATA_URL,
  }
  const credentials: Credentials = {
    isValidAppId: async (said) => said === appId,
    isAuthenticationDisabled: async () => false,
    createCredentials: async () => ({
      signRequest: () => Promise.reject(new Error('Countersign sends to Teams by itself')),
    }),
  }
  const rules: Rules = {
    requiredEndorsements: ['msteams'],
    validateClaims: async (claims) => {
      if (!claims.some(({ type, value }) => type === 'iss' && value === ISSUER)) throw new Error('not the channel')
    },
  }
  return new ConfigurationBotFrameworkAuthentication(settings, credentials, rules)
}

const read: RequestHandler = raw({ type: () => true, limit: MOST_BYTES, inflate: false })

/** Too long, cut off, packed: said in a number. */
const refuse: ErrorRequestHandler = (error, _request, response, next) => {
  const status: unknown = error.status
  if (response.headersSent || typeof status !== 'number' || status < 400 || status >= 500) return next(error)
  response.status(status).end()
}

function parse(body: unknown): unknown {
  try {
    return Buffer.isBuffer(body) ? JSON.parse(body.toString()) : null
  } catch {
    return null
  }
}
