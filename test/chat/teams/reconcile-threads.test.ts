import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createTeamsChat, type TeamsChat } from '../../../src/chat/teams/teams-chat.ts'
import { DAY, HOUR, MINUTE } from '../../../src/domain/duration.ts'
import { retentionStream } from '../../../src/domain/thread-event.ts'
import type { Card, Line, MessageRef } from '../../../src/ports/chat.ts'
import { reconcileThreads } from '../../../src/workflow/reconcile-threads.ts'
import { rememberRoot } from '../../../src/workflow/thread-roots.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import { openThreadHouse, type ThreadHouse } from '../thread-house.ts'
import { GROUP } from './fake-graph.ts'
import { APP_PASSWORD, CHANNEL, type FakeTeams, startFakeTeams, TENANT } from './fake-teams.ts'
import { objectIdOf } from './start-teams-chat.ts'
import { APP_ID } from './tokens.ts'

/* Threads are read back from the strict Graph of ours and compared with the record. */
let house: ThreadHouse
let fake: FakeTeams
let teams: TeamsChat

beforeAll(async () => {
  house = await openThreadHouse('teams', async ({ context: { db }, clock }) => {
    fake = await startFakeTeams({ people: [], now: clock.now })
    teams = createTeamsChat({
      ...{ db, clock, desk: createScriptedDesk(clock), onFault: () => undefined },
      settings: {
        ...{ appId: APP_ID, appPassword: APP_PASSWORD, tenantIds: [TENANT], openIdMetadataUrl: fake.metadataUrl },
        ...{ loginUrl: fake.loginUrl, readThreads: true, graphUrl: fake.graphUrl },
      },
      rendering: { timeZone: 'UTC', accountOf: () => null },
    })
    await db`
      insert into teams_conversation (tenant, kind, id, conversation, team, service_url, at)
      values (${TENANT}, 'channel', ${CHANNEL}, ${CHANNEL}, ${CHANNEL}, ${fake.serviceUrl}, 0)`
    return teams.chat
  })
})
afterAll(async () => {
  await teams.stop()
  await fake.stop()
  await house.database.drop()
})
beforeEach(async () => {
  Object.assign(fake.graph.state, { isGranted: true, most: 50 })
  await house.forget()
})

const ours: Line = { tone: 'info', text: [{ kind: 'text', text: 'ours' }] }

/** A card that the adapter posted, with two lines of ours, and what belongs to it. */
async function postCard() {
  const { id, stream, now } = await house.nextCard()
  const notice = (key: string, ref: MessageRef) => house.keepSent(stream, key, ref)
  const card: Card = { tone: 'info', title: id, badge: null, facts: [], body: [], buttons: [], footer: [] }
  const root = await teams.chat.post({ kind: 'channel', channel: CHANNEL }, `${stream}:card`, card)
  await rememberRoot(house.context.db, stream, root, now)
  await notice(`${stream}:card`, root)
  const lines: string[] = []
  for (const key of [`${stream}:line:0`, `${stream}:line:1`]) {
    const line = await teams.chat.post({ kind: 'thread', root }, key, ours)
    await notice(key, line)
    lines.push(line.id)
  }
  let said = 0
  return {
    ...{ ref: root, root: root.id, lines, stream, id },
    /** Somebody writes, and nobody hears it. */
    unheard(html: string, from: object = { user: { id: objectIdOf('ana'), userIdentityType: 'aadUser' } }): string {
      said += 1
      const message = String(now + 20_000 + said * 1_000)
      const body = { contentType: 'html', content: html }
      fake.graph.put({ ...{ id: message, replyToId: root.id, messageType: 'message', from, body }, attachments: [] })
      return message
    },
    async hear(message: string, act: object): Promise<void> {
      const account = { platform: 'teams', tenant: TENANT, id: objectIdOf('ana') }
      const fact = { sentAt: Number(message), account, text: 'heard', ...act } as never
      await house.ear.hear({ platform: 'teams', channel: root.channel, root: root.id, message, read: () => fact })
    },
    async heard(text: string): Promise<string> {
      const message = this.unheard(`<p>${text}</p>`)
      await this.hear(message, { kind: 'written', text, files: 0 })
      return message
    },
    events: () => house.threadEvents(stream),
  }
}

const BOT = (id: string) => ({ application: { id, applicationIdentityType: 'bot' }, user: null })

it('a thread as the record says is compared to the end, page by page, and an edit that was heard is no news', async () => {
  const card = await postCard()
  for (let n = 0; n < 3; n++) await card.heard(`line ${n}`)
  const edited = await card.heard('before')
  const at = house.clock.now() + 5 * MINUTE
  await card.hear(edited, { kind: 'edited', version: new Date(at).toISOString(), before: null })
  // Graph says the time of the same edit a little otherwise.
  fake.graph.edit(edited, at + 1_234)
  fake.graph.put({
    ...{ id: String(house.clock.now() + 55_000), replyToId: card.root, messageType: 'systemEventMessage' },
    ...{ from: null, body: { contentType: 'html', content: '<systemEventMessage/>' }, attachments: [] },
  })
  fake.graph.state.most = 2
  await house.clock.advance(2 * HOUR)
  await reconcileThreads(house.context)
  expect(house.newAlarms()).toEqual([])
  expect((await card.events()).at(-1)).toMatchObject({ type: 'thread.compared', what: 6 })
  // The operator's trial looks in the same way.
  expect(await teams.trial.find(card.ref, '', 0)).toBe(true)
})

