import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSlackChat } from '../../../src/chat/slack/slack-chat.ts'
import { DAY, HOUR, MINUTE } from '../../../src/domain/duration.ts'
import { retentionStream } from '../../../src/domain/thread-event.ts'
import { reconcileThreads } from '../../../src/workflow/reconcile-threads.ts'
import { rememberRoot } from '../../../src/workflow/thread-roots.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import { openThreadHouse, type ThreadHouse } from '../thread-house.ts'
import { BOT_TOKEN, type FakeSlack, type Message, SIGNING_SECRET, startFakeSlack } from './fake-slack.ts'

/* Threads are read back from the strict Slack of ours and compared with the record. */
let house: ThreadHouse
let slack: FakeSlack

beforeAll(async () => {
  house = await openThreadHouse('slack', async ({ context: { db }, clock }) => {
    slack = await startFakeSlack({ people: [], now: clock.now })
    const { chat } = createSlackChat({
      ...{ db, clock, desk: createScriptedDesk(clock), onFault: () => undefined },
      settings: { botToken: BOT_TOKEN, signingSecret: SIGNING_SECRET, appToken: null, apiUrl: slack.apiUrl },
      rendering: { timeZone: 'UTC', userOf: () => null },
    })
    return chat
  })
})
afterAll(async () => {
  await slack.stop()
  await house.database.drop()
})
beforeEach(async () => {
  slack.pagesOf(100)
  await house.forget()
})

const tsAt = (ms: number, n = 0) => `${Math.floor(ms / 1_000)}.${String(n).padStart(6, '0')}`

/** A card that stands in Slack with two lines of ours, and what belongs to it. */
async function postCard() {
  const { id, stream, now } = await house.nextCard()
  const root = tsAt(now)
  const blank = { channel: 'C0ACCESS', blocks: [], metadata: null }
  const bot = { ...blank, bot_id: 'B0BOT', text: 'ours' }
  const notice = (key: string, message: string) =>
    house.keepSent(stream, key, { platform: 'slack', channel: 'C0ACCESS', id: message })
  slack.put({ ...bot, ts: root, root: null })
  await rememberRoot(house.context.db, stream, { platform: 'slack', channel: 'C0ACCESS', id: root }, now)
  await notice(`${stream}:card`, root)
  const lines = [tsAt(now + 5_000), tsAt(now + 9_000)]
  for (const [at, ts] of lines.entries()) {
    slack.put({ ...bot, ts, root })
    await notice(`${stream}:line:${at}`, ts)
  }
  let said = 0
  return {
    ...{ root, lines, stream, id },
    /** Somebody writes, and nobody hears it. */
    unheard(text: string, more: Partial<Message> = {}): string {
      said += 1
      const ts = tsAt(now + 20_000 + said * 1_000)
      slack.put({ ...blank, ts, root, text, user: 'U0ANA', ...more })
      return ts
    },
    async heard(text: string): Promise<string> {
      const ts = this.unheard(text)
      const account = { platform: 'slack', tenant: 'T0ACME', id: 'U0ANA' }
      const act = { kind: 'written', sentAt: Number(ts) * 1_000, account, text, files: 0 } as const
      await house.ear.hear({ platform: 'slack', channel: 'C0ACCESS', root, message: ts, read: () => act })
      return ts
    },
    events: () => house.threadEvents(stream),
  }
}

it('a thread that is as the record says is put on record as compared, once, and again when there is more', async () => {
  const card = await postCard()
  await card.heard('hello')
  await house.clock.advance(2 * HOUR)
  await reconcileThreads(house.context)
  await reconcileThreads(house.context)
  expect((await card.events()).map(({ type, what }) => [type, what])).toEqual([
    ['thread.written', null],
    ['thread.compared', 3],
  ])
  await house.clock.advance(DAY)
  await reconcileThreads(house.context)
  expect(await card.events()).toHaveLength(2)
  await card.heard('one more')
  await house.clock.advance(2 * DAY)
  await reconcileThreads(house.context)
  expect((await card.events()).at(-1)).toMatchObject({ type: 'thread.compared', what: 4 })
  expect(house.newAlarms()).toEqual([])
})

