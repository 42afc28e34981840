import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../../src/db/embedded/free-port.ts'
import { type House, openHouse, type Replica } from '../../support/house.ts'
import { APP_PASSWORD, CHANNEL, type FakeTeams, startFakeTeams, TENANT } from './fake-teams.ts'
import { objectIdOf } from './start-teams-chat.ts'
import { createTeamsUser, inPerson, type TeamsUser } from './teams-user.ts'
import { APP_ID } from './tokens.ts'

const NAMES = ['ana', 'bo', 'marcus', 'olga', 'dirk', 'carla']
/** Somebody of the tenant whom the policy does not know. */
export const NEWCOMER = 'eve'
const POLICY = path.join(import.meta.dirname, '../../support/policy.yaml')

/** Whole processes, configured for Teams, against the strict fake of ours, at its real limits. */
export async function openTeamsHouse(): Promise<TeamsHouse> {
  const fake = await startFakeTeams({ people: [...NAMES, NEWCOMER].map(objectIdOf), now: Date.now })
  const local = await readFile(POLICY, 'utf8')
  const policy = local
    .replaceAll(/\{ local: (\w+) \}/g, (_, name: string) => `{ teams: ${TENANT}/${objectIdOf(name)} }`)
    .replace(/^channel: .*$/m, `channel: '${CHANNEL}'`)
  const house = await openHouse({ policy })
  const port = await freePort()
  const replica = await house.startReplica({
    ...{ TEAMS_APP_ID: APP_ID, TEAMS_APP_PASSWORD: APP_PASSWORD, TEAMS_TENANT_IDS: TENANT },
    ...{ TEAMS_OPENID_METADATA_URL: fake.metadataUrl, TEAMS_LOGIN_URL: fake.loginUrl },
    ...{ PORT: String(port), PUBLIC_URL: `http://localhost:${port}` },
  })
  const user = createTeamsUser(replica.url, fake)
  // As when the app is installed for everybody: that is how it learns where they are.
  for (const name of NAMES) {
    const { text: _, ...activity } = inPerson(fake, name, '')
    await user.send({
      ...activity,
      type: 'installationUpdate',
      action: 'add',
      conversation: { ...activity.conversation, conversationType: 'group' },
    })
  }
  return {
    ...{ house, replica, fake, user },
    async close() {
      await house.close()
      await fake.stop()
    },
  }
}

export interface TeamsHouse {
  readonly house: House
  readonly replica: Replica
  readonly fake: FakeTeams
  readonly user: TeamsUser
  close(): Promise<void>
}
