import { z } from 'zod'
import { ChatError } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'

/** Entra's own, for a bot of one tenant. */
const LOGIN_URL = 'https://login.microsoftonline.com'
const CALL_TIMEOUT_MS = 5_000
/** A token is not used in its last minutes: it has to arrive before it ends. */
const SPARE_MS = 5 * 60_000

/** What a token is for: Entra's name of it, and ours. */
export interface TokenUse {
  readonly scope: string
  readonly words: string
}
export const TO_SEND: TokenUse = { scope: 'https://api.botframework.com/.default', words: 'to send with' }
export const TO_READ: TokenUse = { scope: 'https://graph.microsoft.com/.default', words: 'to read threads with' }

export interface AccessToken {
  /** The token. @throws ChatError unreachable, which names the next step and no secret */
  get(): Promise<string>
  /** It was not taken: the next one is asked for anew. */
  forget(): void
}

/** By client credentials, from the tenant where the bot is registered. */
export function createAccessToken(options: {
  readonly clock: Clock
  readonly appId: string
  readonly appPassword: string
  readonly tenant: string
  readonly loginUrl: string | null
  readonly use: TokenUse
}): AccessToken {
  const { clock, appId, appPassword, tenant, use } = options
  const url = `${(options.loginUrl ?? LOGIN_URL).replace(/\/+$/, '')}/${tenant}/oauth2/v2.0/token`
  let known: { token: string; until: number } | null = null
  let asking: Promise<string> | null = null
  return {
    get() {
      if (known !== null && known.until > clock.now()) return Promise.resolve(known.token)
      asking ??= ask().finally(() => {
        asking = null
      })
      return asking
    },
    forget() {
      known = null
    },
  }

  async function ask(): Promise<string> {
    const form = { grant_type: 'client_credentials', client_id: appId, client_secret: appPassword, scope: use.scope }
    let answer: Response
    try {
      const signal = AbortSignal.timeout(CALL_TIMEOUT_MS)
      answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form), signal, redirect: 'error' })
    } catch (cause) {
      throw new ChatError('unreachable', `Teams: no token ${use.words}, Entra does not answer`, { cause })
    }
    const body: unknown = await answer.json().catch(() => null)
    const read = tokenSchema.safeParse(body)
    if (!answer.ok || !read.success) {
      const fault = faultSchema.safeParse(body)
      const word = fault.success ? fault.data.error : `HTTP ${answer.status}`
      throw new ChatError(
        'unreachable',
        `Teams: Entra gave no token ${use.words} (${word}). Check TEAMS_APP_ID, TEAMS_APP_PASSWORD and the first of TEAMS_TENANT_IDS`,
      )
    }
    const { access_token, expires_in } = read.data
    const livesMs = expires_in * 1_000
    known = { token: access_token, until: clock.now() + livesMs - Math.min(SPARE_MS, livesMs / 2) }
    return access_token
  }
}

const tokenSchema = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive() })
const faultSchema = z.object({ error: z.string().max(100) })
