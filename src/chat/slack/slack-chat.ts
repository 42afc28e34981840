import { webApi } from '@slack/bolt'
import type { Router } from 'express'
import type { Db } from '../../db/transaction.ts'
import type { AccountProfile } from '../../domain/decide-link.ts'
import type { Account, Chat, Desk, MessageRef } from '../../ports/chat.ts'
import type { ChatTrial } from '../../ports/chat-trial.ts'
import type { Clock } from '../../ports/clock.ts'
import type { HearThread } from '../../ports/thread.ts'
import { createActs } from './acts.ts'
import { createDoor } from './door.ts'
import { createOutgoing } from './outgoing.ts'
import { createProfiles } from './profiles.ts'
import type { Rendering } from './render-text.ts'
import { createSentMessages } from './sent-messages.ts'
import { createSlackTrial } from './trial.ts'
import { createTurns, type Limits, SLACK_LIMITS, timesAsWide } from './turns.ts'
import { createWatch, type Watch } from './watch.ts'

export interface SlackChat {
  readonly chat: Chat
  /** Mount at `/`: serves `POST /slack/events`. */
  readonly router: Router
  /** For readiness: the token, Socket Mode, the last message, channels that cannot be written to. */
  readonly look: Watch['look']
  readonly trial: ChatTrial
  /** What Slack says of an account: a member with a confirmed address, a guest, a bot. Null when it cannot be asked. */
  readonly profileOf: (account: Account) => Promise<AccountProfile | null>
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
  /** Slack says that a message was deleted: ours or anybody's. */
  readonly onDeleted?: (message: MessageRef) => Promise<void>
  /** Slack signed something in what is the future here. Epoch ms by its clock. */
  readonly onFuture?: (sentAt: number) => Promise<void>
  /** Somebody wrote in a thread, anybody's. */
  readonly onThread?: HearThread
  /** Slack waits three seconds for an answer; what takes longer than this follows. */
  readonly answerWithinMs?: number
  /** Slack's own when left out. */
  readonly limits?: Limits
  /** So many times as wide, in tests. */
  readonly limitsTimes?: number
  readonly patienceMs?: number
}

/** A call of Slack that takes longer has an unknown outcome. */
const CALL_TIMEOUT_MS = 5_000
/** Whoever sends comes back a little before the turn, because the clock that wakes it is coarse. */
const PATIENCE_MS = 2_000

/** Slack, over HTTP or Socket Mode, for one workspace. */
export function createSlackChat(options: SlackChatOptions): SlackChat {
  const { db, clock, desk, settings, rendering, onFault, onDeleted = async () => undefined } = options
  const { onThread = async () => undefined, onFuture = async () => undefined } = options
  const { answerWithinMs = 2_400, limits = SLACK_LIMITS, limitsTimes = 1, patienceMs = PATIENCE_MS } = options
  const { botToken, signingSecret, appToken, apiUrl } = settings
  const clientOptions: webApi.WebClientOptions = {
    ...(apiUrl !== null && { slackApiUrl: apiUrl }),
    // A repeat of the client's own could post twice: trying again is for whoever knows the message's key.
    ...{ retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, timeout: CALL_TIMEOUT_MS },
    // Answers through a response_url have no other limit.
    fetch: (url, init) => fetch(url, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS), ...init }),
  }
  const client = new webApi.WebClient(botToken, { ...clientOptions, logger: SILENT })
  const watch = createWatch({ client, clock, socketMode: appToken !== null })
  const acts = createActs({ desk, client, rendering, answerWithinMs, onFault })
  const door = createDoor({
    ...{ acts, clock, botToken, signingSecret, appToken, clientOptions, onFault },
    ...{ onSocket: watch.socket, onDeleted, onThread, onFuture },
  })
  return {
    chat: createOutgoing({
      ...{ client, clock, sent: createSentMessages(db), turns: createTurns(db), rendering },
      ...{ limits: timesAsWide(limits, limitsTimes), patienceMs, onCall: watch.called, onChannel: watch.channel },
    }),
    router: door.router,
    look: watch.look,
    trial: createSlackTrial(client),
    profileOf: createProfiles(client),
    async start() {
      door.start()
      const fault = await watch.askToken()
      if (fault !== null) onFault(`slack: nobody is told anything. ${fault}. Access is still taken away`, null)
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
