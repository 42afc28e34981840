import { ChatError } from '../../ports/chat.ts'

/** Slack takes about one message a second in a conversation, bursts short. */
const SPACING_MS = 1_000
/** A place in the queue is kept this long for whoever was told to come back. */
const KEPT_MS = 60_000

/**
 * Gives each message of a conversation its own second. Whoever is early is told when to come back, and
 * keeps the place: a storm is spread out instead of refused again and again.
 */
export function createPace(): Pace {
  const places = new Map<string, { next: number; kept: Map<string, number> }>()
  return {
    take(conversation, key, now) {
      const place = places.get(conversation) ?? { next: now, kept: new Map<string, number>() }
      places.set(conversation, place)
      for (const [other, at] of place.kept) if (at + KEPT_MS < now) place.kept.delete(other)
      const mine = place.kept.get(key) ?? Math.max(now, place.next)
      if (!place.kept.has(key)) place.next = mine + SPACING_MS
      if (mine > now) {
        place.kept.set(key, mine)
        throw new ChatError('throttled', `Slack takes one message a second in ${conversation}`, {
          retryAfterMs: mine - now,
        })
      }
      place.kept.delete(key)
    },
    refused(conversation, now, retryAfterMs) {
      const place = places.get(conversation)
      if (place !== undefined) place.next = Math.max(place.next, now + retryAfterMs)
    },
  }
}

export interface Pace {
  /** @throws ChatError throttled, with when to come back */
  take(conversation: string, key: string, now: number): void
  /** Slack itself said no: another replica, or another app, was quicker. */
  refused(conversation: string, now: number, retryAfterMs: number): void
}
