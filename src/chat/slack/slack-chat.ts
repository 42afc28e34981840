import { webApi } from '@slack/bolt'
import type { Router } from 'express'
import type { Db } from '../../db/transaction.ts'
import type { Chat, Desk } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import { createActs } from './acts.ts'
import { createDoor } from './door.ts'
import { createOutgoing } from './outgoing.ts'
import type { Rendering } from './render-text.ts'
import { createSentMessages } from './sent-messages.ts'

export interface SlackChat {
  readonly chat: Chat
  /** Mount at `/`: serves `POST /slack/events`. */
  readonly router: Router
  /** Never fails: without Slack access is not given, but it is taken away. What is wrong goes to `onFault`. */
  start(): Promise<void>
  /** Takes no more and waits for the answers on their way. Twice is harmless. */
  stop(): Promise<void>
}

export interface SlackChatOptions {
  readonly db: Db
  readonly clock: Clock
  readonly desk: Desk
  readonly settings: {
    readonly botToken: string
    readonly signingSecret: string | null
    readonly appToken: string | null
    /** Slack's own when null. */
    readonly apiUrl: string | null
  }
  readonly rendering: Rendering
  readonly onFault: (what: string, error: unknown) => void
  /** Slack waits three seconds for an answer; what takes longer than this follows. */
  readonly answerWithinMs?: number
}

/** A call of Slack that takes longer has an unknown outcome. */
const CALL_TIMEOUT_MS = 5_000

/** Slack, over HTTP or Socket Mode, for one workspace. */
export function createSlackChat(options: SlackChatOptions): SlackChat {
  const { db, clock, desk, settings, rendering, onFault, answerWithinMs = 2_400 } = options
  const { botToken, signingSecret, appToken, apiUrl } = settings
  const clientOptions: webApi.WebClientOptions = {
    ...(apiUrl !== null && { slackApiUrl: apiUrl }),
    // A repeat of the client's own could post twice: trying again is for whoever knows the message's key.
    ...{ retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, timeout: CALL_TIMEOUT_MS },
    // Answers through a response_url have no other limit.
    fetch: (url, init) => fetch(url, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS), ...init }),
  }
  const client = new webApi.WebClient(botToken, { ...clientOptions, logger: SILENT })
  const acts = createActs({ desk, client, rendering, answerWithinMs, onFault })
  const door = createDoor({ acts, clock, botToken, signingSecret, appToken, clientOptions, onFault })
  return {
    chat: createOutgoing({ client, clock, sent: createSentMessages(db), rendering }),
    router: door.router,
    async start() {
      door.start()
      await client.auth.test().catch((error: unknown) => {
        onFault('slack: the token was not accepted, or Slack is not there. Check SLACK_BOT_TOKEN', error)
      })
    },
    stop: door.stop,
  }
}

/** Every failure of a call is thrown to us as well. */
const quiet = () => undefined
const SILENT = {
  ...{ debug: quiet, info: quiet, warn: quiet, error: quiet, setLevel: quiet, setName: quiet },
  getLevel: () => webApi.LogLevel.ERROR,
}
