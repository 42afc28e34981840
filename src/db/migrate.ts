import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { closeDb, openDb } from './client.ts'
import { quoteIdentifier } from './identifier.ts'
import { APP_ROLE, canBecome, ensureRoles, OWNER_ROLE, rolesExist, SEALER_ROLE, schemaOwner } from './roles.ts'
import { SchemaError } from './schema-error.ts'
import { MIGRATIONS_FOLDER, MIGRATIONS_TABLE, type SchemaState, schemaState } from './schema-state.ts'
import { requireServerVersion } from './server-version.ts'
import type { Db } from './transaction.ts'

const LOCK = 7_240_118_001
/** A table that waits for its lock stops all who come after it, so a migration gives up before people notice. */
const DDL_LOCK_TIMEOUT = '10s'

/**
 * Brings the schema to what this code needs; any number of replicas may call it at once. A schema that
 * is newer than this code is left alone.
 *
 * It needs a login that owns the database or may create in it, and nothing else. When that login may
 * make roles, or a DBA has made them for it (`rolesForDba`), the owner role owns everything and
 * `grants.sql` beside the migrations says what the others may, applied anew each time. Without roles
 * the login owns everything itself, and readiness says `roles: none`.
 * @param ownerUrl a login that may act as the owner, or the only login there is
 */
export async function migrate(ownerUrl: string, options: MigrateOptions = {}): Promise<SchemaState> {
  const { folder = MIGRATIONS_FOLDER, also = [] } = options
  const sql = openDb(ownerUrl, { applicationName: 'countersign migrate', max: 1, lifetime: 'process' })
  try {
    await requireServerVersion(sql)
    await sql`select pg_advisory_lock(${LOCK})`
    const asOwner = await becomeOwner(sql)
    const found = await schemaState(sql, folder)
    if (found.state === 'newer') return found
    if (found.state === 'diverged') throw diverged(found)
    if (found.missing.length > 0) await applyMigrations(ownerUrl, folder, asOwner)
    for (const step of also) await step(sql)
    if (asOwner) await applyGrants(sql, folder)
    return await schemaState(sql, folder)
  } finally {
    await closeDb(sql)
  }
}

/** Whether the login of `url` could migrate: the start then does so by itself. */
async function mayMigrate(db: Db): Promise<boolean> {
  const owner = await schemaOwner(db)
  if (owner !== undefined) return canBecome(db, owner)
  const [row] = await db`
    select has_database_privilege(session_user, current_database(), 'CREATE') or rolcreaterole or rolsuper as may
    from pg_roles where rolname = session_user`
  return row?.may === true || (await canBecome(db, OWNER_ROLE))
}

/**
 * What a start does about the schema: migrates when it may, and otherwise refuses one that is too old.
 * @param ownerUrl the login for migrations, when there is a separate one
 */
export async function prepareSchema(url: string, options: PrepareOptions = {}): Promise<SchemaState> {
  const { ownerUrl, folder = MIGRATIONS_FOLDER, asItIs = false } = options
  if (ownerUrl !== undefined && !asItIs) return migrate(ownerUrl, options)
  const db = openDb(url, { applicationName: 'countersign start', max: 1 })
  try {
    await requireServerVersion(db)
    if (!asItIs && (await mayMigrate(db))) return await migrate(url, options)
    const found = await schemaState(db, folder)
    if (found.state === 'diverged') throw diverged(found)
    if (found.state !== 'older') return found
    const next = 'Run npm run -s countersign -- migrate with DATABASE_OWNER_URL.'
    throw new SchemaError('schema-older', `The database lacks ${found.missing.join(', ')}. ${next}`)
  } finally {
    await closeDb(db)
  }
}

