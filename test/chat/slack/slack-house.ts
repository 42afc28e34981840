import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../../src/db/embedded/free-port.ts'
import { type House, openHouse, type Replica } from '../../support/house.ts'
import { BOT_TOKEN, type FakeSlack, SIGNING_SECRET, startFakeSlack, TEAM } from './fake-slack.ts'
import { createSlackUser, type SlackUser } from './slack-user.ts'

const NAMES = ['ana', 'bo', 'marcus', 'olga', 'dirk', 'carla']
const POLICY = path.join(import.meta.dirname, '../../support/policy.yaml')

export function userOf(name: string): string {
  return `U0${name.toUpperCase()}`
}

/** Whole processes, configured for Slack, against the strict fake of ours, at its real second a message. */
export async function openSlackHouse(): Promise<SlackHouse> {
  const fake = await startFakeSlack({ people: NAMES.map(userOf), now: Date.now })
  const local = await readFile(POLICY, 'utf8')
  const policy = local
    .replaceAll(/\{ local: (\w+) \}/g, (_, name: string) => `{ slack: ${TEAM}/${userOf(name)} }`)
    .replace('channel: access\n', 'channel: access\ncheckpointChannel: second\n')
  const house = await openHouse({ policy })
  const port = await freePort()
  const settings = {
    ...{ SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET, SLACK_API_URL: fake.apiUrl },
    ...{ PORT: String(port), PUBLIC_URL: `http://localhost:${port}` },
  }
  const replica = await house.startReplica(settings)
  return {
    ...{ house, replica, fake },
    user: createSlackUser(replica.url, fake, Date.now),
    startAgain: () => house.startReplica(settings),
    async startBeside() {
      const beside = String(await freePort())
      return house.startReplica({ ...settings, PORT: beside, PUBLIC_URL: `http://localhost:${beside}` })
    },
    async close() {
      await house.close()
      await fake.stop()
    },
  }
}

export interface SlackHouse {
  readonly house: House
  readonly replica: Replica
  readonly fake: FakeSlack
  readonly user: SlackUser
  /** In the place of the process that was killed. */
  startAgain(): Promise<Replica>
  startBeside(): Promise<Replica>
  close(): Promise<void>
}
