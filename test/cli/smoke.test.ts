import { afterAll, beforeAll, expect, it } from 'vitest'
import { APP_PASSWORD, TENANT } from '../chat/teams/fake-teams.ts'
import { readCard } from '../chat/teams/read-card.ts'
import { objectIdOf } from '../chat/teams/start-teams-chat.ts'
import { openTeamsHouse, type TeamsHouse } from '../chat/teams/teams-house.ts'
import { APP_ID } from '../chat/teams/tokens.ts'
import { countersign } from '../support/command-line.ts'

let it_: TeamsHouse
let environment: Record<string, string>

beforeAll(async () => {
  it_ = await openTeamsHouse()
  environment = {
    ...it_.house.environment,
    ...{ TEAMS_APP_ID: APP_ID, TEAMS_APP_PASSWORD: APP_PASSWORD, TEAMS_TENANT_IDS: TENANT },
    ...{ TEAMS_OPENID_METADATA_URL: it_.fake.metadataUrl, TEAMS_LOGIN_URL: it_.fake.loginUrl },
    PUBLIC_URL: 'http://localhost:3000',
  }
})
afterAll(() => it_.close())

it('tries every way of writing, beside the running processes, and says what is left to try by hand', async () => {
  const ran = await countersign(['smoke', 'teams', '--as', 'carla'], environment)
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out.match(/^yes {2}/gm)).toHaveLength(5)
  expect(ran.out).toMatch(/@Countersign help/)
  const shown = it_.fake.messages.map((one) => ({ ...one, words: readCard(one.card).words }))
  const card = shown.find(({ words }) => /Countersign is being tried out[\s\S]*tried/.test(words))
  expect(shown.find(({ words }) => /Nothing was asked for/.test(words))?.root).toBe(card?.id)
  expect(shown.find(({ words }) => /can write to you/.test(words))?.conversation).toBe(
    it_.fake.directOf(objectIdOf('carla')),
  )
})

it('names what does not work, with the next step', async () => {
  const wrong = await countersign(['smoke', 'teams', '--as', 'carla'], { ...environment, TEAMS_APP_PASSWORD: 'wrong' })
  expect(wrong).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^no {3}sign in: .*Check TEAMS_APP_ID, TEAMS_APP_PASSWORD/),
  })
  const blocked = await countersign(['smoke', 'slack', '--as', 'carla'], environment)
  expect(blocked).toMatchObject({ code: 2, err: expect.stringMatching(/carla has no account on slack/) })
})
