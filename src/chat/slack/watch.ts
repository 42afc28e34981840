import type { webApi } from '@slack/bolt'
import type { ChatError } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import { explainFailure } from './explain-failure.ts'

/** Slack is asked about the token at most this often. */
const ASK_EVERY_MS = 60_000

/** Keeps what is known of the way to Slack, for those who run this. */
export function createWatch({ client, clock, socketMode }: WatchOptions): Watch {
  const brokenChannels = new Map<string, string>()
  let lastSentAt: number | null = null
  let failure: ChatError | null = null
  let socketDownSince: number | null = socketMode ? clock.now() : null
  let token: { readonly askedAt: number; readonly fault: Promise<string | null> } | null = null

  async function faultOfToken(): Promise<string | null> {
    try {
      await client.auth.test()
      return null
    } catch (error) {
      return explainFailure(error, 'auth.test', false).message
    }
  }

  function askToken(): Promise<string | null> {
    const now = clock.now()
    if (token === null || now - token.askedAt >= ASK_EVERY_MS) token = { askedAt: now, fault: faultOfToken() }
    return token.fault
  }

  return {
    askToken,
    called(error) {
      if (error === null) lastSentAt = clock.now()
      failure = error === null || error.code === 'unreachable' || error.code === 'maybe-sent' ? error : failure
    },
    channel(channel, error) {
      const isBroken = error !== null && (error.code === 'not-found' || error.code === 'refused')
      if (isBroken) brokenChannels.set(channel, error.message)
      else if (error === null) brokenChannels.delete(channel)
    },
    socket(isConnected) {
      if (isConnected) socketDownSince = null
      else socketDownSince ??= clock.now()
    },
    async look() {
      const now = clock.now()
      const tokenFault = await askToken()
      const faults = [
        ...(tokenFault === null ? [] : [tokenFault]),
        ...(socketDownSince === null
          ? []
          : [`Socket Mode is down for ${age(now, socketDownSince)}: nobody is heard. Check SLACK_APP_TOKEN`]),
        ...(failure === null || tokenFault !== null ? [] : [`the last call did not work: ${failure.message}`]),
        ...[...brokenChannels].map(([channel, why]) => `channel ${channel} cannot be written to: ${why}`),
      ]
      const sent = lastSentAt === null ? 'nothing sent yet' : `last sent ${age(now, lastSentAt)} ago`
      const way = socketMode ? 'connected over Socket Mode' : 'connected'
      return faults.length === 0
        ? { state: 'ok', detail: `${way}; ${sent}` }
        : { state: 'degraded', detail: [...faults, sent].join('; ') }
    },
  }
}

function age(now: number, then: number): string {
  return `${Math.round((now - then) / 1_000)} s`
}

export interface WatchOptions {
  readonly client: webApi.WebClient
  readonly clock: Clock
  readonly socketMode: boolean
}

export interface Watch {
  /** @returns what is wrong with the token or the way to Slack, as far as known within the last minute */
  askToken(): Promise<string | null>
  /** A call was made, and did or did not work. */
  called(failure: ChatError | null): void
  /** A message was sent to a channel of the policy, or could not be. */
  channel(channel: string, failure: ChatError | null): void
  socket(isConnected: boolean): void
  look(): Promise<{ state: 'ok' | 'degraded'; detail: string }>
}
