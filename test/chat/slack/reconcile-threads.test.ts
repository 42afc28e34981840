import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createSlackChat } from '../../../src/chat/slack/slack-chat.ts'
import { DAY, HOUR, MINUTE } from '../../../src/domain/duration.ts'
import { grantStream } from '../../../src/domain/grant-event.ts'
import { retentionStream, threadStream } from '../../../src/domain/thread-event.ts'
import type { Context } from '../../../src/workflow/context.ts'
import { createThreadEar, type ThreadEar } from '../../../src/workflow/hear-threads.ts'
import { keepNotice } from '../../../src/workflow/notices.ts'
import { reconcileThreads } from '../../../src/workflow/reconcile-threads.ts'
import { rememberRoot } from '../../../src/workflow/thread-roots.ts'
import { createTestContext, type TestContext } from '../../workflow/test-context.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import { BOT_TOKEN, type FakeSlack, type Message, SIGNING_SECRET, startFakeSlack } from './fake-slack.ts'

/* Threads are read back from the strict Slack of ours and compared with the record. */
let it_: TestContext
let slack: FakeSlack
let context: Context
let ear: ThreadEar
let cards = 0
let seen = 0

beforeAll(async () => {
  it_ = await createTestContext(Date.UTC(2026, 10, 23, 9), ['slack'])
  slack = await startFakeSlack({ people: [], now: it_.clock.now })
  const { chat } = createSlackChat({
    ...{ db: it_.context.db, clock: it_.clock, desk: createScriptedDesk(it_.clock), onFault: () => undefined },
    settings: { botToken: BOT_TOKEN, signingSecret: SIGNING_SECRET, appToken: null, apiUrl: slack.apiUrl },
    rendering: { timeZone: 'UTC', userOf: () => null },
  })
  context = { ...it_.context, chats: [chat] }
  ear = createThreadEar({ context, onFault: (_what, error) => expect(error).toBeNull() })
})
afterAll(async () => {
  await slack.stop()
  await it_.database.drop()
})
beforeEach(async () => {
  await it_.database.admin`delete from thread_root`
  slack.pagesOf(100)
  seen = it_.alarms.length
})

const tsAt = (ms: number, n = 0) => `${Math.floor(ms / 1_000)}.${String(n).padStart(6, '0')}`

/** A card that stands in Slack with two lines of ours, and what belongs to it. */
async function postCard() {
  cards += 1
  await it_.clock.advance(MINUTE)
  const id = `G-7K3Q${String(cards).padStart(2, '0')}`
  const stream = grantStream(id)
  const now = it_.clock.now()
  const root = tsAt(now)
  const blank = { channel: 'C0ACCESS', blocks: [], metadata: null }
  const bot = { ...blank, bot_id: 'B0BOT', text: 'ours' }
  const notice = (key: string, message: string) =>
    keepNotice(context, stream, key, {
      ...{ platform: 'slack', state: 'sent', contentHash: 'c', attempts: 0 },
      ref: { platform: 'slack', channel: 'C0ACCESS', id: message },
    })
  slack.put({ ...bot, ts: root, root: null })
  await rememberRoot(context.db, stream, { platform: 'slack', channel: 'C0ACCESS', id: root }, now)
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
      await ear.hear({ platform: 'slack', channel: 'C0ACCESS', root, message: ts, read: () => act })
      return ts
    },
    events: async () =>
      (await context.record.readStream(context.db, threadStream(stream))).map(({ type, data, texts }) => ({
        ...{ type, late: data.late === true, text: texts.text ?? null, what: data.what ?? data.messages ?? null },
      })),
  }
}

const alarms = () => it_.alarms.slice(seen).map(({ what, grant }) => `${what} ${grant}`)

it('a thread that is as the record says is put on record as compared, once, and again when there is more', async () => {
  const card = await postCard()
  await card.heard('hello')
  await it_.clock.advance(2 * HOUR)
  await reconcileThreads(context)
  await reconcileThreads(context)
  expect((await card.events()).map(({ type, what }) => [type, what])).toEqual([
    ['thread.written', null],
    ['thread.compared', 3],
  ])
  await it_.clock.advance(DAY)
  await reconcileThreads(context)
  expect(await card.events()).toHaveLength(2)
  await card.heard('one more')
  await it_.clock.advance(2 * DAY)
  await reconcileThreads(context)
  expect((await card.events()).at(-1)).toMatchObject({ type: 'thread.compared', what: 4 })
  expect(alarms()).toEqual([])
})

