import { counted } from '../domain/counted.ts'
import { DAY, formatDuration, HOUR, MINUTE } from '../domain/duration.ts'
import { shortLock } from '../domain/short-lock.ts'
import type { Witness, WitnessLook } from '../ports/witness.ts'
import type { KeepingFigures } from '../telemetry/house-figures.ts'
import type { LastCheck, LastPruning } from './last-check.ts'

/** A schedule is usually daily: after more than a week without a check somebody should look. */
const LATE_CHECK_MS = 8 * DAY

/** By then a daily schedule has come round once, and the check is done. */
const LATE_FIRST_CHECK_MS = DAY + 2 * HOUR

/**
 * What is known of the record's check by schedule.
 * @param began when the record did, epoch ms; null before it
 */
export function tellVerification(last: LastCheck | null, began: number | null, now: number): Line {
  if (last === null) {
    const age = began === null ? 0 : now - began
    const when = began === null ? '' : `; the record began ${formatDuration(Math.max(0, age))} ago`
    const detail = `not yet run: the schedule checks the record (VERIFY_SCHEDULE), verify --log does so at once${when}`
    return { state: age < LATE_FIRST_CHECK_MS ? 'ok' : 'degraded', detail }
  }
  const { ok, at, size, from, checkpoint, differences, tookMs } = last
  const what = ok ? 'whole' : `${counted(differences, 'difference')}: verify --log`
  const how = `${size} events${from > 0 ? `, ${from} of them by an earlier check` : ''}`
  const words = `${what}; ${how}; checkpoint ${checkpoint}; took ${formatDuration(tookMs)}${ageOf(at, now, 'checked')}`
  return { state: ok && now - at < LATE_CHECK_MS ? 'ok' : 'degraded', detail: words }
}

/** What a witness is worth, how far it is, and whether it locks for as long as the policy keeps. */
export function tellWitness(
  { strength, faults: found, seen, newest }: WitnessLook,
  { administeredBy, lockMs }: Pick<Witness, 'administeredBy' | 'lockMs'>,
  { retentionYears, now }: { readonly retentionYears: number; readonly now: number },
): Line {
  const held = newest === null ? 'holds nothing yet' : `holds ${newest.size}${ageOf(newest.at, now)}`
  const short = shortLock(lockMs, retentionYears)
  const faults = [...found, ...(short === null ? [] : [short])]
  const worth = strength === 'weak' ? `weak: ${faults.join('; ')}` : faults.join('; ')
  const words = [worth, held, ...seen, `administered by ${administeredBy}`].filter((part) => part !== '')
  return { state: faults.length > 0 ? 'degraded' : 'ok', detail: words.join('; ') }
}

/** Who may hold and erase, what is held and waits, and how the newest pruning ended. */
export function tellKeeping(
  keepers: readonly string[],
  figures: KeepingFigures | null,
  last: LastPruning | null,
  now: number,
): Line {
  const faults = [
    ...(keepers.length < 2
      ? [`${keepers.length === 0 ? 'nobody' : `${keepers[0]} alone`} may hold and erase, which takes two: name keepers`]
      : []),
    ...(figures === null ? ['the record of holds was changed: nothing is erased or pruned'] : []),
    ...(last !== null && last.due > 0 ? [`${last.due} grants stay that should be pruned: see the findings`] : []),
  ]
  const counts = figures === null ? [] : [`${figures.holds} held, ${figures.waiting} erasures wait`]
  const ran = last === null ? 'nothing was pruned yet' : `pruned ${last.pruned}${ageOf(last.at, now, 'looked')}`
  return { state: faults.length > 0 ? 'degraded' : 'ok', detail: [...faults, ...counts, ran].join('; ') }
}

/** Read each minute: what is older is late. */
const ACTIVITY_LATE_MS = 10 * MINUTE

/** How far the log of a target was read, and whether that is too little. */
export function tellActivity(target: string, seen: TargetLog | undefined, now: number) {
  if (seen === undefined) return { target, lacks: true, says: `${target}: nobody has looked yet` }
  if (seen.off !== null) return { target, lacks: true, says: `${target}: not collected: ${seen.off}` }
  const says = `${target}: collected, last ${formatDuration(Math.max(0, now - seen.at))} ago`
  return { target, lacks: now - seen.at > ACTIVITY_LATE_MS, says }
}

export interface TargetLog {
  readonly target: string
  /** When it was read to its end, or found off. Epoch ms. */
  readonly at: number
  /** Why there is nothing to read. */
  readonly off: string | null
}

/** How long ago, as the end of a line. @param at by the witness's own clock, which may be ahead of ours */
export function ageOf(
  at: number | null,
  now: number,
  done: 'kept' | 'checked' | 'looked' | 'put on record' = 'kept',
): string {
  return at === null ? '' : `, ${done} ${formatDuration(Math.max(0, now - at))} ago`
}

interface Line {
  readonly state: 'ok' | 'degraded'
  /** For the people who run this. */
  readonly detail: string
}
