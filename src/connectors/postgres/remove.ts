import { z } from 'zod'
import { ConnectorError, type StepObservation, type TargetGrant } from '../../ports/connector.ts'
import { actPastSessions } from './act-past-sessions.ts'
import { check } from './check.ts'
import { factsOf } from './explain-failure.ts'
import { namesOf, observe } from './observe.ts'
import { parseAnswer } from './parse-answer.ts'
import { inDatabase, type PostgresTarget, requireOwn } from './postgres-target.ts'
import { readResiduals } from './read-residuals.ts'
import type { Sessions } from './sessions.ts'

/**
 * Takes away what the account owns and holds in every database, then the account. What it owned goes
 * to the quarantine role and is listed: it may be somebody's work, and it may be a back door.
 *
 * @throws ConnectorError `DependentObjects` naming the databases in which something could not be taken away
 */
export async function remove(target: PostgresTarget, grant: TargetGrant): Promise<StepObservation> {
  requireOwn(target, grant)
  const { clock } = target
  const { id, account } = grant
  const plan = await actPastSessions(
    target,
    grant,
    (sql) => sql`select jit.plan_purge(${account}, ${id}, ${clock.now()}::bigint) as databases`,
  )
  const { roleOid, roles } = await observe(target, grant)
  if (roles.length > 0) {
    const failures: string[] = []
    await releaseLargeObjects(target, grant, roleOid, target.sessions)
    for (const database of parseAnswer(target.name, z.array(z.string()), plan.answer[0]?.databases)) {
      try {
        await inDatabase(target, database, async (there) => {
          await releaseLargeObjects(target, grant, roleOid, there)
          await actPastSessions(
            target,
            grant,
            (sql) => sql`select jit.purge_database(${account}, ${roleOid}::oid, ${clock.now()}::bigint)`,
            there,
          )
        })
      } catch (error) {
        failures.push(factsOf(error).message)
      }
    }
    if (failures.length > 0) {
      throw new ConnectorError('DependentObjects', `${account} has left things elsewhere. ${failures.join(' ')}`, {
        retryAfterMs: 30_000,
      })
    }
  }
  await actPastSessions(target, grant, (sql) => sql`select jit.purge(${account}, ${id}, ${clock.now()}::bigint)`)
  const seen = await observe(target, grant)
  const residuals = await readResiduals(target, grant, seen)
  return {
    summary:
      residuals.length === 0
        ? `the login ${account} is dropped`
        : `the login ${account} is dropped, ${residuals.length} things left behind`,
    checks: [check('role', 'absent', namesOf(seen))],
    residuals,
  }
}

/** In steps that commit one by one, so that no number of them is too many to be taken away. */
async function releaseLargeObjects(
  target: PostgresTarget,
  grant: TargetGrant,
  roleOid: number | null,
  where: Sessions,
): Promise<void> {
  for (let released = 1; released > 0; ) {
    const { answer } = await actPastSessions(
      target,
      grant,
      (sql) => sql<{ released: number }[]>`
        select jit.release_large_objects(${grant.account}, ${roleOid}::oid, ${target.clock.now()}::bigint) as released`,
      where,
    )
    released = answer[0]?.released ?? 0
  }
}