it('what was written, changed and deleted while nobody heard it goes on record late, and is a finding, once', async () => {
  const card = await postCard()
  const gone = await card.heard('soon gone')
  card.unheard('nobody heard this')
  card.unheard('as it reads now', { edited: { user: 'U0ANA', ts: tsAt(it_.clock.now() + 60_000) } })
  card.unheard('password=hunter2-unheard')
  slack.drop(gone)
  await it_.clock.advance(2 * HOUR)
  await reconcileThreads(context)
  await it_.clock.advance(DAY)
  await reconcileThreads(context)
  expect(await card.events()).toEqual([
    { type: 'thread.written', late: false, text: 'soon gone', what: null },
    { type: 'thread.written', late: true, text: 'nobody heard this', what: null },
    { type: 'thread.edited', late: true, text: 'as it reads now', what: null },
    { type: 'thread.written', late: true, text: null, what: null },
    { type: 'thread.deleted', late: true, text: null, what: null },
    { type: 'thread.compared', late: false, text: null, what: 5 },
  ])
  expect(alarms()).toEqual([`thread-messages-missed ${card.id}`])
})

it('a line of ours that is gone or changed by other hands, and lines of other bots, are findings, once each', async () => {
  const card = await postCard()
  const [gone = '', changed = ''] = card.lines
  slack.drop(gone)
  slack.drop(changed)
  const edited = { user: 'U0ADMIN', ts: tsAt(it_.clock.now() + 30 * MINUTE) }
  card.unheard('never was', { ts: changed, bot_id: 'B0BOT', edited })
  card.unheard('removed, seen to be gone', { bot_id: 'B0EVIL' })
  card.unheard('as if it were ours', { bot_id: 'B0BOT' })
  await it_.clock.advance(2 * HOUR)
  await reconcileThreads(context)
  await it_.clock.advance(DAY)
  await reconcileThreads(context)
  expect(alarms().sort()).toEqual([
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
  await it_.clock.advance(2 * HOUR)
  const calls = () => slack.calls.filter((method) => method === 'conversations.replies').length
  const before = calls()
  slack.failNext('conversations.replies', { kind: 'none' }, { kind: 'none' }, { kind: 'error', error: 'ratelimited' })
  await expect(reconcileThreads(context)).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 1_000 })
  expect(calls() - before).toBe(3)
  await reconcileThreads(context)
  expect(calls() - before).toBe(5)
  expect((await card.events()).at(-1)).toMatchObject({ type: 'thread.compared', what: 7 })
  expect(alarms()).toEqual([])
})

it('a channel that may not be looked into says nothing of what stands there', async () => {
  const card = await postCard()
  await card.heard('hello')
  await it_.clock.advance(2 * HOUR)
  slack.failNext('conversations.replies', { kind: 'error', error: 'not_in_channel' })
  await reconcileThreads(context)
  expect(alarms()).toEqual([])
  expect(await card.events()).toHaveLength(1)
  await it_.clock.advance(2 * HOUR)
  await reconcileThreads(context)
  expect(await card.events()).toHaveLength(2)
})

it('a deletion by schedule is one event that says since when; a card that somebody deletes before its time is a finding', async () => {
  const old = [await postCard(), await postCard(), await postCard()]
  for (const card of old) await card.heard('old talk')
  await it_.clock.advance(30 * DAY)
  const young = await postCard()
  const other = await postCard()
  await it_.clock.advance(60 * DAY)
  const before = Number(young.root)
  for (const { ts } of [...slack.messages]) if (Number(ts) < before) slack.drop(ts)
  for (let rounds = 0; rounds < 3; rounds++) await reconcileThreads(context)
  const expired = await context.record.readStream(context.db, retentionStream('slack', 'C0ACCESS'))
  expect(expired.map(({ data }) => data)).toEqual([expect.objectContaining({ platform: 'slack', channel: 'C0ACCESS' })])
  expect(Number(expired[0]?.data.keptForMs)).toBeGreaterThan(89 * DAY)
  expect(alarms()).toEqual([])
  for (const card of old) expect((await card.events()).map(({ type }) => type)).toEqual(['thread.written'])

  for (const ts of [other.root, ...other.lines]) slack.drop(ts)
  await it_.clock.advance(8 * DAY)
  await reconcileThreads(context)
  expect(alarms()).toEqual([`thread-message-missing ${other.id}`, `thread-message-missing ${other.id}`])
  expect(it_.enqueued.at(-1)).toEqual({ kind: 'announce', stream: other.stream })
})
