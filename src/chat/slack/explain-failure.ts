import { webApi } from '@slack/bolt'
import { ChatError, type ChatErrorCode } from '../../ports/chat.ts'

/**
 * What a failed call of Slack means for whoever sent. A call that may have been carried out all the same
 * is `maybe-sent` when a repeat would show (`repeatShows`), and merely `unreachable` when it would not.
 */
export function explainFailure(error: unknown, doing: string, repeatShows: boolean): ChatError {
  if (error instanceof ChatError) return error
  const failed = (code: ChatErrorCode, why: string, retryAfterMs?: number) =>
    new ChatError(code, `Slack: ${doing} failed: ${why}`, {
      cause: error,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    })
  const unclear = repeatShows ? 'maybe-sent' : 'unreachable'
  if (error instanceof webApi.WebAPIRateLimitedError) {
    return failed('throttled', 'too many at once', Math.max(1, error.retryAfter) * 1_000)
  }
  if (error instanceof webApi.WebAPIPlatformError) {
    const word = error.data.error
    if (NOT_FOUND.has(word)) return failed('not-found', word)
    if (THROTTLED.has(word)) return failed('throttled', word, 1_000)
    if (BROKEN.has(word)) return failed(unclear, word)
    if (NOT_NOW.has(word)) return failed('unreachable', `${word}. Check SLACK_BOT_TOKEN and the app’s installation`)
    if (word === 'missing_scope') return failed('refused', `${word}. Install the app anew, with manifest/slack.yaml`)
    return failed('refused', word.slice(0, 200))
  }
  if (error instanceof webApi.WebAPIHTTPError) {
    return failed(error.statusCode >= 500 ? unclear : 'refused', `HTTP ${error.statusCode}`)
  }
  if (error instanceof webApi.WebAPIRequestError) {
    const code = codeOf(error.original)
    return failed(NEVER_LEFT.has(code) ? 'unreachable' : unclear, code === '' ? error.original.name : code)
  }
  // Such as a 429 without a word on when to come back: Slack did nothing.
  return failed('unreachable', error instanceof Error ? error.message.slice(0, 200) : 'unknown')
}

/** Who or what it was meant for is not there for us. */
const NOT_FOUND = new Set([
  ...['channel_not_found', 'not_in_channel', 'is_archived', 'message_not_found', 'thread_not_found'],
  ...['user_not_found', 'users_not_found', 'user_disabled', 'user_not_visible', 'cannot_dm_bot', 'not_in_group'],
  ...['cant_update_message', 'edit_window_closed', 'channel_is_archived', 'messages_tab_disabled'],
])
const THROTTLED = new Set(['ratelimited', 'rate_limited', 'message_limit_exceeded'])
/** Slack says of these that something may have been done. */
const BROKEN = new Set(['internal_error', 'fatal_error', 'request_timeout', 'service_unavailable'])
/** The operator's to mend: worth trying again. */
const NOT_NOW = new Set([
  ...['account_inactive', 'invalid_auth', 'not_authed', 'token_expired', 'token_revoked'],
  ...['org_login_required', 'ekm_access_denied', 'team_access_not_granted', 'access_denied'],
])
/** No connection came about, so nothing was sent. */
const NEVER_LEFT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH'])

function codeOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code } = at as { code?: unknown }
    if (typeof code === 'string') return code
  }
  return ''
}
