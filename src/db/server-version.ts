import { SchemaError } from './schema-error.ts'
import type { Db } from './transaction.ts'

/** The oldest PostgreSQL on which all of it was tried. */
const OLDEST = 15

/** @throws SchemaError `server-too-old` */
export async function requireServerVersion(sql: Db): Promise<void> {
  const { number, name } = await serverVersion(sql)
  if (number >= OLDEST * 10_000) return
  const next = `Use PostgreSQL ${OLDEST} or newer. Nothing was changed.`
  throw new SchemaError('server-too-old', `DATABASE_URL points at PostgreSQL ${name}, which is too old. ${next}`)
}

/** As PostgreSQL counts: 160002 is 16.2. */
export async function serverVersion(sql: Db): Promise<{ number: number; name: string }> {
  const [row] = await sql<{ number: number; name: string }[]>`
    select current_setting('server_version_num')::integer as number, current_setting('server_version') as name`
  if (row === undefined) throw new Error('the server did not say its version')
  return row
}
