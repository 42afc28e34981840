import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSlackChat } from '../../../src/chat/slack/slack-chat.ts'
import { MINUTE } from '../../../src/domain/duration.ts'
import { grantStream } from '../../../src/domain/grant-event.ts'
import { type ThreadEvent, threadStream } from '../../../src/domain/thread-event.ts'
import { announce } from '../../../src/workflow/announce.ts'
import { readable } from '../../../src/workflow/grant-store.ts'
import { createThreadEar, type ThreadEar } from '../../../src/workflow/hear-threads.ts'
import { keepNotice } from '../../../src/workflow/notices.ts'
import { listen } from '../../support/listen.ts'
import { createTestContext, type TestContext } from '../../workflow/test-context.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import { BOT_TOKEN, type FakeSlack, SIGNING_SECRET, startFakeSlack, TEAM } from './fake-slack.ts'
import { createSlackUser } from './slack-user.ts'
import { createThreadTalk, type ThreadTalk, type Wrote } from './thread-events.ts'

/* What people write under our cards, told by Slack through Bolt's own door to two replicas on one record. */
let it_: TestContext
let slack: FakeSlack
let first: Replica
let second: Replica
const faults: unknown[] = []
const CARD = { platform: 'slack', channel: 'C0ACCESS', id: '1800000000.000100' }
const STREAM = grantStream('G-7K3QF0')
const THREAD = threadStream(STREAM)
let count = 0

interface Replica {
  readonly talk: ThreadTalk
  readonly ear: ThreadEar
  stop(): Promise<void>
}

beforeAll(async () => {
  it_ = await createTestContext(Date.now(), ['slack'])
  slack = await startFakeSlack({ people: ['U0ANA', 'U0EVE'], now: Date.now })
  it_.setPolicy({
    people: it_.context.policy.current().people.map((one) => ({ ...one, accounts: accountsOf(one.id) })),
  })
  first = await startReplica()
  second = await startReplica()
  const notice = { platform: 'slack', state: 'sent', ref: CARD, contentHash: 'c', attempts: 0 } as const
  await keepNotice(it_.context, STREAM, `${STREAM}:card`, notice)
})
afterAll(async () => {
  await first.stop()
  await second.stop()
  await slack.stop()
  await it_.database.drop()
})
beforeEach(async () => {
  faults.length = 0
  await it_.clock.advance(2 * MINUTE)
})

const accountsOf = (name: string) => [{ platform: 'slack', tenant: TEAM, id: `U0${name.toUpperCase()}` }]

async function startReplica(): Promise<Replica> {
  const { context, clock } = it_
  const onFault = (_what: string, error: unknown) => void faults.push(error)
  const ear = createThreadEar({ context, onFault })
  const chat = createSlackChat({
    ...{ db: context.db, clock, desk: createScriptedDesk(clock), onFault, onThread: ear.hear },
    settings: { botToken: BOT_TOKEN, signingSecret: SIGNING_SECRET, appToken: null, apiUrl: slack.apiUrl },
    rendering: { timeZone: 'UTC', userOf: () => null },
  })
  const server = await listen(chat.router)
  return {
    ear,
    talk: createThreadTalk(createSlackUser(server.url, slack, Date.now).send),
    async stop() {
      await server.close()
      await chat.stop()
    },
  }
}

/** A reply of Ana's to our card that nobody has written before. */
function wrote(text: string, more: Partial<Wrote> = {}): Wrote {
  count += 1
  return { ts: `1800000${String(100 + count)}.000200`, root: CARD.id, user: 'U0ANA', text, ...more }
}

/** Bolt answers Slack before it hands an event on: what was sent is heard a moment later. */
async function heard(...messages: Wrote[]): Promise<ThreadEvent[]> {
  await new Promise((resolve) => setTimeout(resolve, 30))
  await Promise.all([first.ear.settle(), second.ear.settle()])
  const events = (await it_.context.record.readStream(it_.context.db, THREAD)).map((one) => readable<ThreadEvent>(one))
  return events.filter(({ data }) => messages.some(({ ts }) => 'message' in data && data.message === ts))
}

