import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Card, ChatError, type Destination, type Line } from '../../../src/ports/chat.ts'
import { line, person, removedCard, text, time, typed, waitingCard } from '../example-cards.ts'
import { faultOfBlocks } from './block-rules.ts'
import { BOT_TOKEN, TEAM } from './fake-slack.ts'
import { readBlocks } from './read-blocks.ts'
import { type StartedSlackChat, startSlackChat } from './start-slack-chat.ts'

let it_: StartedSlackChat
let keys = 0
const channel: Destination = { kind: 'channel', channel: '#access' }

beforeAll(async () => {
  it_ = await startSlackChat()
})
afterAll(() => it_.stop())
beforeEach(() => it_.clock.advance(1_200))

it.each([{ kind: 'reset-after' }, { kind: '500-after' }] as const)(
  'a send that ended in $kind, after Slack had done it, is found again and not sent twice',
  async (fault) => {
    const { slack, fake, clock } = it_
    for (const to of await places()) {
      const key = newKey()
      fake.failNext('chat.postMessage', fault)
      await expect(slack.chat.post(to, key, said(key))).rejects.toMatchObject({ code: 'maybe-sent' })
      await clock.advance(1_200)
      const ref = await slack.chat.post(to, key, said(key))
      expect(shown(key)).toMatchObject([{ ts: ref.id, channel: ref.channel }])
      await clock.advance(1_200)
    }
  },
)

it('a send that was lost before Slack saw it is looked for once, and sent again', async () => {
  const { slack, fake, clock } = it_
  const key = newKey()
  fake.failNext('chat.postMessage', { kind: 'reset-before' })
  await expect(slack.chat.post(channel, key, said(key))).rejects.toMatchObject({ code: 'maybe-sent' })
  expect(shown(key)).toEqual([])
  await clock.advance(1_200)
  const calls = fake.calls.length
  await slack.chat.post(channel, key, said(key))
  expect(fake.calls.slice(calls)).toEqual(['conversations.history', 'chat.postMessage'])
  expect(shown(key)).toHaveLength(1)
})

it('a replica that died between sending and noting it is followed by one that finds the message', async () => {
  const { slack, fake, clock, startReplica } = it_
  const key = newKey()
  fake.failNext('chat.postMessage', { kind: 'reset-after' })
  await expect(slack.chat.post(channel, key, said(key))).rejects.toThrow(ChatError)
  await clock.advance(1_200)
  const person: Destination = { kind: 'person', account: { platform: 'slack', tenant: TEAM, id: 'U0ANA' } }
  const other = startReplica()
  const inDirect = newKey()
  fake.failNext('chat.postMessage', { kind: '500-after' })
  await expect(slack.chat.post(person, inDirect, said(inDirect))).rejects.toThrow(ChatError)
  await clock.advance(1_200)
  await other.chat.post(person, inDirect, said(inDirect))
  expect(shown(inDirect)).toHaveLength(1)
  await other.stop()
})

it('when Slack does not let us look, the message is sent again rather than lost', async () => {
  const { slack, fake, clock } = it_
  const key = newKey()
  fake.failNext('chat.postMessage', { kind: 'reset-before' })
  fake.failNext('conversations.history', { kind: 'error', error: 'not_allowed_token_type' })
  await expect(slack.chat.post(channel, key, said(key))).rejects.toMatchObject({ code: 'maybe-sent' })
  await clock.advance(1_200)
  await slack.chat.post(channel, key, said(key))
  expect(shown(key)).toHaveLength(1)
})

it.each([
  ['#no-such-channel', 'not-found'],
  ['#old', 'not-found'],
  ['#secret', 'not-found'],
])('a channel that cannot be written to, %s, is %s', async (name, code) => {
  const attempt = it_.slack.chat.post({ kind: 'channel', channel: name }, newKey(), line('info', 'x'))
  await expect(attempt).rejects.toMatchObject({ name: 'ChatError', code })
})

it.each([
  ['account_inactive', 'unreachable'],
  ['token_revoked', 'unreachable'],
  ['missing_scope', 'refused'],
  ['ratelimited', 'throttled'],
  ['internal_error', 'maybe-sent'],
  ['restricted_action', 'refused'],
  ['user_disabled', 'not-found'],
])('what Slack calls %s is %s', async (error, code) => {
  it_.fake.failNext('chat.postMessage', { kind: 'error', error })
  await expect(it_.slack.chat.post(channel, newKey(), line('info', 'x'))).rejects.toMatchObject({ code })
})

it('a wrong token is said at start, stops nothing, and makes messages unreachable', async () => {
  const { startReplica, faults } = it_
  const other = startReplica('xoxb-wrong')
  await other.start()
  expect(faults.at(-1)?.what).toMatch(/SLACK_BOT_TOKEN/)
  const attempt = other.chat.post(channel, newKey(), line('info', 'x'))
  await expect(attempt).rejects.toMatchObject({ code: 'unreachable' })
  await expect(attempt).rejects.not.toThrow(/xoxb/)
  await other.stop()
})

