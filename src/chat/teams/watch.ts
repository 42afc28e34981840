import type { ChatError } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AccessToken } from './access-token.ts'

/** Entra is asked about a token that it did not give at most this often, whoever looks. */
const ASK_EVERY_MS = 60_000

/** Keeps what is known of the way to Teams, for those who run this. */
export function createWatch({ clock, token }: { readonly clock: Clock; readonly token: AccessToken }): Watch {
  let lastSentAt: number | null = null
  let failure: ChatError | null = null
  let asked: { readonly at: number; readonly fault: Promise<string | null> } | null = null

  function askToken(): Promise<string | null> {
    const now = clock.now()
    if (asked !== null && now - asked.at < ASK_EVERY_MS) return asked.fault
    const fault = token.get().then(
      () => null,
      (error: ChatError) => error.message,
    )
    asked = { at: now, fault }
    return fault
  }

  return {
    askToken,
    called(error) {
      if (error === null) lastSentAt = clock.now()
      failure = error === null || error.code === 'unreachable' || error.code === 'maybe-sent' ? error : failure
    },
    async look() {
      const tokenFault = await askToken()
      const call = failure === null ? null : `the last call did not work: ${failure.message}`
      const fault = tokenFault ?? call
      const sent = lastSentAt === null ? 'nothing sent yet' : `last sent ${ageInSeconds(clock.now(), lastSentAt)} s ago`
      return fault === null
        ? { state: 'ok', detail: `connected; ${sent}` }
        : { state: 'degraded', detail: `${fault}; ${sent}` }
    },
  }
}

function ageInSeconds(now: number, then: number): number {
  return Math.round((now - then) / 1_000)
}

export interface Watch {
  /** @returns what is wrong with the token that lets us send, or the way to Entra */
  askToken(): Promise<string | null>
  /** A call was made, and did or did not work. */
  called(failure: ChatError | null): void
  look(): Promise<{ state: 'ok' | 'degraded'; detail: string }>
}
