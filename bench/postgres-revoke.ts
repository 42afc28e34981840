import { randomUUID } from 'node:crypto'
import { createDemoTarget } from '../src/connectors/demo-target.ts'
import { accountName } from '../src/connectors/postgres/account-name.ts'
import { createPostgresConnector } from '../src/connectors/postgres/connector.ts'
import { closeDb, openDb } from '../src/db/client.ts'
import type { Db } from '../src/db/transaction.ts'
import { grantStream } from '../src/domain/grant-event.ts'
import type { Connector } from '../src/ports/connector.ts'
import { startScratchCluster } from '../test/support/cluster.ts'
import { type House, openHouse, until } from '../test/support/house.ts'
import { createBareRevocation } from './bare-revocation.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { benchPolicy } from './bench-policy.ts'
import { COMMIT_TIMES, commitTimes, endingOf, LOOK_EVERY_MS, WHOLE_ENDING } from './lateness.ts'
import { grantIds, seedGrants } from './seed-grants.ts'
import { listed, median } from './statistics.ts'

const ROUNDS = 3
const GRANTS = 200
/** As the product: removals at once a target, and connections that they share. */
const AT_ONCE = 32
const CONNECTIONS = 5
/** From the set-up to the instant: a process starts and becomes idle. */
const CALM_MS = 8_000
const PATIENCE_MS = 120_000

/** Two hundred real logins of a PostgreSQL target that end at once, until the last is proved to be gone. */
export const postgresRevoke: Bench = {
  name: 'postgres-revoke',
  bounds: [{ figure: 'postgres-revoke.ratio', most: 1.5 }],
  async run(say) {
    const policy = benchPolicy({
      ...{ people: GRANTS, targets: 1, entitlements: 1 },
      ...{ account: (id) => `{ local: ${id} }`, connector: 'env:DEMO_TARGET_URL' },
    })
    const house = await openHouse({ policy, settings: COMMIT_TIMES })
    // A server of its own, as in production: the record's many sessions are not among those that a removal looks through.
    const server = await startScratchCluster()
    const { url, database } = await createDemoTarget(server.urlFor('postgres'), randomUUID())
    const target = { url, db: openDb(server.urlFor(database), { applicationName: 'bench', max: 1 }) }
    const connector = createPostgresConnector({
      ...{ target: 't0', url, origin: house.environment.LOG_ORIGIN ?? '' },
      clock: { now: Date.now, runAt: () => () => undefined },
    })
    try {
      const rounds: { product: number; bare: number; ratio: number }[] = []
      for (let n = 0; n < ROUNDS; n++) {
        const bare = await measureBare(target, connector, grantIds(GRANTS, 2 * n * GRANTS))
        const product = await measureProduct(house, target, connector, grantIds(GRANTS, (2 * n + 1) * GRANTS))
        rounds.push({ product, bare, ratio: product / bare })
        say(`${GRANTS} gone after ${product.toFixed(0)} ms, the same SQL bare takes ${bare.toFixed(0)} ms`)
      }
      const of = (name: 'product' | 'bare' | 'ratio') => rounds.map((round) => round[name])
      return {
        figures: { 'postgres-revoke.ratio': median(of('ratio')) },
        behind: {
          'postgres-revoke.ratio': `${GRANTS} proved gone after ${listed(of('product'))} ms; the same SQL bare ${listed(of('bare'))} ms`,
        },
      }
    } finally {
      await connector.close()
      await closeDb(target.db)
      await server.remove()
      await house.close()
    }
  },
}

async function measureBare(target: Target, connector: Connector, ids: readonly string[]): Promise<number> {
  await makeLogins(connector, ids)
  const bare = createBareRevocation(target.url, CONNECTIONS)
  const since = performance.now()
  await eachUpTo(AT_ONCE, ids, (id) => bare.revoke({ id, account: accountName(id) }))
  const took = performance.now() - since
  await bare.close()
  await requireNoLogins(target, ids)
  return took
}

async function measureProduct(
  house: House,
  target: Target,
  connector: Connector,
  ids: readonly string[],
): Promise<number> {
  await makeLogins(connector, ids)
  const size = { count: ids.length, calmMs: CALM_MS }
  const seeds = await seedGrants(house.environment, size, (endsAt) =>
    ids.map((id, n) => {
      return { id, target: 't0', person: `p${n}`, account: accountName(id), grants: 'ledger_read', endsAt }
    }),
  )
  // Only now: logins of which the record says nothing would be taken away at the start.
  const replica = await house.startReplica({ DEMO_TARGET_URL: target.url })
  const streams = ids.map(grantStream)
  const removed = await until(
    'all grants are gone',
    async () => {
      const times = await commitTimes(house.db, 'grant.removed', streams)
      return times.size === ids.length && times
    },
    LOOK_EVERY_MS,
    PATIENCE_MS,
  )
  const wrong = (await endingOf(house.db, streams)).filter((types) => types !== WHOLE_ENDING)
  if (wrong.length > 0) throw new BenchFailed(`${wrong.length} grants did not end in steps, one of them: ${wrong[0]}`)
  await replica.stop()
  await requireNoLogins(target, ids)
  return Math.max(...removed.values()) - (seeds[0]?.endsAt ?? Number.NaN)
}

async function makeLogins(connector: Connector, ids: readonly string[]): Promise<void> {
  const until = Date.now() + 8 * 3_600_000
  await eachUpTo(6, ids, async (id) => {
    const grant = { id, target: 't0', entitlement: 'e0', grants: 'ledger_read', account: accountName(id) }
    await connector.provision(grant, until)
  })
}

async function requireNoLogins({ db }: Target, ids: readonly string[]): Promise<void> {
  const left = await db`select from pg_roles where rolname = any(${ids.map(accountName)}::text[])`
  if (left.length > 0) throw new BenchFailed(`${left.length} of ${ids.length} logins are still there`)
}

interface Target {
  /** As the bot. */
  readonly url: string
  /** As the superuser. */
  readonly db: Db
}

async function eachUpTo<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}
