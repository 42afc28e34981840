import type { Clock } from '../ports/clock.ts'

/** Longer than from keeping an effect to its commit; whatever takes longer is found by the look of every second. */
const RECENT_MS = 1_000

/**
 * Which kinds of effects were kept here a moment ago, so that after a commit only their workers look. An effect is kept
 * some time before its commit, which nobody tells apart from the commits beside it: so a kind counts for a moment.
 */
export function createRecentKinds(clock: Clock): RecentKinds {
  const keptAt = new Map<string, number>()
  return {
    kept(kind) {
      keptAt.set(kind, clock.now())
    },
    recent() {
      const since = clock.now() - RECENT_MS
      for (const [kind, at] of keptAt) if (at < since) keptAt.delete(kind)
      return [...keptAt.keys()]
    },
  }
}

interface RecentKinds {
  kept(kind: string): void
  recent(): string[]
}
