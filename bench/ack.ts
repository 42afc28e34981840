import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { closeDb, openDb } from '../src/db/client.ts'
import { freePort } from '../src/db/embedded/free-port.ts'
import { BOT_TOKEN, SIGNING_SECRET, startFakeSlack, TEAM } from '../test/chat/slack/fake-slack.ts'
import { commandBody } from '../test/chat/slack/slack-user.ts'
import { type House, openHouse } from '../test/support/house.ts'
import { startNode } from '../test/support/node-process.ts'
import { createBareDatabase, createDatabase } from './bare-database.ts'
import { askBarely } from './bare-transactions.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { benchPolicy, peopleOf } from './bench-policy.ts'
import { type Answered, createSender } from './send-signed.ts'
import { listed, median, quantile } from './statistics.ts'

const ROUNDS = 5
const AT_ONCE = 16
const WARM_UP_MS = 2_500
const MEASURED_MS = 3_000
const SIZE = { people: 1_000, targets: 20, entitlements: 2 }

/**
 * Signed `/access` requests per second through the real door of a real process, each accepted and pending before its
 * answer leaves, sealer and effects running; over what Bolt and the rows cost by themselves, one after the other.
 */
export const ack: Bench = {
  name: 'ack',
  bounds: [{ figure: 'ack.ratio', least: 0.7 }, { figure: 'ack.p99-ms' }],
  async run(say) {
    const fake = await startFakeSlack({ people: peopleOf(SIZE).map(userOf), now: Date.now })
    const account = (id: string) => `{ slack: ${TEAM}/${userOf(id)} }`
    const policy = benchPolicy({ ...SIZE, account, connector: 'env:DEMO_TARGET_URL' })
    // As careful as in production: what was answered survives a power cut.
    const house = await openHouse({ policy, settings: {} })
    const bolt = startNode(BOLT, [SIGNING_SECRET])
    try {
      const boltUrl = (JSON.parse(await bolt.line()) as { url: string }).url
      const rounds: Round[] = []
      for (let n = 0; n < ROUNDS; n++) {
        const bare = await measureBolt(boltUrl)
        const rows = await measureRows(house, n)
        const asked = await measureProduct(house, fake.apiUrl, n)
        const round = { bolt: bare, rows, ...asked, ratio: asked.product * (1 / bare + 1 / rows) }
        const { product, ratio } = round
        say(`${product.toFixed(0)}/s asked; Bolt ${bare.toFixed(0)}/s, rows ${rows.toFixed(0)}/s: ${ratio.toFixed(2)}`)
        rounds.push(round)
      }
      const of = (name: 'bolt' | 'rows' | 'product' | 'p50' | 'p99' | 'ratio') => rounds.map((round) => round[name])
      return {
        figures: { 'ack.ratio': median(of('ratio')), 'ack.p99-ms': median(of('p99')) },
        behind: {
          'ack.ratio': `asked/s ${listed(of('product'))}; Bolt alone/s ${listed(of('bolt'))}; rows alone/s ${listed(of('rows'))}`,
          'ack.p99-ms': `p50 ${listed(of('p50'))} ms; p99 ${listed(of('p99'))} ms, ${AT_ONCE} at once`,
        },
      }
    } finally {
      bolt.kill('SIGTERM')
      await house.close()
      await fake.stop()
    }
  },
}

const BOLT = path.join(path.dirname(fileURLToPath(import.meta.url)), 'bolt-process.ts')

interface Round {
  readonly bolt: number
  readonly rows: number
  readonly product: number
  readonly p50: number
  readonly p99: number
  readonly ratio: number
}

async function measureBolt(url: string): Promise<number> {
  const sender = createSender(url, SIGNING_SECRET, AT_ONCE)
  const nextBody = createBodies()
  await sender.keepSending(WARM_UP_MS / 2, nextBody)
  const { answers, perSecond } = await sender.keepSending(MEASURED_MS, nextBody)
  sender.close()
  if (answers.some(({ status }) => status !== 200)) throw new BenchFailed('Bolt alone did not answer 200 to all')
  return perSecond
}

