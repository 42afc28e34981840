import { type Card, type Chat, ChatError, type Destination, type Line, type MessageRef } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Connector, Place, Recipient } from './connector.ts'
import { explainFailure } from './connector-failure.ts'
import type { Conversations } from './conversations.ts'
import { createPace, TENANT_LIMITS, THREAD_LIMITS, timesAsWide } from './pace.ts'
import { renderMessage, renderShared, type TeamsMessage } from './render-message.ts'
import type { Rendering } from './render-text.ts'
import { type SentMessages, TEAMS_PLATFORM } from './sent-messages.ts'

export interface OutgoingOptions {
  readonly connector: Connector
  readonly conversations: Conversations
  readonly clock: Clock
  readonly sent: SentMessages
  readonly rendering: Rendering
  /** Limits so many times as wide: 1 but in tests. */
  readonly limitsTimes: number
  /** Called after each call of Teams that should have done something, with what went wrong. */
  readonly onCall: (failure: ChatError | null) => void
}

export interface Outgoing {
  readonly chat: Chat
  /** Posts what is rendered already. @throws ChatError */
  say(to: Destination, key: string, message: TeamsMessage): Promise<MessageRef>
  /** In a shared conversation, for one person's eyes. @throws ChatError */
  whisper(where: Shared, key: string, message: TeamsMessage): Promise<MessageRef>
}

export interface Shared {
  readonly place: Place
  readonly conversation: string
  readonly to: Recipient
}

const CHANNEL_ID = /^19:[^\s;]{1,200}@thread\.(tacv2|skype|v2)$/

/**
 * The outgoing half. Teams knows no idempotency and lets nobody look for a message: every key is noted before
 * it is sent, and a try that ended without a word is followed by one more.
 */
export function createOutgoing(options: OutgoingOptions): Outgoing {
  const { connector, conversations, clock, sent, rendering, onCall, limitsTimes } = options
  const pace = createPace(timesAsWide(THREAD_LIMITS, limitsTimes))
  const wholePace = createPace(timesAsWide(TENANT_LIMITS, limitsTimes))
  const underWay = new Map<string, Promise<MessageRef>>()

  return {
    chat: {
      platform: TEAMS_PLATFORM,
      post: (to, key, message) => say(to, key, render(message, to.kind === 'channel')),
      async update(ref, message) {
        if (ref.platform !== TEAMS_PLATFORM) throw noSuch(ref)
        const place = await conversations.placeOf(ref.channel)
        turn(ref.channel, place, `update ${ref.id}`)
        const rendered = render(message, ref.channel.startsWith('19:'))
        await call('an update', ref.channel, false, () => connector.update(place, ref.channel, ref.id, rendered))
      },
    },
    say,
    whisper: ({ place, conversation, to }, key, message) =>
      once(key, async () => {
        turn(conversation, place, key)
        return sending(key, conversation, async () => ({
          conversation,
          message: await connector.whisper(place, conversation, to, message),
        }))
      }),
  }

  function render(message: Card | Line, isShared: boolean): TeamsMessage {
    return isShared ? renderShared(message, rendering) : renderMessage(message, rendering)
  }

  function say(to: Destination, key: string, message: TeamsMessage): Promise<MessageRef> {
    return once(key, () => post(to, key, message))
  }

  function once(key: string, run: () => Promise<MessageRef>): Promise<MessageRef> {
    const running = underWay.get(key)
    if (running !== undefined) return running
    const posting = run().finally(() => underWay.delete(key))
    underWay.set(key, posting)
    return posting
  }

  async function post(to: Destination, key: string, message: TeamsMessage): Promise<MessageRef> {
    switch (to.kind) {
      case 'channel': {
        if (!CHANNEL_ID.test(to.channel)) {
          const remedy = 'Copy the id from the link to the channel: 19:…@thread.tacv2'
          throw new ChatError('not-found', `${to.channel} is not the id of a channel in Teams. ${remedy}`)
        }
        const place = await conversations.placeOf(to.channel)
        turn(to.channel, place, key)
        return sending(key, to.channel, () => connector.open(place, to.channel, message))
      }
      case 'thread': {
        if (to.root.platform !== TEAMS_PLATFORM) throw noSuch(to.root)
        const place = await conversations.placeOf(to.root.channel)
        return inConversation(place, threadOf(to.root), key, message)
      }
      case 'person': {
        const { place, conversation } = await conversations.direct(to.account)
        if (conversation !== null) {
          try {
            return await inConversation(place, conversation, key, message)
          } catch (error) {
            if (!(error instanceof ChatError) || error.code !== 'not-found') throw error
            // People may clear a chat: then there is another one with them.
            await conversations.forgetDirect(to.account)
          }
        }
        const member = to.account.id
        const opened = await call('opening a chat', member, false, () => connector.direct(place, member))
        conversations.keepDirect(to.account, place, opened)
        return inConversation(place, opened, key, message)
      }
      default:
        return to satisfies never
    }
  }

  function inConversation(place: Place, conversation: string, key: string, message: TeamsMessage): Promise<MessageRef> {
    turn(conversation, place, key)
    return sending(key, conversation, async () => ({
      conversation,
      message: await connector.send(place, conversation, message),
    }))
  }

  async function sending(
    key: string,
    thread: string,
    send: () => Promise<{ conversation: string; message: string }>,
  ): Promise<MessageRef> {
    const before = await sent.begin(key, clock.now())
    if (before.state === 'sent') return before.ref
    try {
      const { conversation, message } = await call('a message', thread, true, send)
      const ref = { platform: TEAMS_PLATFORM, channel: conversation, id: message }
      await sent.settle(key, ref)
      return ref
    } catch (error) {
      if (error instanceof ChatError && error.code !== 'maybe-sent') await sent.withdraw(key)
      throw error
    }
  }

  /** @throws ChatError throttled, with when to come back */
  function turn(thread: string, { tenant }: Place, key: string): void {
    pace.take(thread, key, clock.now())
    wholePace.take(tenant, key, clock.now())
  }

  async function call<T>(doing: string, thread: string, repeatShows: boolean, run: () => Promise<T>): Promise<T> {
    try {
      const answer = await run()
      onCall(null)
      return answer
    } catch (thrown) {
      const error = explainFailure(thrown, doing, repeatShows)
      onCall(error)
      if (error.code === 'throttled') pace.refused(thread, clock.now(), error.retryAfterMs ?? 0)
      throw error
    }
  }
}

/** In a channel a thread is a conversation of its own; with one person there are none. */
function threadOf({ channel, id }: MessageRef): string {
  const [base = ''] = channel.split(';')
  return base.startsWith('19:') ? `${base};messageid=${id}` : channel
}

function noSuch({ id }: MessageRef): ChatError {
  return new ChatError('not-found', `There is no message ${id} in Teams`)
}
