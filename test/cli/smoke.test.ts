import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BothHouse, openBothHouse } from '../chat/both-house.ts'
import { BOT_TOKEN, directOf, SIGNING_SECRET } from '../chat/slack/fake-slack.ts'
import { readBlocks } from '../chat/slack/read-blocks.ts'
import { userOf } from '../chat/slack/slack-house.ts'
import { APP_PASSWORD, TENANT } from '../chat/teams/fake-teams.ts'
import { readCard } from '../chat/teams/read-card.ts'
import { objectIdOf } from '../chat/teams/start-teams-chat.ts'
import { APP_ID } from '../chat/teams/tokens.ts'
import { countersign } from '../support/command-line.ts'

const OURS = /being tried out|Nothing was asked for/

let it_: BothHouse
let environment: Record<string, string>

beforeAll(async () => {
  it_ = await openBothHouse()
  environment = {
    ...it_.house.environment,
    ...{ SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_SIGNING_SECRET: SIGNING_SECRET, SLACK_API_URL: it_.slack.apiUrl },
    ...{ TEAMS_APP_ID: APP_ID, TEAMS_APP_PASSWORD: APP_PASSWORD, TEAMS_TENANT_IDS: TENANT },
    ...{ TEAMS_OPENID_METADATA_URL: it_.teams.metadataUrl, TEAMS_LOGIN_URL: it_.teams.loginUrl },
    PUBLIC_URL: 'http://localhost:3000',
  }
})
afterAll(() => it_.close())

it('tries Teams in every way, beside the running processes, leaves the channel as it was, and says what is not proved', async () => {
  const { teams } = it_
  const callsBefore = teams.calls.length
  const ran = await countersign(['smoke', 'teams', '--as', 'carla'], environment)
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out.match(/^yes {2}.*$/gm)).toEqual([
    'yes  sign in',
    'yes  ask what the app may do',
    'yes  have a token of Entra for the Bot Connector',
    'yes  have the keys that Microsoft signs requests with',
    expect.stringMatching(/^yes {2}post a card in 19:access/),
    'yes  write to you alone',
    'yes  change the card',
    'yes  write in its thread',
    'yes  delete both again',
  ])
  expect(ran.out).toMatch(/^note the platform lets no bot look a message up$/m)
  expect(ran.out).toMatch(/Not proved from here:[\s\S]*\/api\/messages[\s\S]*@Countersign help[\s\S]*targeted messages/)
  const left = teams.messages.filter((one) => one.conversation.startsWith('19:')).map((one) => readCard(one.card).words)
  expect(left.filter((words) => OURS.test(words))).toEqual([])
  expect(teams.calls.slice(callsBefore).filter((call) => call.startsWith('DELETE'))).toHaveLength(2)
  const alone = teams.messages.find((one) => /can write to you/.test(readCard(one.card).words))
  expect(alone?.conversation).toBe(teams.directOf(objectIdOf('carla')))
})

it('tries Slack in every way, with its scopes and the look for a message, and waits for its turn where others write too', async () => {
  const { slack } = it_
  // As when a running process has just written there.
  slack.failNext('chat.postMessage', { kind: 'error', error: 'ratelimited' })
  const ran = await countersign(['smoke', 'slack', '--as', 'carla'], environment)
  expect(ran).toMatchObject({ code: 0, err: '' })
  const yes = ran.out.match(/^yes {2}.*$/gm) ?? []
  expect(yes.filter((one) => one.startsWith('yes  have scope'))).toHaveLength(7)
  for (const step of ['post a card in access', 'look the card up', 'change the card', 'delete both again']) {
    expect(yes).toContain(`yes  ${step}`)
  }
  expect(ran.out).toMatch(/Not proved from here:[\s\S]*\/slack\/events[\s\S]*buttons and forms/)
  const words = slack.messages.map((one) => ({ at: one.channel, words: readBlocks(one.blocks).words }))
  expect(words.filter((one) => one.at === 'C0ACCESS' && OURS.test(one.words))).toEqual([])
  expect(words.find((one) => /can write to you/.test(one.words))?.at).toBe(directOf(userOf('carla')))
})

it('names what does not work, with the next step', async () => {
  const wrong = await countersign(['smoke', 'teams', '--as', 'carla'], { ...environment, TEAMS_APP_PASSWORD: 'wrong' })
  expect(wrong).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^no {3}sign in: .*Check TEAMS_APP_ID, TEAMS_APP_PASSWORD/),
  })
  it_.slack.scopes.delete('im:write')
  const less = await countersign(['smoke', 'slack', '--as', 'carla'], environment)
  expect(less).toMatchObject({ code: 1, out: expect.stringMatching(/^no {3}have scope im:write: it is missing$/m) })
  it_.slack.scopes.add('im:write')
  const stranger = await countersign(['smoke', 'slack', '--as', 'nobody'], environment)
  expect(stranger).toMatchObject({ code: 2, err: expect.stringMatching(/nobody has no account on slack/) })
})

it('looks the card up where threads are read back, and names the permission that it lacks', async () => {
  // Whose team the channel is of is known from the first message there.
  await it_.first.teams.mention('carla', 'help')
  it_.teams.graph.state.isGranted = false
  const reading = { ...environment, TEAMS_READ_THREADS: 'on', TEAMS_GRAPH_URL: it_.teams.graphUrl }
  const unread = await countersign(['smoke', 'teams', '--as', 'carla'], reading)
  const lacks = /^no {3}look the card up: Threads of team \S+ are not read back: grant ChannelMessage\.Read\.Group$/m
  expect(unread).toMatchObject({ code: 1, out: expect.stringMatching(lacks) })
})
