import { DAY } from './duration.ts'

/** A shortest year. Of the leap days, a lock of the same length as the retention may have any number. */
const YEAR = 365 * DAY

/**
 * What is wrong with a witness that locks what it keeps for less time than auditors may ask for it; null where nothing is.
 * @param lockMs undefined for a witness that locks nothing, which is weak for other reasons
 */
export function shortLock(lockMs: number | undefined, retentionYears: number): string | null {
  if (lockMs === undefined || lockMs >= retentionYears * YEAR) return null
  const days = Math.floor(lockMs / DAY)
  return `locks for ${days} days, shorter than the retention of the policy, ${retentionYears}y: set retention=${retentionYears}y in WITNESSES. What lies there keeps its lock`
}
