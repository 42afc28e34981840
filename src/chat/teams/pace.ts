import { ChatError } from '../../ports/chat.ts'

/** At most `count` within `perMs`. */
export interface Limit {
  readonly count: number
  readonly perMs: number
}

/** What Microsoft gives a bot in one thread. A little is left for the way there. */
export const THREAD_LIMITS: readonly Limit[] = [
  { count: 7, perMs: 1_050 },
  { count: 8, perMs: 2_100 },
  { count: 60, perMs: 30_500 },
  { count: 1_800, perMs: 3_601_000 },
]

/** And in all threads of a tenant together: 30 to 50 a second. */
export const TENANT_LIMITS: readonly Limit[] = [{ count: 30, perMs: 1_050 }]

/** The same in a time lapse, for tests. */
export function timesAsWide(limits: readonly Limit[], times: number): Limit[] {
  return limits.map(({ count, perMs }) => ({ count, perMs: perMs / times }))
}

/** A place in the queue is kept this long for whoever was told to come back. */
const KEPT_MS = 60_000
const MOST_THREADS = 5_000

/**
 * Gives each message of a thread a moment within all limits. Whoever is early is told when to come back,
 * and keeps the place: a storm is spread out instead of refused again and again.
 */
export function createPace(limits: readonly Limit[]): Pace {
  const threads = new Map<string, Thread>()
  const longest = Math.max(...limits.map(({ perMs }) => perMs))
  return {
    take(thread, key, now) {
      const place = placeOf(thread, now)
      const mine = place.kept.get(key) ?? reserve(place, now)
      if (mine > now) {
        place.kept.set(key, mine)
        const words = `Teams takes no more at once in ${thread}`
        throw new ChatError('throttled', words, { retryAfterMs: mine - now })
      }
      place.kept.delete(key)
    },
    refused(thread, now, retryAfterMs) {
      const place = placeOf(thread, now)
      place.notBefore = Math.max(place.notBefore, now + retryAfterMs)
    },
  }

  function placeOf(thread: string, now: number): Thread {
    if (threads.size >= MOST_THREADS) {
      for (const [name, { taken }] of threads) if ((taken.at(-1) ?? 0) + longest < now) threads.delete(name)
    }
    const place = threads.get(thread) ?? { taken: [], kept: new Map<string, number>(), notBefore: now }
    threads.set(thread, place)
    place.taken.splice(
      0,
      Math.max(
        0,
        place.taken.findIndex((at) => at + longest > now),
      ),
    )
    // In the order in which they were given away, so those that are over come first.
    for (const [key, at] of place.kept) {
      if (at + KEPT_MS >= now) break
      place.kept.delete(key)
    }
    return place
  }

  /** The first moment at which no limit is passed; those after it come later still. */
  function reserve({ taken, notBefore }: Thread, now: number): number {
    const free = limits.map(({ count, perMs }) => (taken.at(-count) ?? Number.NEGATIVE_INFINITY) + perMs)
    const mine = Math.max(now, notBefore, taken.at(-1) ?? now, ...free)
    taken.push(mine)
    return mine
  }
}

interface Thread {
  /** The moments that were given away, in order. */
  readonly taken: number[]
  readonly kept: Map<string, number>
  notBefore: number
}

export interface Pace {
  /** @throws ChatError throttled, with when to come back */
  take(thread: string, key: string, now: number): void
  /** Teams itself said no: another replica was quicker. */
  refused(thread: string, now: number, retryAfterMs: number): void
}
