import { setTimeout as sleep } from 'node:timers/promises'
import { PgBoss } from 'pg-boss'
import { APP_ROLE } from '../db/roles.ts'
import type { Db } from '../db/transaction.ts'

/**
 * Makes or upgrades pg-boss's own schema, as whoever `sql` is, and lets the application work in it.
 * A step for `migrate`, which holds the lock that keeps replicas from doing this at the same time.
 *
 * @param sql one connection (`max: 1`), acting as the owner
 */
export async function migrateEffects(sql: Db): Promise<void> {
  const boss = new PgBoss({
    db: { executeSql: async (text, values) => ({ rows: rowsOf(await sql.unsafe(text, values as never[])) }) },
    migrate: true,
    supervise: false,
    schedule: false,
  })
  let failure: unknown
  boss.on('error', (error) => {
    failure ??= error
  })
  await boss.start()
  try {
    // Indexes of an upgrade are built after it, one by one, by this process alone.
    while (!failure && (await boss.getBamStatus()).some(({ status }) => status === 'pending')) await sleep(100)
  } finally {
    await boss.stop({ graceful: false })
  }
  if (failure) throw new Error('the effects schema could not be upgraded: call migrate again', { cause: failure })
  await letApplicationIn(sql)
}

async function letApplicationIn(sql: Db): Promise<void> {
  const [exists] = await sql`select 1 from pg_roles where rolname = ${APP_ROLE}`
  // A server without our roles has one login that does all.
  if (!exists) return
  const role = sql(APP_ROLE)
  await sql`grant usage on schema pgboss to ${role}`
  await sql`grant select, insert, update, delete on all tables in schema pgboss to ${role}`
  await sql`grant execute on all functions in schema pgboss to ${role}`
}

/** postgres.js gives one array for one statement, and an array of arrays for several. */
function rowsOf(result: readonly unknown[]): unknown[] {
  return result.some((part) => Array.isArray(part)) ? result.flat() : [...result]
}
