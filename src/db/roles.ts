import { setTimeout as sleep } from 'node:timers/promises'
import { serverVersion } from './server-version.ts'
import type { Db } from './transaction.ts'

/** Owns the schema and everything in it. Nobody logs in as it. */
export const OWNER_ROLE = 'countersign_owner'
/** Runs the application: inserts and selects. */
export const APP_ROLE = 'countersign_app'
/** Marks leaves. */
export const SEALER_ROLE = 'countersign_sealer'

/**
 * How far roles hold one pool away from what another may do.
 * `enforced`: by the logins themselves. `advisory`: by a setting that any SQL can leave again.
 * `none`: the login may not act as the roles; the DBA runs `rolesForDba` and then `migrate` again.
 */
export type RoleStrength = 'enforced' | 'advisory' | 'none'

const ROLES = [OWNER_ROLE, APP_ROLE, SEALER_ROLE]
const ATTEMPTS = 5
/** Somebody made the same role, or changed the same membership, in the same instant. */
const RACES = new Set(['42710', '23505', 'XX000'])

/**
 * Makes the roles that are missing, when this login may, and lets it act as each. Roles belong to the
 * whole server, so another database of ours may be doing the same at this moment.
 * A login that may not make them leaves things as they are.
 */
export async function ensureRoles(sql: Db): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryEnsureRoles(sql)
    } catch (error) {
      if (attempt === ATTEMPTS || !RACES.has(String((error as { code?: unknown }).code))) throw error
      await sleep(10 * attempt)
    }
  }
}

async function tryEnsureRoles(sql: Db): Promise<void> {
  const [login] = await sql`select rolcreaterole or rolsuper as creator from pg_roles where rolname = session_user`
  if (login?.creator !== true) return
  const from16 = (await serverVersion(sql)).number >= 160_000
  for (const role of ROLES) {
    const [existing] = await sql`select from pg_roles where rolname = ${role}`
    if (!existing) await sql`create role ${sql(role)} nologin`
    // From 16 on, who makes a role administers it but may not act as it before granting itself that.
    if (!(await canBecome(sql, role))) await grantToSelf(sql, role, from16)
  }
}

async function grantToSelf(sql: Db, role: string, from16: boolean): Promise<void> {
  try {
    if (from16) await sql`grant ${sql(role)} to current_user with set true, inherit true`
    else await sql`grant ${sql(role)} to current_user`
  } catch (error) {
    // Another login made the roles and did not let this one in: it works without them.
    if ((error as { code?: unknown }).code !== '42501') throw error
  }
}

export async function rolesExist(sql: Db): Promise<boolean> {
  const found = await sql`select from pg_roles where rolname in ${sql(ROLES)}`
  return found.length === ROLES.length
}

/** Who owns what was migrated: the owner role, or the login where there were no roles. Undefined before the first migration. */
export async function schemaOwner(sql: Db): Promise<string | undefined> {
  const [table] = await sql<{ owner: string }[]>`
    select pg_get_userbyid(c.relowner) as owner from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'drizzle' and c.relname = '__drizzle_migrations'`
  return table?.owner
}

/** Whether the login of `sql` may SET ROLE to `role`. False when there is no such role. */
export async function canBecome(sql: Db, role: string): Promise<boolean> {
  // Before 16, to be a member was to be allowed to act as the role.
  const how = (await serverVersion(sql)).number < 160_000 ? 'MEMBER' : 'SET'
  const [row] = await sql`select pg_has_role(session_user, oid, ${how}) as may from pg_roles where rolname = ${role}`
  return row?.may === true
}
