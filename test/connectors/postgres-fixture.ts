import { randomInt } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { inject } from 'vitest'
import { createDemoTarget } from '../../src/connectors/demo-target.ts'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { createPostgresConnector, type PostgresConnectorOptions } from '../../src/connectors/postgres/connector.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { ConnectionDetails, Connector, TargetGrant } from '../../src/ports/connector.ts'
import { carelessSettings, type ScratchCluster, startScratchCluster } from '../support/cluster.ts'
import { type Major, NEWEST } from '../support/postgres-versions.ts'

/** The target's own expiry is judged by the target's clock, which no test can move. */
const clock: Clock = { now: () => Date.now(), runAt: () => () => undefined }

/** Long where an answer is expected, however busy the machine is; short where waiting is what a test is about. */
export const patience = {
  connectMs: 20_000,
  replyMs: 25_000,
  lockMs: 12_000,
  heldUpMs: 15_000,
  hiddenMs: 150,
  quietMs: 10_000,
  pollMs: 10,
}

/** Which PostgreSQL the target is: the projects of vitest.config.ts run the same tests on each. */
export const MAJOR = inject('major') ?? NEWEST

/** Before 16 nobody is made a member: what the role holds is given one by one. */
export const givesCopies = MAJOR < 16

/** The demo target on a server of its own: what a test does to it harms nobody. */
export async function startDemoServer(settings: Record<string, string> = {}): Promise<DemoServer> {
  const cluster = await startScratchCluster({ settings: { ...carelessSettings, ...settings }, major: MAJOR })
  const { url } = await createDemoTarget(cluster.urlFor('postgres'), 'the-bot')
  const opened: Connector[] = []
  const clients: Sql[] = []
  const server: DemoServer = {
    cluster,
    url,
    connect(options = {}) {
      const connector = createPostgresConnector({ target: 'prod-db', url, clock, patience, ...options })
      opened.push(connector)
      return connector
    },
    client(login, options = {}) {
      const sql = postgres(cluster.urlFor(login.database ?? 'prod_db', login.user, login.password), {
        max: 1,
        fetch_types: false,
        onnotice: () => undefined,
        backoff: () => 0,
        ...options,
      })
      clients.push(sql)
      return sql
    },
    dba: (database = 'prod_db') => server.client({ database }),
    async close() {
      await Promise.all(opened.map((connector) => connector.close()))
      await Promise.all(clients.map((sql) => sql.end({ timeout: 0 })))
      await cluster.remove()
    },
  }
  return server
}

export function newGrant(grants = 'ledger_write'): TargetGrant {
  const id = `G-${randomInt(36 ** 5, 36 ** 6)
    .toString(36)
    .toUpperCase()}`
  return { id, target: 'prod-db', entitlement: 'write', grants, account: accountName(id) }
}

export const inOneHour = () => Date.now() + 3_600_000

export function passwordOf(details: ConnectionDetails): string {
  return details.fields.find(({ secret }) => secret)?.value ?? ''
}

export interface DemoServer {
  readonly cluster: ScratchCluster
  /** As the bot. */
  readonly url: string
  connect(options?: Partial<PostgresConnectorOptions>): Connector
  client(login: { user?: string; password?: string; database?: string }, options?: object): Sql
  /** The superuser. */
  dba(database?: string): Sql
  close(): Promise<void>
}

declare module 'vitest' {
  export interface ProvidedContext {
    major?: Major
  }
}
