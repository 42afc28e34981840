import path from 'node:path'
import { freePort } from '../src/db/embedded/free-port.ts'
import { BOT_TOKEN, SIGNING_SECRET, startFakeSlack, TEAM } from '../test/chat/slack/fake-slack.ts'
import { commandBody } from '../test/chat/slack/slack-user.ts'
import { type House, openHouse } from '../test/support/house.ts'
import { startNode } from '../test/support/node-process.ts'
import {
  type Asked,
  AT_ONCE,
  createBodies,
  measureAsks,
  measureFloor,
  measureRows,
  requirePending,
  SIZE,
} from './asking.ts'
import { createDatabase } from './bare-database.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { benchPolicy, peopleOf } from './bench-policy.ts'
import { asSlack, createSender } from './send-signed.ts'
import { listed, median, quantile } from './statistics.ts'

const ROUNDS = 5

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
      const boltUrl = `${(JSON.parse(await bolt.line()) as { url: string }).url}/slack/events`
      const rounds: Round[] = []
      for (let n = 0; n < ROUNDS; n++) {
        const bare = await measureFloor(createSender(boltUrl, asSlack(SIGNING_SECRET), AT_ONCE), createBodies(bodyOf))
        const rows = await measureRows(house, `rows_${n}`)
        const asked = await measureProduct(house, fake.apiUrl, n)
        const round = { bolt: bare, rows, ...asked, ratio: asked.product * (1 / bare + 1 / rows) }
        const { product, ratio } = round
        say(`${product.toFixed(0)}/s asked; Bolt ${bare.toFixed(0)}/s, rows ${rows.toFixed(0)}/s: ${ratio.toFixed(2)}`)
        rounds.push(round)
      }
      const of = (name: keyof Round) => rounds.map((round) => round[name])
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

const BOLT = path.join(import.meta.dirname, 'bolt-process.ts')

interface Round {
  readonly bolt: number
  readonly rows: number
  readonly product: number
  readonly p50: number
  readonly p99: number
  readonly ratio: number
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
  const sender = createSender(`${replica.url}/slack/events`, asSlack(SIGNING_SECRET), AT_ONCE)
  const { all, perSecond, times } = await measureAsks(sender, createBodies(bodyOf))
  const pending = await requirePending(url, all.length)
  const named = new Set(all.map(({ text }) => /G-[0-9A-Z]{6}/.exec(text)?.[0] ?? ''))
  if (named.size !== all.length || [...named].some((id) => !pending.has(id))) {
    throw new BenchFailed(`${all.length} asked: ${named.size} requests named, ${pending.size} pending`)
  }
  await replica.stop()
  return { product: perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}

function bodyOf({ person, text }: Asked): string {
  return commandBody(userOf(person), text).toString()
}

function userOf(id: string): string {
  return `U0${id.toUpperCase()}`
}
