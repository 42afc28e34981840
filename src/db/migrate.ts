import { existsSync } from 'node:fs'
import path from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator'
import { closeDb, openDb } from './client.ts'
import { ensureRoles, OWNER_ROLE } from './roles.ts'
import type { Db } from './transaction.ts'

const MIGRATIONS = path.join(import.meta.dirname, '..', '..', 'drizzle')
const LOCK = 7_240_118_001

/** Brings the schema to what this code needs. Any number of replicas may call it at once. */
export async function migrate(
  ownerUrl: string,
  { folder = MIGRATIONS, also = [] }: MigrateOptions = {},
): Promise<void> {
  const sql = openDb(ownerUrl, { applicationName: 'countersign migrate', max: 1 })
  try {
    await sql`select pg_advisory_lock(${LOCK})`
    if (await ensureRoles(sql)) {
      const [{ name } = { name: '' }] = await sql<{ name: string }[]>`select current_database() as name`
      await sql`grant all on database ${sql(name)} to ${sql(OWNER_ROLE)}`
      await sql`grant all on schema public to ${sql(OWNER_ROLE)}`
      await sql`set role ${sql(OWNER_ROLE)}`
    }
    if (existsSync(path.join(folder, 'meta', '_journal.json'))) {
      await runMigrations(drizzle(sql), { migrationsFolder: folder })
    }
    for (const step of also) await step(sql)
  } finally {
    await closeDb(sql)
  }
}

export interface MigrateOptions {
  /** Where the migrations are. */
  folder?: string
  /** Schemas that others bring, made under the same lock as the owner. */
  also?: ((sql: Db) => Promise<void>)[]
}
