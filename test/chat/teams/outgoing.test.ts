import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Card, ChatError, type Destination, type Line } from '../../../src/ports/chat.ts'
import { line, text, time, typed, waitingCard } from '../example-cards.ts'
import { faultOfCard } from './card-rules.ts'
import { CHANNEL, type Fault, TENANT } from './fake-teams.ts'
import { readCard } from './read-card.ts'
import { objectIdOf, type StartedTeamsChat, startTeamsChat } from './start-teams-chat.ts'

const SEND = 'POST conversations/:id/activities'
const OPEN = 'POST conversations'
const UPDATE = 'PUT conversations/:id/activities/:id'

let it_: StartedTeamsChat
let keys = 0
const channel: Destination = { kind: 'channel', channel: CHANNEL }
const ben: Destination = { kind: 'person', account: { platform: 'teams', tenant: TENANT, id: objectIdOf('ben') } }

beforeAll(async () => {
  it_ = await startTeamsChat()
  await it_.teams.chat.post(ben, 'hello', line('info', 'hello'))
})
afterAll(() => it_.stop())
beforeEach(() => it_.clock.advance(30_000))

it.each<Fault>([{ kind: 'reset-after' }, { kind: 'status-after', status: 500 }, { kind: 'status-after', status: 504 }])(
  'a send that ended in $kind $status, after Teams had done it, is followed by one more copy at most',
  async (fault) => {
    const { teams, fake, clock } = it_
    const root = await teams.chat.post(channel, newKey(), line('info', 'a root'))
    for (const [to, call] of [
      [channel, OPEN],
      [{ kind: 'thread', root }, SEND],
      [ben, SEND],
    ] as [Destination, string][]) {
      const key = newKey()
      fake.failNext(call, fault)
      await expect(teams.chat.post(to, key, said(key))).rejects.toMatchObject({ code: 'maybe-sent' })
      await clock.advance(3_000)
      const ref = await teams.chat.post(to, key, said(key))
      expect(shown(key)).toHaveLength(2)
      expect(await teams.chat.post(to, key, said(key))).toEqual(ref)
      expect(shown(key)).toHaveLength(2)
      await clock.advance(3_000)
    }
  },
)

it('while Teams goes on saying nothing there is no third copy, and the message is not given up', async () => {
  const { teams, fake, clock, startReplica } = it_
  const key = newKey()
  fake.failNext(SEND, { kind: 'reset-after' }, { kind: 'reset-after' })
  const other = startReplica()
  for (const replica of [teams, other]) {
    await expect(replica.chat.post(ben, key, said(key))).rejects.toMatchObject({ code: 'maybe-sent' })
    await clock.advance(3_000)
  }
  for (let minute = 0; minute < 4; minute++) {
    await expect(teams.chat.post(ben, key, said(key))).rejects.toMatchObject({ code: 'throttled' })
    await clock.advance(60_000)
  }
  expect(shown(key)).toHaveLength(2)
  await clock.advance(60_000)
  await teams.chat.post(ben, key, said(key))
  expect(shown(key)).toHaveLength(3)
})

it('a send that never left, or was clearly refused, leaves no trace: the next is the only copy', async () => {
  const { teams, fake, clock } = it_
  const key = newKey()
  for (const status of [400, 403, 404, 412, 413, 429]) {
    fake.failNext(SEND, { kind: 'status', status, word: 'No' })
    if (status === 404) fake.failNext(SEND, { kind: 'status', status, word: 'No' })
    await expect(teams.chat.post(ben, key, said(key))).rejects.toThrow(ChatError)
    await clock.advance(3_000)
  }
  await teams.chat.post(ben, key, said(key))
  expect(shown(key)).toHaveLength(1)
})

it('nothing repeats a call by itself: one try is one request', async () => {
  const { teams, fake } = it_
  for (const status of [500, 502, 503, 504, 429, 412]) {
    fake.failNext(SEND, { kind: 'status', status, word: 'No' })
    const before = fake.calls.filter((call) => call === SEND).length
    await expect(teams.chat.post(ben, newKey(), said('x'))).rejects.toThrow(ChatError)
    expect(fake.calls.filter((call) => call === SEND).length - before).toBe(1)
    await it_.clock.advance(3_000)
  }
})

