import type { webApi } from '@slack/bolt'
import { z } from 'zod'
import {
  type Account,
  type Card,
  type Chat,
  ChatError,
  type Destination,
  type Line,
  type MessageRef,
  type Priority,
} from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import { explainFailure } from './explain-failure.ts'
import { findOwnMessage, markOf } from './find-own-message.ts'
import { createPictures } from './pictures.ts'
import { createThreadReader } from './read-thread.ts'
import { renderMessage, type SlackMessage } from './render-message.ts'
import type { Rendering } from './render-text.ts'
import { type Sent, type SentMessages, SLACK_PLATFORM } from './sent-messages.ts'
import type { Limits, Turns, Wish } from './turns.ts'

export interface OutgoingOptions {
  readonly client: webApi.WebClient
  readonly clock: Clock
  readonly sent: SentMessages
  readonly turns: Turns
  readonly limits: Limits
  /** Who has a turn within this time waits for it here; who has not is told when to come back. Milliseconds. */
  readonly patienceMs: number
  readonly rendering: Rendering
  /** Called after each call of Slack that should have done something, with what went wrong. */
  readonly onCall: (failure: ChatError | null) => void
  /** Called after each message to a channel. */
  readonly onChannel: (channel: string, failure: ChatError | null) => void
}

const POST = 'chat.postMessage'
/** Direct messages of so many people are remembered by their conversation. */
const MOST_REMEMBERED = 10_000
/** Longer than this a message does not wait for the look whether it is there already. */
const LOOK_PATIENCE_MS = 5_000

/**
 * The outgoing half. Slack knows no idempotency: every key is noted before it is sent, and a try that
 * ended without a word is looked up once, by the mark that the message carries, before it is sent again.
 */
