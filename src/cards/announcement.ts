import type { ChannelOn } from '../domain/channels.ts'
import type { Card, Line, Priority } from '../ports/chat.ts'

/** A message that should exist. `key` is stable: posted once, replaced when its content changes. */
export interface Announcement extends Message {
  readonly to:
    | ({ readonly kind: 'channel' } & ChannelOn)
    /** Under the message with this key, on the platform where that is. */
    | { readonly kind: 'thread'; readonly card: string; readonly platform: string | null }
    | ToPerson
}

/** A message of a stream that has a card: in the card's place, under it, or in person. */
export interface Told extends Message {
  readonly to: { readonly kind: 'card' } | { readonly kind: 'thread' } | ToPerson
}

interface Message {
  readonly key: string
  readonly message: Card | Line
  readonly priority: Priority
  /** A line of steps, which may be one message with the lines before and after it. */
  readonly steps?: true
}

/** Once, on the platform where they are. */
interface ToPerson {
  readonly kind: 'person'
  readonly identity: string
}

/**
 * The card and its thread in every channel where the stream is announced: all of them are one object, drawn from the
 * same events. Each has a key of its own, which names the platform where the policy does.
 */
export function inEveryChannel(
  told: readonly Told[],
  { stream, announcedIn }: { readonly stream: string; readonly announcedIn: readonly ChannelOn[] },
): Announcement[] {
  return told.flatMap(({ to, ...message }): Announcement[] => {
    if (to.kind === 'person') return [{ ...message, to }]
    return announcedIn.map((where) => {
      const key = keyIn(where, message.key)
      if (to.kind === 'card') return { ...message, key, to: { kind: 'channel', ...where } }
      return { ...message, key, to: { kind: 'thread', card: cardKey(stream, where), platform: where.platform } }
    })
  })
}

/** The key of a stream's card in one of its channels. */
export function cardKey(stream: string, where: ChannelOn): string {
  return keyIn(where, `${stream}:card`)
}

export function keyIn({ platform }: ChannelOn, key: string): string {
  return platform === null ? key : `${key}@${platform}`
}