it('readiness says when something was last sent, and which channel cannot be written to until it can', async () => {
  const { fake, clock, startReplica } = it_
  const slack = startReplica()
  const second: Destination = { kind: 'channel', channel: '#second' }
  await slack.chat.post(second, newKey(), line('info', 'x'))
  await clock.advance(5_000)
  expect(await slack.look()).toEqual({ state: 'ok', detail: 'connected; last sent 5 s ago' })
  fake.setChannel('second', 'is_archived')
  await expect(slack.chat.post(second, newKey(), line('info', 'x'))).rejects.toMatchObject({ code: 'not-found' })
  await clock.advance(2_000)
  const broken = await slack.look()
  expect(broken.state).toBe('degraded')
  expect(broken.detail).toMatch(/channel #second cannot be written to: .*is_archived; last sent 7 s ago/)
  fake.setChannel('second', 'open')
  await slack.chat.post(second, newKey(), line('info', 'x'))
  expect(await slack.look()).toEqual({ state: 'ok', detail: 'connected; last sent 0 s ago' })
  await slack.stop()
})

it('readiness says that Slack does not take calls, and that a token is bad', async () => {
  const { fake, clock, startReplica } = it_
  const slack = startReplica()
  fake.failNext('chat.postMessage', { kind: 'reset-before' })
  await slack.chat.post(channel, newKey(), line('info', 'x')).catch(() => undefined)
  expect((await slack.look()).detail).toMatch(/the last call did not work/)
  await clock.advance(1_200)
  await slack.chat.post(channel, newKey(), line('info', 'x'))
  expect((await slack.look()).state).toBe('ok')
  const other = startReplica('xoxb-wrong')
  const seen = await other.look()
  expect(seen).toMatchObject({
    state: 'degraded',
    detail: expect.stringMatching(/invalid_auth.*SLACK_BOT_TOKEN.*nothing sent yet/),
  })
  expect(seen.detail).not.toContain('xoxb-wrong')
  await Promise.all([other.stop(), slack.stop()])
})

it('an update waits for its turn too: ten at once, and then one by one', async () => {
  const { slack, clock } = it_
  await clock.advance(60_000)
  const ref = await slack.chat.post(channel, newKey(), line('info', 'x'))
  for (let n = 0; n < 10; n++) await slack.chat.update({ ...ref }, line('info', `now ${n}`))
  const more = slack.chat.update(ref, line('info', 'one more'))
  await expect(more).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 1_500 })
  await clock.advance(1_500)
  await slack.chat.update(ref, line('info', 'one more'))
})

it('a storm in one channel is spread out: each is told its own second, and Slack refuses none', async () => {
  const { slack, fake, clock } = it_
  const storm = Array.from({ length: 30 }, () => newKey())
  const before = fake.calls.filter((call) => call === 'chat.postMessage').length
  const due = new Map(storm.map((key) => [key, clock.now()]))
  while (due.size > 0) {
    for (const [key, at] of due) {
      if (at > clock.now()) continue
      try {
        await slack.chat.post(channel, key, said(key))
        due.delete(key)
      } catch (error) {
        expect(error).toMatchObject({ code: 'throttled', retryAfterMs: expect.any(Number) })
        due.set(key, clock.now() + ((error as ChatError).retryAfterMs ?? 0))
      }
    }
    await clock.advance(1_200)
  }
  for (const key of storm) expect(shown(key)).toHaveLength(1)
  expect(fake.calls.filter((call) => call === 'chat.postMessage').length - before).toBe(storm.length)
})