/** @returns false when there are no roles to use, and the login owns everything itself */
async function becomeOwner(sql: Db): Promise<boolean> {
  await ensureRoles(sql)
  const owner = await schemaOwner(sql)
  // Made before there were roles: it stays with its login until the DBA hands it over.
  if (owner !== undefined && owner !== OWNER_ROLE) return false
  if ((await rolesExist(sql)) && (await canBecome(sql, OWNER_ROLE))) {
    await letOwnerCreate(sql)
    await sql`set role ${sql(OWNER_ROLE)}`
    return true
  }
  if (owner === undefined) return false
  const next = `Set DATABASE_OWNER_URL to a login that may, or let the DBA grant ${OWNER_ROLE} to this one.`
  throw new SchemaError('not-owner', `This login may not act as ${OWNER_ROLE}, who owns the tables. ${next}`)
}

async function letOwnerCreate(sql: Db): Promise<void> {
  const [has] = await sql<{ database: string; create: boolean; public: boolean }[]>`
    select current_database() as database,
      has_database_privilege(${OWNER_ROLE}, current_database(), 'CREATE') as create,
      has_schema_privilege(${OWNER_ROLE}, 'public', 'CREATE') as public`
  if (!has) return
  if (!has.create) await sql.unsafe(`grant all on database ${quoteIdentifier(has.database)} to ${OWNER_ROLE}`)
  if (!has.public) await sql`grant all on schema public to ${sql(OWNER_ROLE)}`
}

/** On a client of its own: drizzle changes how its client writes dates and JSON. Loaded only here: few starts migrate. */
async function applyMigrations(ownerUrl: string, folder: string, asOwner: boolean): Promise<void> {
  const { drizzle } = await import('drizzle-orm/postgres-js')
  const { migrate: runMigrations } = await import('drizzle-orm/postgres-js/migrator')
  const use = { applicationName: 'countersign migrate', max: 1, ...(asOwner && { role: OWNER_ROLE }) }
  const client = openDb(ownerUrl, use)
  try {
    await client`select set_config('lock_timeout', ${DDL_LOCK_TIMEOUT}, false)`
    await runMigrations(drizzle(client), { migrationsFolder: folder })
  } catch (error) {
    throw explain(error)
  } finally {
    await closeDb(client)
  }
}

async function applyGrants(sql: Db, folder: string): Promise<void> {
  const text = await readFile(path.join(folder, 'grants.sql'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text !== undefined) await sql.begin((tx) => tx.unsafe(text))
  if ((await schemaOwner(sql)) === undefined) return
  // Every replica looks what was applied before it works.
  await sql`grant usage on schema drizzle to ${sql(APP_ROLE)}, ${sql(SEALER_ROLE)}`
  await sql`grant select on ${sql(MIGRATIONS_TABLE)} to ${sql(APP_ROLE)}, ${sql(SEALER_ROLE)}`
}

function explain(error: unknown): unknown {
  const reason = (error as { cause?: unknown }).cause ?? error
  const { code } = reason as { code?: unknown }
  if (code === '55P03') {
    const next = 'Nothing was changed. End the transaction that holds it (pg_stat_activity), then migrate again.'
    return new SchemaError('schema-blocked', `A table was in use for ${DDL_LOCK_TIMEOUT}. ${next}`, { cause: error })
  }
  if (code === '42704' && /role "countersign_/.test(String((reason as Error).message))) {
    const next = 'Move its grants to grants.sql beside the migrations, which is left out where there are no roles.'
    return new SchemaError('roles-missing', `A migration names a role that does not exist. ${next}`, { cause: error })
  }
  return error
}

function diverged({ missing }: SchemaState): SchemaError {
  return new SchemaError(
    'schema-diverged',
    `The database has newer migrations but never had ${missing.join(', ')}: it was made by other code. ` +
      'Start the version that made it, or restore a copy from before it.',
  )
}

export interface MigrateOptions {
  /** Where the migrations and `grants.sql` are. */
  folder?: string
  /** Schemas that others bring, made as the owner and under the same lock. Left out when the schema is newer. */
  also?: ((sql: Db) => Promise<void>)[]
}

export interface PrepareOptions extends MigrateOptions {
  ownerUrl?: string
  /** Never migrates: a command that looks must not change what a running process stands on. */
  asItIs?: boolean
}
