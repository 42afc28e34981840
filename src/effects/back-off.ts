import type { BackOff } from './effect.ts'

/** An outside that asks for more is asked again after this long all the same: a removal does not wait for a day. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000

/**
 * How long to wait after a failed attempt: doubled each time, up to the cap, with the upper half left
 * to chance so that many failures at once do not come back at once. What the error asks for is the least.
 *
 * @param attempt the one that failed, from 1
 * @param chance from 0 to 1
 */
export function delayAfter(attempt: number, error: unknown, { firstMs, maxMs }: BackOff, chance: number): number {
  const asked = retryAfterOf(error)
  if (asked !== null) return Math.min(asked, LONGEST_RETRY_AFTER_MS) * (1 + chance / 10)
  return Math.min(maxMs, firstMs * 2 ** (attempt - 1)) * (0.5 + chance / 2)
}

function retryAfterOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('retryAfterMs' in error)) return null
  const { retryAfterMs } = error
  return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : null
}
