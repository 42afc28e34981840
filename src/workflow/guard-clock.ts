import { type Refused, refuse } from '../domain/refusal.ts'
import type { Clock } from '../ports/clock.ts'
import type { PolicyInForce } from './policy-in-force.ts'

/** What a time server corrects, and what two measurements differ by. */
const MOST_BACK_MS = 2_000

/**
 * Whether the clock fell behind what is on record already. Times would stand in the wrong order, and nobody could tell
 * from the record who decided first, so nothing is decided until the clock has caught up. What must end, ends.
 */
export function createClockGuard({ clock, aheadMs, writtenUntil, onFellBack }: ClockGuardOptions): ClockGuard {
  return () => {
    const byMs = Math.max(aheadMs(), writtenUntil - clock.now())
    if (byMs <= MOST_BACK_MS) return null
    onFellBack()
    return refuse({ code: 'clock-fell-back', byMs })
  }
}

/** The same policy, by which nothing is decided while the clock is behind. */
export function whileClockHolds(policy: PolicyInForce, fellBack: ClockGuard): PolicyInForce {
  return {
    ...policy,
    // Asked in any case: it is also how this process hears of another policy.
    async inForce(db) {
      const inForce = await policy.inForce(db)
      return fellBack() ?? inForce
    },
    async provedInForce(db) {
      const inForce = await policy.provedInForce(db)
      return fellBack() ?? inForce
    },
  }
}

/** @returns null while the clock holds */
export type ClockGuard = () => Refused | null

export interface ClockGuardOptions {
  readonly clock: Clock
  /** How far this process's time is ahead of the database's, which fell back under it. */
  readonly aheadMs: () => number
  /** When the newest checkpoint was made that there was at the start, epoch ms. */
  readonly writtenUntil: number
  readonly onFellBack: () => void
}
