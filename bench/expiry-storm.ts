import path from 'node:path'
import { closeDb, openDb } from '../src/db/client.ts'
import type { Db } from '../src/db/transaction.ts'
import { grantStream } from '../src/domain/grant-event.ts'
import { type House, openHouse, until } from '../test/support/house.ts'
import { createBareDatabase } from './bare-database.ts'
import { startBareJobs } from './bare-jobs.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { benchPolicy } from './bench-policy.ts'
import { COMMIT_TIMES, commitTimes, endingOf, LOOK_EVERY_MS, WHOLE_ENDING } from './lateness.ts'
import { grantIds, type Seed, seedGrants } from './seed-grants.ts'
import { listed, median, quantile } from './statistics.ts'

const ROUNDS = 3
const GRANTS = 1_000
const TARGETS = 10
const AT_ONCE = 32
const CALL_MS = 20
const STEADY = { perSecond: 20, seconds: 30 }
/** From the last word of the set-up to the instant. */
const CALM_MS = 4_000
const PATIENCE_MS = 90_000

/** A thousand grants that end at the same instant, and grants that end one after the other. */
export const expiryStorm: Bench = {
  name: 'expiry-storm',
  bounds: [
    { figure: 'expiry-storm.vs-bare', most: 1.5 },
    { figure: 'expiry-storm.vs-bare-3', most: 1.5 },
    { figure: 'expiry.p99-ms' },
  ],
  async run(say) {
    const policy = benchPolicy({
      ...{ people: GRANTS, targets: TARGETS, entitlements: 1 },
      ...{ account: (id) => `{ local: ${id} }`, connector: 'env:DEMO_TARGET_URL' },
    })
    const house = await openHouse({ policy, settings: COMMIT_TIMES, script: SLOW_REPLICA })
    try {
      const rounds: { one: Round; three: Round }[] = []
      for (let n = 0; n < ROUNDS; n++) {
        const one = await measureStorm(house, `${n}_1`, 1, say)
        const three = await measureStorm(house, `${n}_3`, 3, say)
        rounds.push({ one, three })
      }
      const steady = await measureSteady(house)
      const ratios = (of: 'one' | 'three') => median(rounds.map((round) => round[of].late / round[of].bare))
      const behind = (of: 'one' | 'three') =>
        `last disabled late by ${listed(rounds.map((round) => round[of].late))} ms; ` +
        `bare jobs by ${listed(rounds.map((round) => round[of].bare))} ms; ` +
        `all proved gone after ${listed(rounds.map((round) => round[of].gone))} ms`
      return {
        figures: {
          'expiry-storm.vs-bare': ratios('one'),
          'expiry-storm.vs-bare-3': ratios('three'),
          'expiry.p99-ms': quantile(steady, 0.99),
        },
        behind: {
          'expiry-storm.vs-bare': behind('one'),
          'expiry-storm.vs-bare-3': behind('three'),
          'expiry.p99-ms': `p50 ${listed([median(steady)])} ms, most ${listed([Math.max(...steady)])} ms, of ${steady.length}`,
        },
      }
    } finally {
      await house.close()
    }
  },
}

const SLOW_REPLICA = path.join(import.meta.dirname, 'slow-replica-process.ts')

interface Round {
  /** Milliseconds after the instant: the product's last commit of a `disabled`, that of bare jobs, the last proof. */
  readonly late: number
  readonly bare: number
  readonly gone: number
}

/** Neither stands while the other is measured. */
async function measureStorm(house: House, name: string, replicas: number, say: (line: string) => void): Promise<Round> {
  const bare = await measureBareJobs(house, name, replicas)
  const { disabled, removed, endsAt } = await endAll(house, name, replicas, (instant) =>
    Array.from({ length: GRANTS }, () => instant),
  )
  const late = Math.max(...disabled) - Math.max(...endsAt)
  const gone = Math.max(...removed) - Math.max(...endsAt)
  say(
    `${replicas} replicas: late by ${late.toFixed(0)} ms, bare jobs by ${bare.toFixed(0)} ms, gone after ${gone.toFixed(0)}`,
  )
  return { late, bare, gone }
}