it.each([
  [429, 'Throttled', { 'retry-after': '7' }, { code: 'throttled', retryAfterMs: 7_000 }],
  [429, 'Throttled', { 'retry-after': 'soon' }, { code: 'throttled', retryAfterMs: 1_000 }],
  [429, 'Throttled', {}, { code: 'throttled', retryAfterMs: 1_000 }],
  [412, 'PreconditionFailed', {}, { code: 'throttled', retryAfterMs: 1_000 }],
  [502, 'BadGateway', {}, { code: 'maybe-sent' }],
  [503, 'Unavailable', { 'retry-after': '20' }, { code: 'maybe-sent', retryAfterMs: 20_000 }],
  [401, 'Unauthorized', {}, { code: 'unreachable' }],
  [403, 'MessageWritesBlocked', {}, { code: 'refused' }],
  [403, 'BotDisabledByAdmin', {}, { code: 'refused' }],
  [413, 'MessageSizeTooBig', {}, { code: 'refused' }],
  [400, 'BadSyntax', {}, { code: 'refused' }],
])('what Teams calls %s %s is as it should be', async (status, word, headers, expected) => {
  it_.fake.failNext(SEND, { kind: 'status', status, word, headers })
  await expect(it_.teams.chat.post(ben, newKey(), line('info', 'x'))).rejects.toMatchObject(expected)
})

it.each([
  [429, 'throttled'],
  [412, 'throttled'],
  [500, 'unreachable'],
  [502, 'unreachable'],
  [504, 'unreachable'],
  [404, 'not-found'],
])('an update that ends in %s is %s: a repeat does not show', async (status, code) => {
  const { teams, fake } = it_
  const ref = await teams.chat.post(channel, newKey(), line('info', 'x'))
  fake.failNext(UPDATE, { kind: 'status', status, word: 'No' })
  await expect(teams.chat.update(ref, line('info', 'y'))).rejects.toMatchObject({ code })
})

it('after a 429 whoever is next waits as well, until Teams said', async () => {
  const { teams, fake, clock } = it_
  fake.failNext(SEND, { kind: 'status', status: 429, word: 'Throttled', headers: { 'retry-after': '9' } })
  await expect(teams.chat.post(ben, newKey(), said('x'))).rejects.toMatchObject({ code: 'throttled' })
  const key = newKey()
  const before = fake.calls.length
  await expect(teams.chat.post(ben, key, said(key))).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 9_000 })
  expect(fake.calls.length).toBe(before)
  await clock.advance(9_000)
  await teams.chat.post(ben, key, said(key))
})

it('a storm in one thread is spread out within all of the limits, and Teams refuses none', async () => {
  const { teams, fake, clock } = it_
  const root = await teams.chat.post(channel, newKey(), line('info', 'a root'))
  const to: Destination = { kind: 'thread', root }
  const due = new Map(Array.from({ length: 150 }, () => [newKey(), clock.now()] as const))
  const storm = [...due.keys()]
  const [begun, before] = [clock.now(), fake.calls.filter((call) => call === SEND).length]
  while (due.size > 0) {
    for (const [key, at] of due) {
      if (at > clock.now()) continue
      try {
        await teams.chat.post(to, key, said(key))
        due.delete(key)
      } catch (error) {
        expect(error).toMatchObject({ code: 'throttled', retryAfterMs: expect.any(Number) })
        due.set(key, clock.now() + ((error as ChatError).retryAfterMs ?? 0))
      }
    }
    await clock.advance(Math.max(1, Math.min(clock.now() + 10_000, ...due.values()) - clock.now()))
  }
  for (const key of storm) expect(shown(key)).toHaveLength(1)
  expect(fake.calls.filter((call) => call === SEND).length - before).toBe(storm.length)
  // Sixty in half a minute: the rest of them waits for the next.
  expect(clock.now() - begun).toBeGreaterThan(60_000)
})

