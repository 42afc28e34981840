import type { Clock } from '../../ports/clock.ts'
import type { Connector } from '../../ports/connector.ts'
import { boundConnector } from '../bounded-observation.ts'
import { accountName } from './account-name.ts'
import { checkPreconditions } from './check-preconditions.ts'
import { disable } from './disable.ts'
import { parseEndpoint } from './endpoint.ts'
import { issueSecret } from './issue-secret.ts'
import { describeEntitlements, listGrants } from './list-grants.ts'
import { moveExpiry } from './move-expiry.ts'
import type { PostgresTarget } from './postgres-target.ts'
import { provision } from './provision.ts'
import { readActivity } from './read-activity.ts'
import { remove } from './remove.ts'
import { openSessions, type Patience, type Sessions } from './sessions.ts'
import { terminateSessions } from './terminate-sessions.ts'
import { verifyRemoved } from './verify-removed.ts'

/**
 * Access to a PostgreSQL database by temporary logins. The rights are in functions that the DBA set up
 * (set-up-database.sql, set-up-target.sql); our own login may only call them.
 * @throws ConnectorError when the address is malformed
 */
export function createPostgresConnector(options: PostgresConnectorOptions): Connector {
  const { target: name, url, clock, allow = null, connectionLimit = 5, origin = null } = options
  const patience = { ...defaultPatience, ...options.patience }
  const endpoint = parseEndpoint(name, url)
  const opened = openSessions(name, endpoint, patience)
  const sessions: Sessions = {
    ...opened,
    async act(ask) {
      const answer = await opened.act(ask)
      await options.afterStep?.()
      return answer
    },
  }
  const target: PostgresTarget = { name, endpoint, sessions, clock, patience, allow, connectionLimit, origin }
  return boundConnector({
    kind: 'postgres',
    capabilities: {
      holding: 'per-grant',
      nativeExpiry: true,
      endsSessions: true,
      proof: 'enforced-probe',
      secret: 'password',
    },
    accountFor: accountName,
    checkPreconditions: () => checkPreconditions(target),
    describeEntitlements: () => describeEntitlements(target),
    provision: (grant, nativeExpiry) => provision(target, grant, nativeExpiry),
    moveExpiry: (grant, nativeExpiry) => moveExpiry(target, grant, nativeExpiry),
    issueSecret: (grant) => issueSecret(target, grant),
    disable: (grant) => disable(target, grant),
    terminateSessions: (grant) => terminateSessions(target, grant),
    remove: (grant) => remove(target, grant),
    verifyRemoved: (grant) => verifyRemoved(target, grant),
    listGrants: () => listGrants(target),
    activity: { read: (cursor, since) => readActivity(target, cursor, since) },
    close: () => sessions.close(),
  })
}

const defaultPatience: Patience = {
  connectMs: 5_000,
  replyMs: 20_000,
  lockMs: 5_000,
  heldUpMs: 500,
  hiddenMs: 2_000,
  quietMs: 10_000,
  pollMs: 25,
}

export interface PostgresConnectorOptions {
  readonly target: string
  /** As the bot: `postgres://countersign_bot:…@host:5432/prod_db?sslmode=verify-full`. Never logged. */
  readonly url: string
  readonly clock: Clock
  /** Roles that may be given, of those on the target's own list. Default: that whole list. */
  readonly allow?: readonly string[]
  /** Most sessions of one grant at once. */
  readonly connectionLimit?: number
  /** The name of our log, which tells our accounts from those of another Countersign on the same server. */
  readonly origin?: string
  readonly patience?: Partial<Patience>
  /** Test hook: called after each change that the target has committed. */
  readonly afterStep?: () => Promise<void>
}
