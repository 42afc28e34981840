import { ChatError, type ChatErrorCode } from '../../ports/chat.ts'

/** A call of the Bot Connector that did not end well. Status null: there was no answer. */
export class ConnectorFailure extends Error {
  override name = 'ConnectorFailure'
  readonly code = 'CONNECTOR_FAILURE'
  readonly status: number | null
  /** Teams' own word, such as `MessageWritesBlocked`; or the code of the network's failure. */
  readonly word: string
  /** The header, as it came. */
  readonly retryAfter: string | null
  constructor(status: number | null, word: string, retryAfter: string | null, options?: ErrorOptions) {
    super(`${status ?? 'no answer'} ${word}`.trim(), options)
    this.status = status
    this.word = word
    this.retryAfter = retryAfter
  }
}

/** Microsoft asks to come back after these, later each time; the effects do the later. */
const NOT_NOW_MS = 1_000

/**
 * What a failed call means for whoever sent. A call that may have been carried out all the same is
 * `maybe-sent` when a repeat would show (`repeatShows`), and merely `unreachable` when it would not.
 */
export function explainFailure(error: unknown, doing: string, repeatShows: boolean): ChatError {
  if (error instanceof ChatError) return error
  const failed = (code: ChatErrorCode, why: string, retryAfterMs?: number) =>
    new ChatError(code, `Teams: ${doing} failed: ${why}`, {
      cause: error,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  const unclear = repeatShows ? 'maybe-sent' : 'unreachable'
  if (!(error instanceof ConnectorFailure))
    return failed('unreachable', error instanceof Error ? error.name : 'unknown')
  const { status, word, retryAfter } = error
  const said = word === '' ? `HTTP ${status}` : word
  if (status === null) return failed(NEVER_LEFT.has(word) ? 'unreachable' : unclear, said)
  switch (status) {
    case 429:
      return failed('throttled', 'too many at once', waitOf(retryAfter))
    case 412:
      // Somebody else was writing there: Teams did nothing.
      return failed('throttled', said, waitOf(retryAfter))
    case 401:
      return failed('unreachable', 'the token was not taken. Check TEAMS_APP_ID and TEAMS_APP_PASSWORD')
    case 404:
    case 410:
      return failed('not-found', said)
    case 403:
      return failed(
        NOT_THERE.has(word) ? 'not-found' : 'refused',
        word === 'MessageWritesBlocked' ? 'they have blocked or removed the app' : said,
      )
    default:
      if (status === 200 || status >= 500)
        return failed(unclear, said, retryAfter === null ? undefined : waitOf(retryAfter))
      return failed(/ConversationNotFound|NotFound/i.test(word) ? 'not-found' : 'refused', said)
  }
}

/** Who or what it was meant for is not there for us: the app is not installed there, or no longer. */
const NOT_THERE = new Set([
  ...['BotNotInConversationRoster', 'ConversationNotFound', 'BotNotRegistered', 'UserNotFound'],
  ...['ForbiddenOperationException', 'Forbidden'],
])
/** No connection came about, so nothing was sent. */
const NEVER_LEFT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH'])

/** Seconds, as Teams writes them. Anything else is a moment of our own. */
function waitOf(retryAfter: string | null): number {
  const seconds = /^\d{1,5}(\.\d+)?$/.test(retryAfter ?? '') ? Number(retryAfter) : 0
  return Math.max(NOT_NOW_MS, seconds * 1_000)
}

/** The code of the network's failure, however deep it is wrapped. */
export function wordOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return code
  }
  return error instanceof Error ? error.name : ''
}
