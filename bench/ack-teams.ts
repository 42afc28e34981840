import path from 'node:path'
import { freePort } from '../src/db/embedded/free-port.ts'
import { APP_PASSWORD, CHANNEL, type FakeTeams, startFakeTeams, TENANT } from '../test/chat/teams/fake-teams.ts'
import { objectIdOf } from '../test/chat/teams/start-teams-chat.ts'
import { inPerson } from '../test/chat/teams/teams-user.ts'
import { APP_ID } from '../test/chat/teams/tokens.ts'
import { type House, openHouse } from '../test/support/house.ts'
import { startNode } from '../test/support/node-process.ts'
import { AT_ONCE, createBodies, measureAsks, measureFloor, measureRows, requirePending, SIZE } from './asking.ts'
import { createDatabase } from './bare-database.ts'
import type { Bench } from './bench.ts'
import { benchPolicy, peopleOf } from './bench-policy.ts'
import { asTeams, createSender } from './send-signed.ts'
import { listed, median, quantile } from './statistics.ts'

const ROUNDS = 5

/**
 * As `ack`, through the door of Teams: messages with the token of the Bot Connector, each accepted and pending before its
 * answer leaves; over what botbuilder's own empty bot, with the same authentication, and the rows cost by themselves.
 */
export const ackTeams: Bench = {
  name: 'ack-teams',
  bounds: [{ figure: 'ack-teams.ratio', least: 0.7 }, { figure: 'ack-teams.p99-ms' }],
  async run(say) {
    const fake = await startFakeTeams({ people: peopleOf(SIZE).map(objectIdOf), now: Date.now })
    for (const id of peopleOf(SIZE)) fake.openChat(objectIdOf(id))
    const account = (id: string) => `{ teams: ${TENANT}/${objectIdOf(id)} }`
    const policy = benchPolicy({ ...SIZE, account, connector: 'env:DEMO_TARGET_URL' }).replace(
      'channel: access',
      `channel: '${CHANNEL}'`,
    )
    // As careful as in production: what was answered survives a power cut.
    const house = await openHouse({ policy, settings: {} })
    const empty = startNode(BOTBUILDER, [APP_ID, fake.metadataUrl])
    try {
      const emptyUrl = `${(JSON.parse(await empty.line()) as { url: string }).url}/api/messages`
      const rounds: Round[] = []
      for (let n = 0; n < ROUNDS; n++) {
        const bare = await measureFloor(await senderFor(emptyUrl, fake), bodiesFor(fake))
        const rows = await measureRows(house, `rows_${n}`)
        const asked = await measureProduct(house, fake, n)
        const round = { bare, rows, ...asked, ratio: asked.product * (1 / bare + 1 / rows) }
        const { product, ratio } = round
        say(
          `${product.toFixed(0)}/s asked; botbuilder ${bare.toFixed(0)}/s, rows ${rows.toFixed(0)}/s: ${ratio.toFixed(2)}`,
        )
        rounds.push(round)
      }
      const of = (name: keyof Round) => rounds.map((round) => round[name])
      return {
        figures: { 'ack-teams.ratio': median(of('ratio')), 'ack-teams.p99-ms': median(of('p99')) },
        behind: {
          'ack-teams.ratio': `asked/s ${listed(of('product'))}; botbuilder alone/s ${listed(of('bare'))}; rows alone/s ${listed(of('rows'))}`,
          'ack-teams.p99-ms': `p50 ${listed(of('p50'))} ms; p99 ${listed(of('p99'))} ms, ${AT_ONCE} at once`,
        },
      }
    } finally {
      empty.kill('SIGTERM')
      await house.close()
      await fake.stop()
    }
  },
}

const BOTBUILDER = path.join(import.meta.dirname, 'botbuilder-process.ts')

interface Round {
  readonly bare: number
  readonly rows: number
  readonly product: number
  readonly p50: number
  readonly p99: number
  readonly ratio: number
}

async function measureProduct(house: House, fake: FakeTeams, round: number) {
  const name = `asked_${round}`
  const url = await createDatabase(house, name)
  const port = await freePort()
  const replica = await house.startReplica({
    ...{ DATABASE_URL: url, WITNESSES: `file:${house.file(`witness-${round}`)}`, LOG_ORIGIN: `bench.example/${name}` },
    ...{ TEAMS_APP_ID: APP_ID, TEAMS_APP_PASSWORD: APP_PASSWORD, TEAMS_TENANT_IDS: TENANT },
    ...{ TEAMS_OPENID_METADATA_URL: fake.metadataUrl, TEAMS_LOGIN_URL: fake.loginUrl },
    ...{ PORT: String(port), PUBLIC_URL: `http://localhost:${port}` },
  })
  const sender = await senderFor(`${replica.url}/api/messages`, fake)
  const { all, perSecond, times } = await measureAsks(sender, bodiesFor(fake))
  await requirePending(url, all.length)
  await replica.stop()
  return { product: perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}

async function senderFor(url: string, fake: FakeTeams) {
  return createSender(url, asTeams(await fake.mint.token(fake.serviceUrl)), AT_ONCE)
}

function bodiesFor(fake: FakeTeams): () => string {
  return createBodies(({ person, text }) => JSON.stringify(inPerson(fake, person, text)))
}