/** @returns how late each was, one grant after the other falling due */
async function measureSteady(house: House): Promise<number[]> {
  const { perSecond, seconds } = STEADY
  const { disabled, endsAt } = await endAll(house, 'steady', 1, (instant) =>
    Array.from({ length: perSecond * seconds }, (_, n) => instant + (n * 1_000) / perSecond),
  )
  return disabled.map((at, n) => at - (endsAt[n] ?? 0))
}

async function endAll(
  house: House,
  name: string,
  replicas: number,
  ends: (instant: number) => readonly number[],
): Promise<{ disabled: number[]; removed: number[]; endsAt: readonly number[] }> {
  const admin = openDb(house.cluster.urlFor('postgres'), { applicationName: 'bench', max: 1 })
  await admin`create database ${admin(`storm_${name}`)}`
  await closeDb(admin)
  const place = {
    ...{ DATABASE_URL: house.cluster.urlFor(`storm_${name}`), LOG_ORIGIN: `bench.example/${name}` },
    ...{ WITNESSES: `file:${house.file(`witness-${name}`)}`, CALL_MS: String(CALL_MS) },
  }
  const processes = []
  for (let n = 0; n < replicas; n++) processes.push(await house.startReplica(place))
  const sql = openDb(place.DATABASE_URL, { applicationName: 'bench', max: 1 })
  const count = ends(0).length
  try {
    const seeds = await seedGrants({ ...house.environment, ...place }, { count, calmMs: CALM_MS }, (instant) => {
      const endsAt = ends(instant)
      return grantIds(count, 0).map((id, n): Seed => {
        const account = `slow_${id}`
        return {
          id,
          target: `t${n % TARGETS}`,
          person: `p${n}`,
          account,
          grants: 'ledger_read',
          endsAt: endsAt[n] ?? 0,
        }
      })
    })
    const endsAt = seeds.map((seed) => seed.endsAt)
    const streams = seeds.map(({ id }) => grantStream(id))
    await until(
      `all grants of ${name} are gone`,
      () => areAllRemoved(sql, count),
      LOOK_EVERY_MS,
      PATIENCE_MS + Math.max(...endsAt) - Date.now(),
    )
    const wrong = (await endingOf(sql, streams)).filter((types) => types !== WHOLE_ENDING)
    if (wrong.length > 0) throw new BenchFailed(`${wrong.length} grants did not end in steps, one of them: ${wrong[0]}`)
    const [disabled, removed] = [
      await commitTimes(sql, 'grant.disabled', streams),
      await commitTimes(sql, 'grant.removed', streams),
    ]
    const inOrder = (times: Map<string, number>) => streams.map((stream) => times.get(stream) ?? Number.NaN)
    const early = inOrder(disabled).filter((at, n) => !(at >= (endsAt[n] ?? 0)))
    if (early.length > 0) throw new BenchFailed(`${early.length} grants were disabled before their end, or never`)
    return { disabled: inOrder(disabled), removed: inOrder(removed), endsAt }
  } finally {
    await closeDb(sql)
    await Promise.all(processes.map((one) => one.stop()))
  }
}

async function areAllRemoved(sql: Db, count: number): Promise<boolean> {
  const [row] = await sql<{ removed: number }[]>`
    select count(*)::int as removed from grant_state where status = 'removed'`
  return row?.removed === count
}

async function measureBareJobs(house: House, name: string, processes: number): Promise<number> {
  const queues = Array.from({ length: TARGETS }, (_, n) => `t${n}`)
  const url = await createBareDatabase(house, `bare_${name}`, ['announce', ...queues])
  const jobs = await startBareJobs({ url, queues, processes, atOnce: AT_ONCE, callMs: CALL_MS })
  const sql = openDb(url, { applicationName: 'bench', max: 1 })
  try {
    const ids = grantIds(GRANTS, 0)
    const instant = Date.now() + CALM_MS
    await jobs.add(
      sql,
      ids.map((id, n) => ({ id, queue: `t${n % TARGETS}` })),
      instant,
    )
    await until(
      'all bare jobs are done',
      async () => (await commitTimes(sql, 'grant.disabled', ids.map(grantStream))).size === GRANTS,
      LOOK_EVERY_MS,
      PATIENCE_MS,
    )
    return Math.max(...(await commitTimes(sql, 'grant.disabled', ids.map(grantStream))).values()) - instant
  } finally {
    await closeDb(sql)
    await jobs.stop()
  }
}
