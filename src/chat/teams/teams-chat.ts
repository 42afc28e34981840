import type { Router } from 'express'
import type { Db } from '../../db/transaction.ts'
import type { Account, Chat, Desk } from '../../ports/chat.ts'
import type { ChatTrial } from '../../ports/chat-trial.ts'
import type { Clock } from '../../ports/clock.ts'
import type { HearThread } from '../../ports/thread.ts'
import { createAccessToken, TO_READ, TO_SEND } from './access-token.ts'
import { createActs } from './acts.ts'
import { createConnector } from './connector.ts'
import { createConversations } from './conversations.ts'
import { createDoor } from './door.ts'
import { createGraph } from './graph.ts'
import { createOutgoing } from './outgoing.ts'
import { createProfiles } from './profiles.ts'
import { createThreadReader } from './read-thread.ts'
import { createSentMessages } from './sent-messages.ts'
import { createSigningKeys } from './signing-keys.ts'
import { createTeamsTrial } from './trial.ts'
import { createWatch, type Watch } from './watch.ts'

export interface TeamsChat {
  readonly chat: Chat
  /** Mount at `/`: serves `POST /api/messages`. */
  readonly router: Router
  /** For readiness: the token that lets us send, the last message. */
  readonly look: Watch['look']
  readonly trial: ChatTrial
  /** Whether somebody is a member of the tenant, a guest, or a stranger; null when Teams does not say. */
  readonly profileOf: ReturnType<typeof createProfiles>
  /** Never fails: without Teams access is not given, but it is taken away. What is wrong goes to `onFault`. */
  start(): Promise<void>
  /** Waits for the answers on their way. Twice is harmless. */
  stop(): Promise<void>
}

export interface TeamsChatOptions {
  readonly db: Db
  readonly clock: Clock
  readonly desk: Desk
  readonly settings: {
    readonly appId: string
    readonly appPassword: string
    /** Who is let in; the bot is registered in the first. */
    readonly tenantIds: readonly string[]
    /** Microsoft's own when null. */
    readonly openIdMetadataUrl: string | null
    readonly loginUrl: string | null
    /** Threads are read back from Microsoft Graph. */
    readonly readThreads: boolean
    readonly graphUrl: string | null
  }
  readonly rendering: {
    readonly timeZone: string
    /** The Teams account behind an identity; null when there is none. */
    readonly accountOf: (identity: string) => Account | null
  }
  readonly onFault: (what: string, error: unknown) => void
  /** Somebody wrote in a thread, anybody's. */
  readonly onThread?: HearThread
  readonly answerWithinMs?: number
  /** Limits so many times as wide, in tests. */
  readonly limitsTimes?: number
}

/** Microsoft Teams, for one bot and the tenants that are let in. */
export function createTeamsChat(options: TeamsChatOptions): TeamsChat {
  const { db, clock, desk, settings, onFault, answerWithinMs = 4_000, limitsTimes = 1 } = options
  const { onThread = async () => undefined } = options
  const { appPassword, openIdMetadataUrl: metadataUrl, loginUrl, graphUrl } = settings
  const [appId, tenants] = [settings.appId.toLowerCase(), settings.tenantIds.map((one) => one.toLowerCase())]
  const bot = { clock, appId, appPassword, tenant: tenants[0] ?? '', loginUrl }
  const token = createAccessToken({ ...bot, use: TO_SEND })
  const watch = createWatch({ clock, token })
  const conversations = createConversations({ db, clock, tenants })
  const rendering = {
    get timeZone() {
      return options.rendering.timeZone
    },
    userIdOf(identity: string) {
      const account = options.rendering.accountOf(identity)
      return account === null ? null : conversations.userIdOf(account)
    },
  }
  const connector = createConnector({ token, appId })
  const graph = createGraph({ token: createAccessToken({ ...bot, use: TO_READ }), graphUrl })
  const threads = settings.readThreads
    ? createThreadReader({ graph, connector, conversations, appId, watch })
    : undefined
  const outgoing = createOutgoing({
    ...{ connector, conversations, clock, rendering },
    ...{ sent: createSentMessages(db), onCall: watch.called, limitsTimes },
  })
  const acts = createActs({ desk, outgoing, clock, rendering, answerWithinMs, onFault })
  const keys = createSigningKeys({ clock, metadataUrl, onFault })
  return {
    chat: { ...outgoing.chat, ...(threads !== undefined && { threads }) },
    router: createDoor({ acts, clock, keys, conversations, appId, tenants, metadataUrl, onFault, onThread }),
    look: watch.look,
    profileOf: createProfiles({ connector, conversations }),
    trial: createTeamsTrial({ token, connector, conversations, clock, metadataUrl, threads }),
    async start() {
      await conversations.load().catch((error: unknown) => onFault('teams: who was heard before is not known', error))
      // Read before the first act needs them; what is wrong with them is said by themselves.
      await keys.find('')
      const fault = await watch.askToken()
      if (fault !== null) onFault(`teams: nobody is told anything. ${fault}. Access is still taken away`, null)
    },
    async stop() {
      await acts.settle()
      await conversations.settle()
    },
  }
}