it('what was written, changed and deleted while nobody heard it goes on record late, and is a finding, once', async () => {
  const card = await postCard()
  const gone = await card.heard('soon gone')
  card.unheard('nobody heard this')
  card.unheard('as it reads now', { edited: { user: 'U0ANA', ts: tsAt(house.clock.now() + 60_000) } })
  card.unheard('password=hunter2-unheard')
  slack.drop(gone)
  await house.clock.advance(2 * HOUR)
  await reconcileThreads(house.context)
  await house.clock.advance(DAY)
  await reconcileThreads(house.context)
  expect(await card.events()).toEqual([
    { type: 'thread.written', late: false, text: 'soon gone', what: null },
    { type: 'thread.written', late: true, text: 'nobody heard this', what: null },
    { type: 'thread.edited', late: true, text: 'as it reads now', what: null },
    { type: 'thread.written', late: true, text: null, what: null },
    { type: 'thread.deleted', late: true, text: null, what: null },
    { type: 'thread.compared', late: false, text: null, what: 5 },
  ])
  expect(house.newAlarms()).toEqual([`thread-messages-missed ${card.id}`])
})

it('a line of ours that is gone or changed by other hands, and lines of other bots, are findings, once each', async () => {
  const card = await postCard()
  const [gone = '', changed = ''] = card.lines
  slack.drop(gone)
  slack.drop(changed)
  const edited = { user: 'U0ADMIN', ts: tsAt(house.clock.now() + 30 * MINUTE) }
  card.unheard('never was', { ts: changed, bot_id: 'B0BOT', edited })
  card.unheard('removed, seen to be gone', { bot_id: 'B0EVIL' })
  card.unheard('as if it were ours', { bot_id: 'B0BOT' })
  await house.clock.advance(2 * HOUR)
  await reconcileThreads(house.context)
  await house.clock.advance(DAY)
  await reconcileThreads(house.context)
  expect(house.newAlarms().sort()).toEqual([
    `thread-message-edited ${card.id}`,
    `thread-message-foreign ${card.id}`,
    `thread-message-foreign ${card.id}`,
    `thread-message-missing ${card.id}`,
  ])
  expect((await card.events()).filter(({ type }) => type === 'thread.differs').map(({ what }) => what)).toEqual(
    expect.arrayContaining(['missing', 'edited', 'foreign', 'foreign']),
  )
})

it('reads page by page, waits as it is told, and goes on where it was', async () => {
  const card = await postCard()
  for (let n = 0; n < 5; n++) await card.heard(`line ${n}`)
  slack.pagesOf(2)
  await house.clock.advance(2 * HOUR)
  const calls = () => slack.calls.filter((method) => method === 'conversations.replies').length
  const before = calls()
  slack.failNext('conversations.replies', { kind: 'none' }, { kind: 'none' }, { kind: 'error', error: 'ratelimited' })
  await expect(reconcileThreads(house.context)).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 1_000 })
  expect(calls() - before).toBe(3)
  await reconcileThreads(house.context)
  expect(calls() - before).toBe(5)
  expect((await card.events()).at(-1)).toMatchObject({ type: 'thread.compared', what: 7 })
  expect(house.newAlarms()).toEqual([])
})

it('a channel that may not be looked into says nothing of what stands there', async () => {
  const card = await postCard()
  await card.heard('hello')
  await house.clock.advance(2 * HOUR)
  slack.failNext('conversations.replies', { kind: 'error', error: 'not_in_channel' })
  await reconcileThreads(house.context)
  expect(house.newAlarms()).toEqual([])
  expect(await card.events()).toHaveLength(1)
  await house.clock.advance(2 * HOUR)
  await reconcileThreads(house.context)
  expect(await card.events()).toHaveLength(2)
})

it('a deletion by schedule is one event that says since when; a card that somebody deletes before its time is a finding', async () => {
  const old = [await postCard(), await postCard(), await postCard()]
  for (const card of old) await card.heard('old talk')
  await house.clock.advance(30 * DAY)
  const young = await postCard()
  const other = await postCard()
  await house.clock.advance(60 * DAY)
  const before = Number(young.root)
  for (const { ts } of [...slack.messages]) if (Number(ts) < before) slack.drop(ts)
  for (let rounds = 0; rounds < 3; rounds++) await reconcileThreads(house.context)
  const expired = await house.context.record.readStream(house.context.db, retentionStream('slack', 'C0ACCESS'))
  expect(expired.map(({ data }) => data)).toEqual([expect.objectContaining({ platform: 'slack', channel: 'C0ACCESS' })])
  expect(Number(expired[0]?.data.keptForMs)).toBeGreaterThan(89 * DAY)
  expect(house.newAlarms()).toEqual([])
  for (const card of old) expect((await card.events()).map(({ type }) => type)).toEqual(['thread.written'])

  for (const ts of [other.root, ...other.lines]) slack.drop(ts)
  await house.clock.advance(8 * DAY)
  await reconcileThreads(house.context)
  expect(house.newAlarms()).toEqual([`thread-message-missing ${other.id}`, `thread-message-missing ${other.id}`])
  expect(house.enqueued.at(-1)).toEqual({ kind: 'announce', stream: other.stream })
})