it('what was written, changed and deleted while nobody heard it goes on record late, as plain words, once', async () => {
  const card = await postCard()
  const gone = await card.heard('soon gone')
  card.unheard('<div><at id="0">Olga</at>, row &lt;4711&gt;&nbsp;<emoji alt="😀"></emoji><br>&#39;two&#39;</div>')
  const changed = card.unheard('<p>as it reads now</p>')
  await card.hear(changed, { kind: 'written', text: 'as it read', files: 0 })
  fake.graph.edit(changed, house.clock.now() + MINUTE)
  fake.graph.remove(gone)
  for (let rounds = 0; rounds < 2; rounds++) {
    await house.clock.advance(DAY)
    await reconcileThreads(house.context)
  }
  expect(await card.events()).toEqual([
    { type: 'thread.written', late: false, text: 'soon gone', what: null },
    { type: 'thread.written', late: false, text: 'as it read', what: null },
    { type: 'thread.written', late: true, text: "Olga, row <4711> 😀\n'two'", what: null },
    { type: 'thread.edited', late: true, text: 'as it reads now', what: null },
    { type: 'thread.deleted', late: true, text: null, what: null },
    { type: 'thread.compared', late: false, text: null, what: 4 },
  ])
  expect(house.newAlarms()).toEqual([`thread-messages-missed ${card.id}`])
})

it('a line of ours that is gone or changed by other hands, and lines of other bots, are findings, once each', async () => {
  const card = await postCard()
  const [gone = '', changed = ''] = card.lines
  fake.graph.remove(gone)
  fake.graph.edit(changed, house.clock.now() + 30 * MINUTE)
  card.unheard('removed, seen to be gone', BOT('00000000-0000-4000-8000-00000000e511'))
  card.unheard('as if it were ours', BOT(APP_ID))
  for (let rounds = 0; rounds < 2; rounds++) {
    await house.clock.advance(DAY)
    await reconcileThreads(house.context)
  }
  expect(house.newAlarms().sort()).toEqual([
    `thread-message-edited ${card.id}`,
    `thread-message-foreign ${card.id}`,
    `thread-message-foreign ${card.id}`,
    `thread-message-missing ${card.id}`,
  ])
})

it('without the permission nothing is said of the thread, readiness names what to grant, and no longer once it is', async () => {
  const card = await postCard()
  await card.heard('hello')
  fake.graph.state.isGranted = false
  await house.clock.advance(2 * HOUR)
  await reconcileThreads(house.context)
  const lacks = `Threads of team ${GROUP} are not read back: grant ChannelMessage.Read.Group`
  expect(await teams.look()).toMatchObject({ state: 'degraded', detail: expect.stringContaining(lacks) })
  expect([house.newAlarms(), (await card.events()).length]).toEqual([[], 1])
  fake.graph.state.isGranted = true
  fake.failNext(`GET /graph/v1.0/teams/${GROUP}/channels/${encodeURIComponent(CHANNEL)}/messages/${card.root}`, {
    ...{ kind: 'status', status: 429, word: 'TooManyRequests', headers: { 'retry-after': '7' } },
  })
  await house.clock.advance(2 * HOUR)
  await expect(reconcileThreads(house.context)).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 7_000 })
  await reconcileThreads(house.context)
  expect(await teams.look()).toMatchObject({ state: 'ok' })
  expect((await card.events()).at(-1)).toMatchObject({ type: 'thread.compared', what: 3 })
})

it('a deletion by schedule is one event of the channel; a card that somebody deletes before its time is a finding', async () => {
  const old = [await postCard(), await postCard()]
  for (const card of old) await card.heard('old talk')
  await house.clock.advance(30 * DAY)
  const young = await postCard()
  await house.clock.advance(60 * DAY)
  for (const { id } of fake.messages) if (Number(id) < Number(young.root)) fake.graph.drop(id)
  for (let rounds = 0; rounds < 3; rounds++) await reconcileThreads(house.context)
  const expired = await house.context.record.readStream(house.context.db, retentionStream('teams', CHANNEL))
  expect(expired.map(({ data }) => data)).toEqual([expect.objectContaining({ platform: 'teams', channel: CHANNEL })])
  expect(Number(expired[0]?.data.keptForMs)).toBeGreaterThan(89 * DAY)
  expect(house.newAlarms()).toEqual([])

  const other = await postCard()
  await house.clock.advance(2 * DAY)
  for (const id of [other.root, ...other.lines]) fake.graph.remove(id)
  await reconcileThreads(house.context)
  expect(house.newAlarms()).toEqual([`thread-message-missing ${other.id}`, `thread-message-missing ${other.id}`])
  expect(house.enqueued.at(-1)).toEqual({ kind: 'announce', stream: other.stream })
})
