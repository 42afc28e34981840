import type { ChatError } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import type { AccessToken } from './access-token.ts'

/** Entra is asked about a token that it did not give at most this often, whoever looks. */
const ASK_EVERY_MS = 60_000

/** Keeps what is known of the way to Teams, for those who run this. */
export function createWatch({ clock, token }: { readonly clock: Clock; readonly token: AccessToken }): Watch {
  let lastSentAt: number | null = null
  let failure: ChatError | null = null
  const unread = new Map<string, string>()
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
    read(channel, error) {
      if (error === null) unread.delete(channel)
      else if (error.code === 'refused') unread.set(channel, error.message)
    },
    async look() {
      const tokenFault = await askToken()
      const call = failure === null ? null : `the last call did not work: ${failure.message}`
      const faults = [tokenFault ?? call, ...new Set(unread.values())].filter((fault) => fault !== null)
      const sent = lastSentAt === null ? 'nothing sent yet' : `last sent ${ageInSeconds(clock.now(), lastSentAt)} s ago`
      return faults.length === 0
        ? { state: 'ok', detail: `connected; ${sent}` }
        : { state: 'degraded', detail: [...faults, sent].join('; ') }
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
  /** A thread of a channel was to be read back, and was or was not. */
  read(channel: string, failure: ChatError | null): void
  look(): Promise<{ state: 'ok' | 'degraded'; detail: string }>
}
