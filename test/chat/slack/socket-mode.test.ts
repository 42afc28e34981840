import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSlackChat, type SlackChat } from '../../../src/chat/slack/slack-chat.ts'
import { closeDb, openDb } from '../../../src/db/client.ts'
import type { Db } from '../../../src/db/transaction.ts'
import type { Act, Desk } from '../../../src/ports/chat.ts'
import { createTestClock } from '../../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { listen } from '../../support/listen.ts'
import { line } from '../example-cards.ts'
import { BOT_TOKEN, TEAM } from './fake-slack.ts'
import { APP_TOKEN, type FakeSocket, startFakeSocket } from './fake-socket.ts'
import { readBlocks } from './read-blocks.ts'
import { commandBody, submissionPayload } from './slack-user.ts'

const acts: Act[] = []
const hear = async (act: Act) => {
  acts.push(act)
  return { kind: 'line', line: line('info', 'heard you') } as const
}
const desk: Desk = { command: hear, press: hear, submit: hear }
const clock = createTestClock()

let socket: FakeSocket
let database: TestDatabase
let db: Db
let slack: SlackChat

beforeAll(async () => {
  socket = await startFakeSocket()
  database = await createTestDatabase()
  db = openDb(database.appUrl, { applicationName: 'test slack', max: 1 })
  slack = createSlackChat({
    ...{ db, clock, desk, onFault: () => undefined, rendering: { timeZone: 'UTC', userOf: () => null } },
    settings: { botToken: BOT_TOKEN, signingSecret: null, appToken: APP_TOKEN, apiUrl: socket.apiUrl },
  })
  socket.refuse(2)
  await slack.start()
})
afterAll(async () => {
  await slack.stop()
  await socket.stop()
  await closeDb(db)
  await database.drop()
})

it('over Socket Mode, tried again until it connects, an act reaches the desk and the answer comes back', async () => {
  await expect.poll(() => clock.waiting().length).toBeGreaterThan(0)
  expect((await slack.look()).detail).toMatch(/Socket Mode is down for 0 s: nobody is heard. Check SLACK_APP_TOKEN/)
  await clock.advance(10_000)
  const said = (await socket.send('slash_commands', Object.fromEntries(commandBody('U0ANA', 'prod-db 2h fix')))) as {
    blocks: unknown[]
  }
  expect(readBlocks(said.blocks).words).toContain('heard you')
  expect((await slack.look()).detail).not.toMatch(/Socket Mode is down/)
  const view = await socket.send('interactive', submissionPayload('U0ANA', 'ask', {}, { reason: 'because' }))
  expect(view).toMatchObject({ response_action: 'update' })
  expect(acts.map((act) => act.account)).toEqual([
    { platform: 'slack', tenant: TEAM, id: 'U0ANA' },
    { platform: 'slack', tenant: TEAM, id: 'U0ANA' },
  ])
})

it('what cannot be placed is acknowledged with an explanation here too', async () => {
  expect(await socket.send('interactive', { type: 'unheard_of' })).toMatchObject({
    text: expect.stringContaining('nothing was decided'),
  })
})

it('there is no door over HTTP then', async () => {
  const server = await listen(slack.router)
  expect((await fetch(`${server.url}/slack/events`, { method: 'POST', body: '{}' })).status).toBe(404)
  await server.close()
})