it('what is written, edited and deleted is on record once each, with both texts, however often and to whom it is told', async () => {
  const message = wrote('row <4711> is doubled')
  const edited = { ...message, text: 'row 4712 is doubled' }
  for (let times = 0; times < 2; times++) {
    await Promise.all(
      [first, second].map(({ talk }) => talk.write({ ...message, text: 'row &lt;4711&gt; is doubled' })),
    )
    await heard()
    await Promise.all([first, second].map(({ talk }) => talk.edit(edited, message.text, '1800000500.000300')))
    await heard()
    await Promise.all([first, second].map(({ talk }) => talk.remove(edited)))
    await heard()
  }
  const events = await heard(message)
  expect(events.map(({ type, data }) => [type, 'text' in data ? data.text : ''])).toEqual([
    ['thread.written', 'row <4711> is doubled'],
    ['thread.edited', 'row 4712 is doubled'],
    ['thread.deleted', ''],
  ])
  const lines = new Set(events.map(({ data }) => ('line' in data ? data.line : '')))
  expect([...lines]).toEqual([expect.stringMatching(/^T-[0-9A-Z]{8}$/)])
  expect(events[0]?.data).toMatchObject({
    by: 'ana',
    sentAt: Math.floor(Number(message.ts) * 1_000),
    root: CARD.id,
    channel: 'C0ACCESS',
  })
  expect(faults).toEqual([])
})

it('the words stand nowhere in clear: a salted hash in the event, sealed beside it', async () => {
  const message = wrote('the wording that nobody else uses')
  await first.talk.write(message)
  expect(await heard(message)).toHaveLength(1)
  const rows = await it_.database.admin<{ body: string }[]>`select body from event where stream = ${THREAD}`
  expect(rows.map(({ body }) => body).join()).not.toContain('nobody else uses')
  expect(rows.map(({ body }) => body).join()).toMatch(/"text":\{"salted":"[0-9a-f]{64}"\}/)
  expect(rows.map(({ body }) => body).join()).not.toContain('U0ANA')
})

it('what is not under one of our cards is dropped unread: other threads, no thread, other channels', async () => {
  const before = await everything()
  const secretive = 'nothing of this may be read'
  await first.talk.write(wrote(secretive, { root: '1799999999.000100' }))
  await first.talk.write(wrote(secretive, { root: null }))
  await first.talk.tell({ ...wrote(secretive), thread_ts: CARD.id, channel: 'C0OTHER' })
  await first.talk.edit(wrote(secretive, { root: '1799999999.000100' }), 'and not of this', '1800000600.000100')
  await first.talk.remove(wrote(secretive, { root: '1799999999.000100' }))
  await heard()
  let reads = 0
  const read = () => {
    reads += 1
    return null
  }
  const news = { platform: 'slack', channel: 'C0ACCESS', root: '1799999999.000100', message: '1800000700.000100' }
  await first.ear.hear({ ...news, read })
  expect(reads).toBe(0)
  await first.ear.hear({ ...news, root: CARD.id, read })
  expect(reads).toBe(1)
  expect(await everything()).toEqual(before)
  expect(faults).toEqual([])
})

