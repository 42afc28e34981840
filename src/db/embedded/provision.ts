import { APP_ROLE, ensureRoles, OWNER_ROLE, SEALER_ROLE } from '../roles.ts'
import type { Db } from '../transaction.ts'
import type { SavedState } from './saved-state.ts'

export const APP_DATABASE = 'countersign'
const LOCK = 7_240_118_101

/** The logins: one a role, none of which can become another. */
export const LOGINS = {
  app: { login: 'countersign_app_login', role: APP_ROLE },
  sealer: { login: 'countersign_sealer_login', role: SEALER_ROLE },
  owner: { login: 'countersign_owner_login', role: OWNER_ROLE },
} as const

/** Makes roles, logins and the application's database where they are missing. `admin`: the superuser, one connection. */
export async function provision(admin: Db, passwords: SavedState['passwords']): Promise<void> {
  await admin`select pg_advisory_lock(${LOCK})`
  try {
    await ensureRoles(admin)
    for (const [who, { login, role }] of Object.entries(LOGINS)) {
      const [existing] = await admin`select 1 from pg_roles where rolname = ${login}`
      if (existing) continue
      // Utility statements take no parameters; the password is base64url of our own making.
      const password = passwords[who as keyof typeof LOGINS]
      await admin.unsafe(`create role ${login} login password '${password}' in role ${role}`)
    }
    const [database] = await admin`select 1 from pg_database where datname = ${APP_DATABASE}`
    if (!database) await admin`create database ${admin(APP_DATABASE)} owner ${admin(OWNER_ROLE)}`
    // The demo target lives on this server too: who is let into it must not get in here.
    for (const closed of [APP_DATABASE, 'postgres', 'template1']) {
      await admin`revoke all on database ${admin(closed)} from public`
    }
    await admin`grant connect on database ${admin(APP_DATABASE)} to ${admin(APP_ROLE)}, ${admin(SEALER_ROLE)}`
  } finally {
    await admin`select pg_advisory_unlock(${LOCK})`
  }
}