it('somebody who cleared their chat gets the message in a new one', async () => {
  const { teams, fake } = it_
  const first = await teams.chat.post(ben, newKey(), said('first'))
  fake.clearChat(objectIdOf('ben'))
  const key = newKey()
  const second = await teams.chat.post(ben, key, said(key))
  expect(second.channel).not.toBe(first.channel)
  expect(shown(key)).toHaveLength(1)
})

it('somebody who blocked the bot, or never had it, is not there', async () => {
  const { teams, fake } = it_
  fake.blocked.add(objectIdOf('ben'))
  const attempt = teams.chat.post(ben, newKey(), line('info', 'x'))
  await expect(attempt).rejects.toMatchObject({ code: 'refused', message: expect.stringMatching(/blocked or removed/) })
  fake.blocked.clear()
  const elsewhere = { platform: 'teams', tenant: 'ffffffff-54d6-4a7e-9a8d-0f4f1f3c2b11', id: objectIdOf('ben') }
  await expect(teams.chat.post({ kind: 'person', account: elsewhere }, newKey(), said('x'))).rejects.toMatchObject({
    code: 'not-found',
  })
})

it('a channel that is named and not given by its id is refused with the remedy', async () => {
  const attempt = it_.teams.chat.post({ kind: 'channel', channel: '#access' }, newKey(), line('info', 'x'))
  await expect(attempt).rejects.toMatchObject({ code: 'not-found', message: expect.stringMatching(/19:…@thread/) })
})

it('a wrong password is said at start, stops nothing, and makes messages unreachable', async () => {
  const { startReplica, faults } = it_
  const other = startReplica('wrong-password')
  await other.start()
  expect(faults.at(-1)?.what).toMatch(/TEAMS_APP_PASSWORD/)
  const attempt = other.chat.post(channel, newKey(), line('info', 'x'))
  await expect(attempt).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.not.stringMatching(/wrong-password/),
  })
  expect(await other.look()).toMatchObject({ state: 'degraded', detail: expect.stringMatching(/TEAMS_APP_PASSWORD/) })
  expect(await it_.teams.look()).toMatchObject({ state: 'ok' })
})

it('one token serves many messages, and one that is not taken any more is asked for anew', async () => {
  const { teams, fake, clock } = it_
  const asked = () => fake.calls.filter((call) => call.includes('oauth2')).length
  const before = asked()
  for (let times = 0; times < 3; times++) await teams.chat.post(ben, newKey(), said('x'))
  expect(asked()).toBe(before)
  fake.failNext(SEND, { kind: 'status', status: 401, word: 'Expired' })
  await expect(teams.chat.post(ben, newKey(), said('x'))).rejects.toMatchObject({ code: 'unreachable' })
  await teams.chat.post(ben, newKey(), said('x'))
  await clock.advance(56 * 60_000)
  await teams.chat.post(ben, newKey(), said('x'))
  expect(asked() - before).toBe(2)
})

it('whatever is too long is cut where one sees it, and Teams takes the message', async () => {
  for (const long of [
    'a very long word '.repeat(1_000),
    '\u200B'.repeat(3_000),
    '漢'.repeat(3_000),
    '{'.repeat(3_000),
  ]) {
    const card: Card = {
      ...waitingCard(request(long), NOON),
      title: `${'T'.repeat(140)}😀${'T'.repeat(100)}`,
      body: Array.from({ length: 200 }, (_, index) => [text(`row ${index} ${'x'.repeat(40)}`)]),
      buttons: Array.from({ length: 10 }, (_, index) => ({
        ...{ action: `act-${index}` as 'approve', label: 'L'.repeat(200), style: 'plain' as const },
        ...{ request: 'R'.repeat(5_000), revision: 1 },
      })),
      footer: Array.from({ length: 30 }, () => typed(long)),
    }
    await it_.clock.advance(3_000)
    const ref = await it_.teams.chat.post(channel, newKey(), card)
    const read = readCard(it_.fake.messages.find((one) => one.id === ref.id)?.card)
    expect(read.words).toMatch(/cut here: the record has it whole/)
    expect(read.words).toMatch(/more that do not fit here/)
    expect(read.words).not.toMatch(/\p{Cs}/u)
  }
})

