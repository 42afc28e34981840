import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from './transaction.ts'

/** Owns the schema and everything in it. Nobody logs in as it. */
export const OWNER_ROLE = 'countersign_owner'
/** Runs the application: inserts and selects. */
export const APP_ROLE = 'countersign_app'
/** Marks leaves. */
export const SEALER_ROLE = 'countersign_sealer'

const ROLES = [OWNER_ROLE, APP_ROLE, SEALER_ROLE]
const ATTEMPTS = 5
/** Somebody made the same role, or changed the same membership, in the same instant. */
const RACES = new Set(['42710', '23505', 'XX000'])

/**
 * Makes the roles that are missing, when this login may, and lets it act as each. Roles belong to the
 * whole server, so another database of ours may be doing the same at this moment.
 * @returns whether this login can act as every role now
 */
export async function ensureRoles(sql: Db): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryEnsureRoles(sql)
    } catch (error) {
      if (attempt === ATTEMPTS || !RACES.has(String((error as { code?: unknown }).code))) throw error
      await sleep(10 * attempt)
    }
  }
}

async function tryEnsureRoles(sql: Db): Promise<boolean> {
  if (await canBecomeAll(sql)) return true
  const [login] = await sql`select rolcreaterole or rolsuper as creator from pg_roles where rolname = current_user`
  if (login?.creator !== true) return false
  const separateSet = await hasSeparateSet(sql)
  for (const role of ROLES) {
    const [existing] = await sql`select 1 from pg_roles where rolname = ${role}`
    if (!existing) await sql`create role ${sql(role)} nologin`
    // From 16 on, who makes a role administers it but may not act as it before granting itself that.
    if (await canBecome(sql, role)) continue
    await grantToSelf(sql, role, separateSet)
  }
  return canBecomeAll(sql)
}

async function grantToSelf(sql: Db, role: string, separateSet: boolean): Promise<void> {
  try {
    if (separateSet) await sql`grant ${sql(role)} to current_user with set true, inherit true`
    else await sql`grant ${sql(role)} to current_user`
  } catch (error) {
    // The roles are there, made by another; this login was not let in.
    if ((error as { code?: unknown }).code !== '42501') throw error
  }
}

async function canBecomeAll(sql: Db): Promise<boolean> {
  for (const role of ROLES) {
    if (!(await canBecome(sql, role))) return false
  }
  return true
}

/** Whether the login of `sql` may SET ROLE to `role`. False when there is no such role. */
export async function canBecome(sql: Db, role: string): Promise<boolean> {
  const how = (await hasSeparateSet(sql)) ? 'SET' : 'MEMBER'
  const [row] = await sql`
    select pg_has_role(session_user, oid, ${how}) as may from pg_roles where rolname = ${role}`
  return row?.may === true
}

async function hasSeparateSet(sql: Db): Promise<boolean> {
  const [row] = await sql`select current_setting('server_version_num')::int >= 160000 as yes`
  return row?.yes === true
}