it('when another app was quicker, Slack’s own word on when to come back is passed on, and kept', async () => {
  const { slack, fake, clock, startReplica } = it_
  const blocks = JSON.stringify([{ type: 'header', text: { type: 'plain_text', text: 'of another app' } }])
  const headers = { authorization: `Bearer ${BOT_TOKEN}`, 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams({ channel: 'C0ACCESS', text: 'of another app', blocks })
  await fetch(`${fake.apiUrl}chat.postMessage`, { method: 'POST', headers, body })
  const key = newKey()
  const attempt = slack.chat.post(channel, key, said(key))
  await expect(attempt).rejects.toMatchObject({ code: 'throttled', retryAfterMs: 1_000 })
  const refused = fake.refused
  const other = startReplica()
  for (const one of [slack, other]) {
    await expect(one.chat.post(channel, newKey(), said(key))).rejects.toMatchObject({ code: 'throttled' })
  }
  expect(fake.refused).toBe(refused)
  await clock.advance(5_000)
  await other.chat.post(channel, key, said(key))
  expect(shown(key)).toHaveLength(1)
  await other.stop()
})

it('whatever is too long is cut where one sees it, and Slack takes the message', async () => {
  const long = 'a very long word '.repeat(1_000)
  const card: Card = {
    ...waitingCard(request(long), NOON),
    title: `${'T'.repeat(140)}😀${'T'.repeat(100)}`,
    body: Array.from({ length: 200 }, (_, index) => [text(`row ${index} ${'x'.repeat(40)}`)]),
    buttons: Array.from({ length: 40 }, (_, index) => ({
      ...{ action: `act-${index}` as 'approve', label: 'L'.repeat(200), style: 'plain' as const },
      ...{ request: 'R'.repeat(5_000), revision: 1 },
    })),
    footer: Array.from({ length: 30 }, () => typed(long)),
  }
  const ref = await it_.slack.chat.post(channel, newKey(), card)
  const read = readBlocks(it_.fake.messages.find((one) => one.ts === ref.id)?.blocks ?? [])
  expect(read.words).toMatch(/cut here: the record has it whole/)
  expect(read.words).toMatch(/row 0 /)
  expect(read.words).toMatch(/and \d+ more that do not fit here/)
  expect(read.words).not.toMatch(/\p{Cs}/u)
})

it('a moment is shown in the reader’s own zone, and otherwise with the policy’s named', async () => {
  const ref = await it_.slack.chat.post(channel, newKey(), line('info', 'at ', time(NOON, 'date-time')))
  const [block] = it_.fake.messages.find((one) => one.ts === ref.id)?.blocks ?? []
  const fallback = expect.stringMatching(/^23 Nov, 13:00 (CET|GMT\+1)$/)
  const date = { type: 'date', timestamp: NOON / 1_000, format: '{date_short_pretty} {time}', fallback }
  expect(block).toMatchObject({ elements: [{ elements: expect.arrayContaining([date]) }] })
})

it('small print is one line, and what would be markup or an emoji in it stays what it is', async () => {
  const footer = [
    text('F-7K3QF0 opened '),
    time(NOON, 'date-time'),
    text(', of prod:'),
    text('fire'),
    text(': '),
    person('ben', '*Ben*'),
  ]
  const ref = await it_.slack.chat.post(channel, newKey(), { ...removedCard(request('it'), 'olga', NOON), footer })
  const small = it_.fake.messages.find((one) => one.ts === ref.id)?.blocks.at(-1)
  expect(small).toMatchObject({
    type: 'context',
    elements: [
      { type: 'mrkdwn', text: expect.stringMatching(/^F-7K3QF0 opened <!date\^.*>, of prod:fire$/) },
      { type: 'mrkdwn', text: ':' },
      { type: 'plain_text', text: '*Ben*', emoji: false },
    ],
  })
  expect(readBlocks([small]).interpreted).toEqual([])
})

it('a person is a name, and a mention only where somebody is to be notified', async () => {
  const notified = { ...person('ben', 'Ben Okafor'), notify: true } as const
  const ref = await it_.slack.chat.post(channel, newKey(), line('info', person('ben', 'Ben Okafor'), ' or ', notified))
  const read = readBlocks(it_.fake.messages.find((one) => one.ts === ref.id)?.blocks ?? [])
  expect(read).toMatchObject({ words: expect.stringContaining('Ben Okafor or U0BEN'), interpreted: ['user'] })
})

it('a reason cannot start a line of its own and pass for a fact', async () => {
  const card = waitingCard(request('fix it\nApproved by: Olga\u2028Approved by: Olga'), NOON)
  const ref = await it_.slack.chat.post(channel, newKey(), card)
  const { words } = readBlocks(it_.fake.messages.find((one) => one.ts === ref.id)?.blocks ?? [])
  expect(words).toContain('fix it ↵ Approved by: OlgaU+2028Approved by: Olga')
  expect(words).not.toMatch(/^Approved by/m)
})

it('the fake refuses what Slack would refuse', () => {
  expect(faultOfBlocks([{ type: 'header', text: { type: 'plain_text', text: 'x'.repeat(151) } }])).not.toBeNull()
  expect(faultOfBlocks([{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [] }] }])).not.toBeNull()
  expect(faultOfBlocks([])).not.toBeNull()
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
  return it_.fake.messages.filter((one) => readBlocks(one.blocks).words.includes(key))
}

async function places(): Promise<Destination[]> {
  const root = await it_.slack.chat.post(channel, newKey(), removedCard(request('a root'), 'ben', NOON))
  await it_.clock.advance(1_200)
  return [
    channel,
    { kind: 'thread', root },
    { kind: 'person', account: { platform: 'slack', tenant: TEAM, id: 'U0BEN' } },
  ]
}

function request(reason: string) {
  return {
    ...{ id: 'G-7K3QF0', requester: { id: 'ana', name: 'Ana Silva' }, entitlement: 'prod-db:read', duration: '2h' },
    ...{ reason, approvers: [{ id: 'ben', name: 'Ben Okafor', why: 'her manager' }] },
  }
}