async function measureRows(house: House, round: number): Promise<number> {
  const url = await createBareDatabase(house, `rows_${round}`, ['announce'])
  const sql = openDb(url, { applicationName: 'bench rows', max: AT_ONCE })
  const keepAsking = async (forMs: number) => {
    let done = 0
    const start = performance.now()
    const worker = async () => {
      for (; performance.now() - start < forMs; done++) await askBarely(sql, Date.now())
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return { done, perSecond: (done / (performance.now() - start)) * 1_000 }
  }
  const warm = await keepAsking(WARM_UP_MS / 2)
  const { done, perSecond } = await keepAsking(MEASURED_MS)
  const [kept] = await sql<{ events: number }[]>`select count(*)::int as events from event`
  await closeDb(sql)
  if (kept?.events !== 2 * (warm.done + done)) throw new BenchFailed('the bare rows are not all there')
  return perSecond
}

async function measureProduct(house: House, slackUrl: string, round: number) {
  const name = `asked_${round}`
  const url = await createDatabase(house, name)
  const port = await freePort()
  const replica = await house.startReplica({
    ...{ DATABASE_URL: url, WITNESSES: `file:${house.file(`witness-${round}`)}`, LOG_ORIGIN: `bench.example/${name}` },
    ...{ SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET, SLACK_API_URL: slackUrl },
    ...{ PORT: String(port), PUBLIC_URL: `http://localhost:${port}` },
  })
  const sender = createSender(replica.url, SIGNING_SECRET, AT_ONCE)
  const nextBody = createBodies()
  const warm = await sender.keepSending(WARM_UP_MS, nextBody)
  const { answers, perSecond } = await sender.keepSending(MEASURED_MS, nextBody)
  sender.close()
  await requireAllPending(url, [...warm.answers, ...answers])
  await replica.stop()
  const times = answers.map(({ ms }) => ms)
  return { product: perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}

/** Every answer named a request of its own, every one of them is pending, and neither sealer nor effects stood still. */
async function requireAllPending(url: string, answers: readonly Answered[]): Promise<void> {
  const named = new Set(answers.map(({ text }) => /G-[0-9A-Z]{6}/.exec(text)?.[0] ?? ''))
  const sql = openDb(url, { applicationName: 'bench check', max: 1 })
  const rows = await sql<{ id: string }[]>`
    select g.id from grant_state g join event e on e.stream = 'grant:' || g.id and e.type = 'request.asked'
    where g.status = 'pending'`
  const [beside] = await sql<{ acts: number; sealed: number; told: number }[]>`
    select (select count(*)::int from act) as acts, (select count(*)::int from leaf) as sealed,
      (select count(*)::int from notice) as told`
  await closeDb(sql)
  const pending = new Set(rows.map(({ id }) => id))
  const lost = answers.filter(({ status }) => status !== 200).length
  if (lost > 0 || named.size !== answers.length || [...named].some((id) => !pending.has(id))) {
    throw new BenchFailed(
      `${answers.length} asked: ${lost} not answered 200, ${named.size} requests named, ${pending.size} pending`,
    )
  }
  if (
    beside === undefined ||
    beside.acts !== answers.length ||
    beside.sealed < answers.length / 2 ||
    beside.told === 0
  ) {
    throw new BenchFailed(`sealer or effects did not run beside: ${JSON.stringify(beside)}`)
  }
}

/** Each asks for something else: the same ask again would return the one that is open. */
function createBodies(): () => string {
  let next = 0
  return () => {
    const n = next++
    const right = Math.floor(n / SIZE.people)
    const entitlement = Math.floor(right / SIZE.targets)
    if (entitlement >= SIZE.entitlements) throw new BenchFailed('too few people and targets for a machine so fast')
    const text = `t${right % SIZE.targets}:e${entitlement} 1h look into the failed payout of ${n}`
    return commandBody(userOf(`p${n % SIZE.people}`), text).toString()
  }
}

function userOf(id: string): string {
  return `U0${id.toUpperCase()}`
}
