import { inTransaction } from '../db/in-transaction.ts'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { Period } from '../domain/period.ts'
import { type PopulationPlan, planPopulation } from '../record/plan-population.ts'
import { type NamedSurroundings, performNamed, readNamedPeriod } from './named-act.ts'
import type { EvidenceSurroundings } from './open-evidence.ts'
import { unknownNames } from './unknown-names.ts'

/**
 * All grants and requests of a period, for a person who was named: found, and ready to be written. That they take them out
 * is an event, committed before anything leaves.
 * @param asked.said a period, in the zone of the policy
 * @throws NamedActRefused, and what `planPopulation` throws
 */
export async function openPopulation(
  around: EvidenceSurroundings,
  { said, by, patienceMs, person, target, since = [] }: PopulationAsked,
): Promise<OpenedPopulation> {
  return performNamed(around, { by, act: 'take out evidence' }, async (policy) => {
    const period = readNamedPeriod(said, around.clock.now(), policy.timeZone)
    const seq = await recordOpening(around, populationOpened(by, period, { person, target }))
    // So that whatever came before it is under the checkpoint too.
    await around.sealed(SYSTEM_STREAM, seq, AbortSignal.timeout(patienceMs)).catch(() => undefined)
    const { from, until } = period
    const plan = await planPopulation(around, around.db, { from, until, person, target }, { since })
    return { period, plan, unknown: await unknownNames(around.db, policy, { person, target }) }
  })
}

/** @param via left out where the person was only named, on the command line */
export function populationOpened(
  by: string,
  { from, until, timeZone }: Period,
  { person, target }: Pick<PopulationAsked, 'person' | 'target'>,
  via?: 'chat',
): SystemFact {
  const data = { by, from, until, zone: timeZone, person, target, ...(via !== undefined && { via }) }
  return { type: 'population.opened', data }
}

/** @returns its place in the stream of the house */
async function recordOpening({ db, record, clock, committed }: NamedSurroundings, fact: SystemFact): Promise<number> {
  const [event] = await inTransaction(db, { timeoutMs: 10_000 }, (tx) =>
    record.append(tx, SYSTEM_STREAM, null, [fact], clock.now()),
  )
  committed()
  return event?.seq ?? 0
}

export interface PopulationAsked {
  readonly said: string
  readonly by: string
  /** Null for everybody, and every target. */
  readonly person: string | null
  readonly target: string | null
  /** How long to wait for the witnesses. */
  readonly patienceMs: number
  /** Sizes of checkpoints that somebody kept: the file proves that it continues them. */
  readonly since?: readonly number[]
}

export interface OpenedPopulation {
  readonly period: Period
  readonly plan: PopulationPlan
  /** Of what was asked for, the names that nobody knows, in words. */
  readonly unknown: readonly string[]
}