/** Every row of every table of ours. */
async function everything(): Promise<string[]> {
  const { admin } = it_.database
  const tables = await admin<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`
  const all: string[] = []
  for (const { name } of tables) {
    const rows = await admin<{ row: string }[]>`select t::text as row from ${admin(name)} t order by 1`
    all.push(...rows.map(({ row }) => `${name} ${row}`))
  }
  return all
}

it('what Slack and bots do of their own is no writing: previews, our own lines, joins', async () => {
  const message = wrote('see https://example.com')
  await first.talk.write(message)
  await first.talk.tell({
    ...{ subtype: 'message_changed', ts: '1800000650.000100' },
    message: { user: 'U0ANA', text: message.text, ts: message.ts, thread_ts: CARD.id, attachments: [{}] },
    previous_message: { user: 'U0ANA', text: message.text, ts: message.ts, thread_ts: CARD.id },
  })
  const bot = wrote('a line of a bot')
  await first.talk.write(bot, { bot_id: 'B0BOT' })
  await first.talk.write(bot, { subtype: 'bot_message', bot_id: 'B0X' })
  await first.talk.write(bot, { subtype: 'channel_join' })
  await first.talk.remove({ ...bot, ts: CARD.id })
  expect(await heard(message, bot)).toHaveLength(1)
})

it('somebody whom nobody knows is a stranger, also in a shared channel; files are counted', async () => {
  const [eve, ana] = [wrote('hello', { user: 'U0EVE' }), wrote('', {})]
  await first.talk.write(eve)
  await heard()
  await second.talk.write(ana, { subtype: 'file_share', files: [{ id: 'F1' }, { id: 'F2' }], user_team: 'T0ELSE' })
  const events = await heard(eve, ana)
  expect(events.map(({ data }) => data)).toEqual([
    expect.objectContaining({ by: null, stranger: expect.stringMatching(/^[0-9a-f]{32}$/), text: 'hello', files: 0 }),
    expect.objectContaining({ by: null, stranger: expect.stringMatching(/^[0-9a-f]{32}$/), text: '', files: 2 }),
  ])
})

it('a change of what was never heard brings what it said before along, and says that it is late', async () => {
  const [missed, gone] = [wrote('after'), wrote('was here')]
  await first.talk.edit(missed, 'before', '1800000700.000300')
  await heard()
  await first.talk.remove(gone)
  await heard()
  await second.talk.write({ ...missed, text: 'before' })
  const events = await heard(missed, gone)
  expect(events.map(({ type, data }) => [type, 'text' in data ? data.text : '', 'late' in data])).toEqual([
    ['thread.written', 'before', true],
    ['thread.edited', 'after', false],
    ['thread.written', 'was here', true],
    ['thread.deleted', '', false],
  ])
})

it('a likely secret is kept nowhere, in no version, and whoever wrote it is told alone, at once', async () => {
  const [ana, eve] = [wrote('password=hunter2-of-the-prod'), wrote('AKIAQ3EGRIJ2XK7ABCDE', { user: 'U0EVE' })]
  await first.talk.write(ana)
  await heard()
  await first.talk.edit({ ...ana, text: 'now password=hunter3-of-the-prod' }, ana.text, '1800000800.000300')
  await heard()
  await second.talk.write(eve)
  const events = await heard(ana, eve)
  expect(events.map(({ data }) => ('withheld' in data ? data.withheld : null))).toEqual(['password', 'password', 'aws'])
  expect((await everything()).join('\n')).not.toMatch(/hunter|AKIAQ3/)
  expect(
    await it_.database.admin`select 1 from private_text p join event e using (leaf_hash)
    where e.body::jsonb -> 'data' ->> 'message' = ${ana.ts}`,
  ).toHaveLength(0)
  const told = () => [...it_.chat.messages.values()].map(({ to }) => to)
  expect(told()).toEqual([{ kind: 'person', account: { platform: 'slack', tenant: TEAM, id: 'U0EVE' } }])
  expect(it_.enqueued.at(-1)).toEqual({ kind: 'announce', stream: THREAD, urgent: true })
  await announce(it_.context, THREAD)
  await announce(it_.context, THREAD)
  expect(told().filter((to) => to.kind === 'person' && to.account.id === 'U0ANA')).toHaveLength(2)
  expect(JSON.stringify([...it_.chat.messages.values()])).toContain('delete it there now')
})

it('of a flood under one card thirty a minute are kept, the number of the rest is on record, and others go on', async () => {
  const flood = Array.from({ length: 70 }, (_, at) => wrote(`flood ${at}`))
  await Promise.all(flood.map((one) => first.talk.write(one)))
  await expect.poll(async () => (await heard(...flood)).length, { timeout: 60_000 }).toBe(30)
  await it_.clock.advance(MINUTE + 1)
  const after = wrote('after the flood')
  await first.talk.write(after)
  expect(await heard(after)).toHaveLength(1)
  const all = (await it_.context.record.readStream(it_.context.db, THREAD)).filter(
    ({ type }) => type === 'thread.flooded',
  )
  expect(all.map(({ data }) => data.count)).toEqual([40])
  expect(faults).toEqual([])
})
