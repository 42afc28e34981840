import { DAY } from './duration.ts'
import type { KeepingRun } from './house-event.ts'
import type { KeepingState } from './keeping-state.ts'

/** What was ordered is carried out within moments; a bucket that is away may hold it up for hours. */
const ERASED_WITHIN_MS = DAY

/** Why something is still there that should be gone, each in a sentence that stays the same; none when all is well. */
export function keepingHeldUp(
  { refused, due }: Pick<KeepingRun, 'refused' | 'due'>,
  keeping: Pick<KeepingState, 'erasures'>,
  now: number,
): string[] {
  const late = [...keeping.erasures.values()].filter(
    ({ ordered, over }) => ordered !== null && over === null && now - ordered.at > ERASED_WITHIN_MS,
  )
  const pruning = due > 0 ? [refused === null ? NOT_PRUNED : REFUSED[refused]] : []
  return [...pruning, ...late.map(({ id }) => `${id} was ordered more than a day ago, and is not carried out`)]
}

const REFUSED: Readonly<Record<NonNullable<KeepingRun['refused']>, string>> = {
  'policy-unproved': 'Nothing is pruned: the policy in force is not proved, or not active',
  'record-not-checked': 'Nothing is pruned: the last check of the record found a difference, or is older than 8 days',
}

const NOT_PRUNED =
  'Grants whose retention is over are not pruned: their record was changed, or takes more than one event'
