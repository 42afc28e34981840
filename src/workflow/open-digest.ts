import { inTransaction } from '../db/in-transaction.ts'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import { mayReadDigest } from '../domain/may-read-digest.ts'
import type { Period } from '../domain/period.ts'
import type { Policy } from '../domain/policy.ts'
import { NamedActRefused, type NamedSurroundings, performNamed, readNamedPeriod } from './named-act.ts'

/**
 * Lets a person who was named take out the digest of a period. That they did is on record before anything leaves.
 * @param said a week, `last`, `this` or a period
 * @throws NamedActRefused
 */
export function openDigest(
  around: NamedSurroundings,
  { said, by }: { readonly said: string; readonly by: string },
): Promise<{ readonly period: Period; readonly policy: Policy }> {
  return performNamed(around, { by, act: 'take out the digest' }, async (policy) => {
    const period = readNamedPeriod(said, around.clock.now(), policy.timeZone)
    const refused = mayReadDigest(by, policy)
    if (refused !== null) {
      const words = `The digest is for compliance and those in escalateTo; ${by} is in neither list of the policy`
      throw new NamedActRefused('may-not-read-digest', words)
    }
    const fact = digestOpened(by, period.name)
    await inTransaction(around.db, { timeoutMs: 10_000 }, (tx) =>
      around.record.append(tx, SYSTEM_STREAM, null, [fact], around.clock.now()),
    )
    around.committed()
    return { period, policy }
  })
}

/** @param via left out where the person was only named, on the command line */
export function digestOpened(by: string, period: string, via?: 'chat'): SystemFact {
  return { type: 'digest.opened', data: { by, period, ...(via !== undefined && { via }) } }
}
