import type { Clock } from '../../ports/clock.ts'
import { ConnectorError, type TargetGrant } from '../../ports/connector.ts'
import { accountName } from './account-name.ts'
import type { Endpoint } from './endpoint.ts'
import { openSessions, type Patience, type Sessions } from './sessions.ts'

/** What every step on a PostgreSQL target needs. */
export interface PostgresTarget {
  readonly name: string
  readonly endpoint: Endpoint
  readonly sessions: Sessions
  readonly clock: Clock
  readonly patience: Patience
  /** Roles that may be given, beside the target's own list; null: that list alone. Never holds a removal. */
  readonly allow: readonly string[] | null
  readonly connectionLimit: number
  /** Of our log; null leaves it out of the tags. */
  readonly origin: string | null
}

/** @throws ConnectorError `Conflict` when the grant is another target's, or names an account that is not its own */
export function requireOwn(target: PostgresTarget, grant: TargetGrant): void {
  if (grant.target !== target.name || grant.account !== accountName(grant.id)) {
    throw new ConnectorError(
      'Conflict',
      `${grant.id} names ${grant.account} on ${grant.target}; this is ${target.name}`,
    )
  }
}

/** Does something in another database of the same server, over a connection of its own. */
export async function inDatabase<T>(
  target: PostgresTarget,
  database: string,
  run: (sessions: Sessions) => Promise<T>,
): Promise<T> {
  const sessions = openSessions(`${target.name}/${database}`, { ...target.endpoint, database }, target.patience, 1)
  try {
    return await run(sessions)
  } finally {
    await sessions.close()
  }
}