export function createOutgoing(options: OutgoingOptions): Chat {
  const { client, clock, sent, turns, limits, patienceMs, rendering, onCall, onChannel } = options
  const pictures = createPictures(client)
  const directs = new Map<string, string>()
  const underWay = new Map<string, Promise<MessageRef>>()

  return {
    platform: SLACK_PLATFORM,
    threads: createThreadReader(client),
    post(to, key, message, priority = 3) {
      const running = underWay.get(key)
      if (running !== undefined) return running
      const posting = post(to, key, message, priority).finally(() => underWay.delete(key))
      if (to.kind === 'channel') watch(to.channel, posting)
      underWay.set(key, posting)
      return posting
    },
    async update(ref, message, priority = 3) {
      if (ref.platform !== SLACK_PLATFORM || !isTs(ref.id)) {
        throw new ChatError('not-found', `There is no message ${ref.id} in Slack`)
      }
      const at = { place: 'chat.update', limit: limits.update }
      await turn(at, `${ref.channel} ${ref.id}`, priority)
      await withPicture(message, ({ text, blocks }) =>
        call('chat.update', at, () =>
          client.chat.update({ channel: ref.channel, ts: ref.id, text, blocks, link_names: false }),
        ),
      )
    },
  }

  async function post(to: Destination, key: string, message: Card | Line, priority: Priority): Promise<MessageRef> {
    const place = await placeOf(to, key, priority)
    await turn(place.at, key, priority)
    const before = await sent.begin(key, clock.now())
    if (before.state === 'sent') return before.ref
    const found = await lookFor(before, place, key)
    const ref = found ?? (await withPicture(message, (rendered) => send(place, key, rendered, before)))
    await sent.settle(key, ref)
    return ref
  }

  /** Slack takes a moment over a file, and may refuse it: then the card comes back, and in the end goes without. */
  async function withPicture<T>(message: Card | Line, say: (rendered: SlackMessage) => Promise<T>): Promise<T> {
    const chart = 'chart' in message ? message.chart : undefined
    const file = chart === undefined ? null : await pictures.fileOf(chart)
    if (chart === undefined || file === null) return say(renderMessage(message, rendering))
    try {
      return await say(renderMessage(message, rendering, file))
    } catch (error) {
      if (!(error instanceof ChatError) || error.code !== 'refused') throw error
      pictures.refused(chart)
      throw new ChatError('throttled', 'Slack does not show the picture yet', { retryAfterMs: 2_000, cause: error })
    }
  }

  async function send(place: Place, key: string, message: SlackMessage, before: Sent): Promise<MessageRef> {
    try {
      const answer = await call(POST, place.at, () =>
        client.chat.postMessage({ ...marked(message, key), ...inPlace(place) }),
      )
      const { channel, ts } = postedSchema.parse(answer)
      await turns.learn(place.channel, channel)
      return { platform: SLACK_PLATFORM, channel, id: ts }
    } catch (thrown) {
      const error = explainFailure(thrown, POST, true)
      // After an earlier try that may have arrived, a clear no to this one says nothing of that.
      if (error.code !== 'maybe-sent' && before.state === 'new') await sent.withdraw(key)
      throw error
    }
  }

  function watch(channel: string, posting: Promise<MessageRef>): void {
    posting.then(
      () => onChannel(channel, null),
      (error: unknown) => error instanceof ChatError && onChannel(channel, error),
    )
  }

  /** @throws ChatError throttled, with when the turn comes */
  async function turn(at: At, key: string, priority: Priority): Promise<void> {
    for (;;) {
      try {
        return await turns.take({ ...at, key, priority, now: clock.now() })
      } catch (error) {
        const waitMs = error instanceof ChatError ? error.retryAfterMs : null
        if (waitMs === null || waitMs > patienceMs) throw error
        await new Promise<void>((resolve) => clock.runAt(clock.now() + waitMs, resolve))
      }
    }
  }

  async function call<T>(method: string, { place, limit }: At, run: () => Promise<T>): Promise<T> {
    try {
      const answer = await run()
      onCall(null)
      return answer
    } catch (thrown) {
      const error = explainFailure(thrown, method, method === POST)
      onCall(error)
      if (error.code === 'throttled') await turns.refused(place, limit, clock.now() + (error.retryAfterMs ?? 0))
      throw error
    }
  }

  /** @returns null when it is not there, or when it cannot be told: then it is sent again, which is harmless */
  async function lookFor(before: Sent, place: Place, key: string): Promise<MessageRef | null> {
    if (before.state !== 'maybe-sent') return null
    const channel = place.at.place
    try {
      const ts = await findOwnMessage(client, { ...place, channel, since: before.triedAt }, key)
      return ts === null ? null : { platform: SLACK_PLATFORM, channel, id: ts }
    } catch (thrown) {
      const error = explainFailure(thrown, 'looking for a message', false)
      const soon = error.code === 'throttled' && (error.retryAfterMs ?? 0) <= LOOK_PATIENCE_MS
      if (soon || error.code === 'unreachable') throw error
      return null
    }
  }

  async function placeOf(to: Destination, key: string, priority: Priority): Promise<Place> {
    switch (to.kind) {
      case 'channel':
        return inConversation(to.channel, null, await turns.conversationOf(to.channel))
      case 'thread':
        if (to.root.platform === SLACK_PLATFORM && isTs(to.root.id)) {
          return inConversation(to.root.channel, to.root.id)
        }
        throw new ChatError('not-found', `There is no message ${to.root.id} in Slack`)
      case 'person':
        return inConversation(await directWith(to.account, key, priority), null)
      default:
        return to satisfies never
    }
  }

  function inConversation(channel: string, thread: string | null, id = channel): Place {
    return { channel, thread, at: { place: id, limit: limits.post } }
  }

  async function directWith(account: Account, key: string, priority: Priority): Promise<string> {
    if (account.platform !== SLACK_PLATFORM) throw new ChatError('not-found', `${account.id} is not a Slack account`)
    const who = `${account.tenant}/${account.id}`
    const known = directs.get(who)
    if (known !== undefined) return known
    const at = { place: 'conversations.open', limit: limits.open }
    await turn(at, key, priority)
    const answer = await call('conversations.open', at, () => client.conversations.open({ users: account.id }))
    const { channel } = openedSchema.parse(answer)
    remember(directs, who, channel.id)
    return channel.id
  }
}

interface Place {
  /** A conversation's id, or a channel's name. */
  readonly channel: string
  readonly thread: string | null
  readonly at: At
}

/** What Slack limits, and how. */
type At = Pick<Wish, 'place' | 'limit'>

const postedSchema = z.object({ channel: z.string(), ts: z.string() })
const openedSchema = z.object({ channel: z.object({ id: z.string() }) })

function marked({ text, blocks }: SlackMessage, key: string) {
  const { metadata, blockId } = markOf(key)
  const [first, ...rest] = blocks
  return {
    ...{ text, metadata, blocks: first === undefined ? [] : [{ ...first, block_id: blockId }, ...rest] },
    ...{ mrkdwn: false, parse: 'none' as const, link_names: false, unfurl_links: false, unfurl_media: false },
  }
}

function inPlace({ channel, thread }: Place) {
  return { channel, ...(thread !== null && { thread_ts: thread }) }
}

function isTs(id: string): boolean {
  return /^\d{1,12}\.\d{6}$/.test(id)
}

function remember(map: Map<string, string>, key: string, value: string): void {
  if (map.size >= MOST_REMEMBERED) map.clear()
  map.set(key, value)
}
