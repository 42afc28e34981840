import postgres, { type Sql } from 'postgres'
import { newPassword, scramVerifier } from '../src/connectors/postgres/scram.ts'

/**
 * A floor: every call that a removal sends to a PostgreSQL target, by hand and in order, over as many connections;
 * nothing is checked between them, nothing recorded, and no connection is tried before it is used.
 */
export function createBareRevocation(url: string, connections: number) {
  const sql = postgres(url, { max: connections, fetch_types: false, connection: { search_path: 'pg_catalog' } })
  return {
    async revoke({ id, account }: { readonly id: string; readonly account: string }): Promise<void> {
      const now = Date.now()
      await sql`select jit.mark_disabled(${account}, ${id}, ${now}::bigint)`
      const password = newPassword()
      await sql`select jit.disable(${account}, ${id}, ${await scramVerifier(password)})`
      const roleOid = await observe(sql, account)
      await tryLogin(url, account, password)
      await sql`select jit.disable(${account}, ${id}, null)`
      await observe(sql, account)

      await sql`select jit.kill(${account}, ${id}, '[]'::jsonb)`
      await observe(sql, account)

      await sql`select jit.plan_purge(${account}, ${id}, ${now}::bigint)`
      await observe(sql, account)
      await sql`select jit.release_large_objects(${account}, ${roleOid}::oid, ${now}::bigint)`
      await sql`select jit.purge(${account}, ${id}, ${now}::bigint)`
      await observe(sql, account)
      await sql`select jit.residuals(${account})`

      await observe(sql, account)
      await tryLogin(url, account, newPassword())
      await sql`select jit.residuals(${account})`
    },
    close: () => sql.end({ timeout: 5 }),
  }
}

async function observe(sql: Sql, account: string): Promise<number | null> {
  const [row] = await sql<{ seen: { roleOid: number | null } }[]>`select jit.observe(${account}) as seen`
  return row?.seen.roleOid ?? null
}

/** A connection of its own, which is to be refused. */
async function tryLogin(url: string, account: string, password: string): Promise<void> {
  const as = new URL(url)
  as.username = account
  as.password = password
  const sql = postgres(as.href, { max: 1, fetch_types: false, backoff: () => 0 })
  const outcome = await sql`select 1`.then(
    () => 'let in',
    (error: { code?: string }) => error.code,
  )
  await sql.end({ timeout: 1 })
  if (outcome !== '28000' && outcome !== '28P01') throw new Error(`the login as ${account} was not refused: ${outcome}`)
}