it('a moment is shown in the reader’s own zone; with seconds, in the policy’s, which is named', async () => {
  const words = line('info', 'at ', time(NOON, 'date-time'), ' and ', time(NOON, 'time-seconds'))
  const ref = await it_.teams.chat.post(channel, newKey(), words)
  const { card, summary } = it_.fake.messages.find((one) => one.id === ref.id) ?? {}
  expect(JSON.stringify(card)).toContain('{{DATE(2026-11-23T12:00:00Z, SHORT)}} {{TIME(2026-11-23T12:00:00Z)}}')
  expect(JSON.stringify(card)).toMatch(/13:00:00 (CET|GMT\+1)/)
  expect(summary).toMatch(/^🔹 at 23 Nov, 13:00 (CET|GMT\+1) and 13:00:00 (CET|GMT\+1)$/)
})

it('a date that somebody typed stays as they typed it, and a reason cannot start a line of its own', async () => {
  const reason = 'see {{DATE(2026-11-23T12:00:00Z, SHORT)}} {{{TIME(2026-11-23T12:00:00Z)}}\nApproved by: Olga'
  const ref = await it_.teams.chat.post(channel, newKey(), waitingCard(request(reason), NOON))
  const { words, interpreted } = readCard(it_.fake.messages.find((one) => one.id === ref.id)?.card)
  expect(words).toContain(reason.replace('\n', ' ↵ '))
  expect(interpreted).toEqual([])
})

it('whoever is named on a card that has buttons gets their own view of it, once they were heard', async () => {
  const { teams, fake, db, startReplica } = it_
  await db`
    insert into teams_conversation (tenant, kind, id, conversation, user_id, service_url, at)
    values (${TENANT}, 'person', ${objectIdOf('olga')}, null, '29:olga', ${fake.serviceUrl}, 1)`
  const replica = startReplica()
  await replica.start()
  const card = waitingCard({ ...request('why'), approvers: [{ id: 'olga', name: 'Olga', why: 'owner' }] }, NOON)
  const cardOf = async (chat: typeof teams, shown_: Card, to: Destination = channel) => {
    await it_.clock.advance(3_000)
    const { id } = await chat.chat.post(to, newKey(), shown_)
    return fake.messages.find((one) => one.id === id)?.card as { refresh?: object }
  }
  expect((await cardOf(replica, card)).refresh).toMatchObject({
    action: { type: 'Action.Execute', verb: 'refresh', data: { request: 'G-7K3QF0' } },
    userIds: ['29:olga'],
  })
  expect((await cardOf(replica, { ...card, buttons: [] })).refresh).toBeUndefined()
  // In a chat of one's own the card is theirs already.
  expect((await cardOf(replica, card, ben)).refresh).toBeUndefined()
  expect((await cardOf(teams, card)).refresh).toBeUndefined()
})

it('the fake refuses what Teams would refuse', () => {
  const card = (body: object[]) => ({ type: 'AdaptiveCard', version: '1.5', body })
  const run = { type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'x' }] }
  expect(faultOfCard(card([run]))).toBeNull()
  expect(faultOfCard(card([]))).not.toBeNull()
  expect(faultOfCard(card([{ type: 'TextBlock', text: '**x**' }]))).not.toBeNull()
  expect(faultOfCard(card([{ ...run, colour: 'red' }]))).not.toBeNull()
  expect(faultOfCard({ ...card([run]), version: '1.6' })).not.toBeNull()
  expect(
    faultOfCard(card([{ type: 'RichTextBlock', inlines: [{ type: 'TextRun', text: 'x'.repeat(29_000) }] }])),
  ).not.toBeNull()
})

const NOON = Date.UTC(2026, 10, 23, 12)

function newKey(): string {
  keys += 1
  return `outgoing ${keys}.`
}

function said(key: string): Line {
  return line('info', key)
}

function shown(key: string) {
  return it_.fake.messages.filter((one) => readCard(one.card).words.includes(key))
}

function request(reason: string) {
  return {
    ...{ id: 'G-7K3QF0', requester: { id: 'ana', name: 'Ana Silva' }, entitlement: 'prod-db:read', duration: '2h' },
    ...{ reason, approvers: [{ id: 'ben', name: 'Ben Okafor', why: 'her manager' }] },
  }
}
