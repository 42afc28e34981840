import { z } from 'zod'
import { ConnectorError, type StepObservation, type TargetGrant } from '../../ports/connector.ts'
import { check } from './check.ts'
import { factsOf } from './explain-failure.ts'
import { namesOf, observe } from './observe.ts'
import { parseAnswer } from './parse-answer.ts'
import { inDatabase, type PostgresTarget, requireOwn } from './postgres-target.ts'
import { readResiduals } from './read-residuals.ts'

/**
 * Takes away what the account owns and holds in every database, then the account. What it owned goes
 * to the quarantine role and is listed: it may be somebody's work, and it may be a back door.
 *
 * @throws ConnectorError `DependentObjects` naming the databases in which something could not be taken away
 */
export async function remove(target: PostgresTarget, grant: TargetGrant): Promise<StepObservation> {
  requireOwn(target, grant)
  const { sessions, clock } = target
  const { id, account } = grant
  const [plan] = await sessions.act(
    (sql) => sql`select jit.plan_purge(${account}, ${id}, ${clock.now()}::bigint) as databases`,
  )
  const { roleOid, roles } = await observe(target, grant)
  if (roles.length > 0) {
    const failures: string[] = []
    for (const database of parseAnswer(target.name, z.array(z.string()), plan?.databases)) {
      try {
        await inDatabase(target, database, (there) =>
          there.act((sql) => sql`select jit.purge_database(${account}, ${roleOid}::oid, ${clock.now()}::bigint)`),
        )
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
  try {
    await sessions.act((sql) => sql`select jit.purge(${account}, ${id}, ${clock.now()}::bigint)`)
  } catch (error) {
    throw await namePrepared(target, grant, error)
  }
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

/** A prepared transaction may hold a lock that the removal waits for in vain: then the lock is not what a person must look for. */
async function namePrepared(target: PostgresTarget, grant: TargetGrant, cause: unknown): Promise<unknown> {
  const { prepared } = await observe(target, grant).catch(() => ({ prepared: [] }))
  if (prepared.length === 0) return cause
  const names = prepared.map((gid) => `"${gid}"`).join(', ')
  const message = `${grant.account} left prepared transactions: ${names}. Roll them back.`
  return new ConnectorError('DependentObjects', message, { cause, retryAfterMs: 30_000 })
}
