import { closeDb, type DbOptions, openDb } from './client.ts'
import { quoteIdentifier } from './identifier.ts'
import { APP_ROLE, canBecome, OWNER_ROLE, type RoleStrength, SEALER_ROLE, schemaOwner } from './roles.ts'
import type { Db } from './transaction.ts'

/** Longer than any statement of ours is silent. */
const SILENCE_MS = 60_000
/** Whoever locks a table holds up what we ask of it, and not us. */
const LOCK_MS = 10_000

/**
 * Opens the application's pool and the sealer's, each with the least role that its login may take, and
 * says what that is worth. `url` alone is enough; a separate `sealerUrl` makes the wall between them real.
 */
export async function openPools({ url, sealerUrl = url, max = 10, ...options }: PoolsOptions): Promise<Pools> {
  const [app, sealer] = await Promise.all([look(url, APP_ROLE), look(sealerUrl, SEALER_ROLE)])
  const open = (
    at: string,
    use: string,
    login: LoginFacts,
    own: Pick<DbOptions, 'max' | 'lifetime' | 'lockTimeoutMs'>,
  ) =>
    openDb(at, {
      silenceTimeoutMs: SILENCE_MS,
      ...options,
      ...own,
      applicationName: `countersign ${use}`,
      ...(login.role && { role: login.role }),
    })
  const pools = {
    app: open(url, 'app', app, { max, lockTimeoutMs: LOCK_MS }),
    // One connection that is not renewed: its session holds the sealer's lock.
    sealer: open(sealerUrl, 'sealer', sealer, { max: 1, lifetime: 'process' }),
  }
  return {
    ...pools,
    roles: strengthOf(app, sealer),
    async close() {
      await Promise.all([closeDb(pools.app), closeDb(pools.sealer)])
    },
  }
}

function strengthOf(app: LoginFacts, sealer: LoginFacts): RoleStrength {
  if (!app.role || !sealer.role) return 'none'
  const apart = !app.powerful && !sealer.powerful && !app.canSeal && !sealer.canRunApp
  return apart ? 'enforced' : 'advisory'
}

async function look(url: string, role: string): Promise<LoginFacts> {
  const db = openDb(url, { applicationName: 'countersign start', max: 1 })
  try {
    const [powers] = await db<{ powerful: boolean }[]>`
      select r.rolsuper or r.rolcreaterole or pg_has_role(session_user, d.datdba, 'MEMBER') as powerful
      from pg_roles r, pg_database d where r.rolname = session_user and d.datname = current_database()`
    const owner = await schemaOwner(db)
    const withRoles = owner === undefined || owner === OWNER_ROLE
    return {
      role: withRoles && (await canBecome(db, role)) ? role : undefined,
      powerful: powers?.powerful !== false || (await canBecome(db, OWNER_ROLE)),
      canSeal: await canBecome(db, SEALER_ROLE),
      canRunApp: await canBecome(db, APP_ROLE),
    }
  } finally {
    await closeDb(db)
  }
}

/** What a DBA runs once, in the application's database, where our login may not make roles itself. */
export function rolesForDba(login: string, database: string): string {
  const roles = [OWNER_ROLE, APP_ROLE, SEALER_ROLE]
  return [
    ...roles.map((role) => `create role ${role} nologin;`),
    `grant ${roles.join(', ')} to ${quoteIdentifier(login)};`,
    `grant all on database ${quoteIdentifier(database)} to ${OWNER_ROLE};`,
    `grant all on schema public to ${OWNER_ROLE};`,
    '-- only when tables were made before, and this login owns nothing else:',
    `reassign owned by ${quoteIdentifier(login)} to ${OWNER_ROLE};`,
  ].join('\n')
}

interface LoginFacts {
  /** The role that it can act as; undefined when it cannot. */
  role: string | undefined
  /** It could change what it must not: it owns things, or could give itself any right. */
  powerful: boolean
  canSeal: boolean
  canRunApp: boolean
}

export interface PoolsOptions extends Pick<DbOptions, 'statementTimeoutMs' | 'silenceTimeoutMs' | 'onNotice'> {
  url: string
  sealerUrl?: string
  /** Most connections of the application's pool. */
  max?: number
}

export interface Pools {
  app: Db
  sealer: Db
  roles: RoleStrength
  close(): Promise<void>
}
