import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../src/db/embedded/free-port.ts'
import { type House, openHouse, type Replica } from '../support/house.ts'
import { BOT_TOKEN, type FakeSlack, SIGNING_SECRET, startFakeSlack, TEAM } from './slack/fake-slack.ts'
import { userOf } from './slack/slack-house.ts'
import { createSlackUser, type SlackUser } from './slack/slack-user.ts'
import { APP_PASSWORD, CHANNEL, type FakeTeams, startFakeTeams, TENANT } from './teams/fake-teams.ts'
import { objectIdOf } from './teams/start-teams-chat.ts'
import { createTeamsUser, inPerson, type TeamsUser } from './teams/teams-user.ts'
import { APP_ID } from './teams/tokens.ts'

const NAMES = ['ana', 'bo', 'marcus', 'olga', 'dirk', 'carla']
const POLICY = path.join(import.meta.dirname, '../support/policy.yaml')

/** Whole processes, each with both doors, against both strict fakes; everybody has an account on both. */
export async function openBothHouse(options: BothOptions = {}): Promise<BothHouse> {
  const { names = NAMES, replicas: count = 1, times = 1 } = options
  const slack = await startFakeSlack({ people: names.map(userOf), now: Date.now, times })
  const teams = await startFakeTeams({ people: names.map(objectIdOf), now: Date.now, times })
  const policy = (options.policy ?? (await readFile(POLICY, 'utf8')))
    .replaceAll(
      /\{ local: (\w+) \}/g,
      (_, name: string) => `{ slack: ${TEAM}/${userOf(name)} }, { teams: ${TENANT}/${objectIdOf(name)} }`,
    )
    .replace(/^channel: .*$/m, `channel: { slack: access, teams: '${CHANNEL}' }`)
  const house = await openHouse({ policy })
  const replicas: BothReplica[] = []
  for (let n = 0; n < count; n++) {
    const port = await freePort()
    const replica = await house.startReplica({
      ...{ SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET, SLACK_API_URL: slack.apiUrl },
      ...{ TEAMS_APP_ID: APP_ID, TEAMS_APP_PASSWORD: APP_PASSWORD, TEAMS_TENANT_IDS: TENANT },
      ...{ TEAMS_OPENID_METADATA_URL: teams.metadataUrl, TEAMS_LOGIN_URL: teams.loginUrl },
      ...{
        PORT: String(port),
        PUBLIC_URL: `http://localhost:${port}`,
        LIMITS_TIMES: String(times),
        ...options.settings,
      },
    })
    const user = createTeamsUser(replica.url, teams)
    replicas.push({ ...replica, slack: createSlackUser(replica.url, slack, Date.now), teams: user })
  }
  const [first] = replicas
  if (first === undefined) throw new Error('a house without a process')
  // As when the app is installed for everybody: that is how it learns where they are.
  for (const name of names) {
    const { text: _, ...activity } = inPerson(teams, name, '')
    await first.teams.send({
      ...activity,
      type: 'installationUpdate',
      action: 'add',
      conversation: { ...activity.conversation, conversationType: 'group' },
    })
  }
  return {
    ...{ house, replicas, first, slack, teams },
    async close() {
      await house.close()
      await slack.stop()
      await teams.stop()
    },
  }
}

export interface BothOptions {
  readonly names?: readonly string[]
  readonly policy?: string
  readonly replicas?: number
  /** The limits of both platforms, there and here, so many times as wide: a time lapse. */
  readonly times?: number
  readonly settings?: Record<string, string>
}

export interface BothReplica extends Replica {
  readonly slack: SlackUser
  readonly teams: TeamsUser
}

export interface BothHouse {
  readonly house: House
  readonly replicas: readonly BothReplica[]
  readonly first: BothReplica
  readonly slack: FakeSlack
  readonly teams: FakeTeams
  close(): Promise<void>
}
