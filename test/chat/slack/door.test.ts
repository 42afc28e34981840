import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Act, Answer, Desk, Form } from '../../../src/ports/chat.ts'
import { line } from '../example-cards.ts'
import { faultOfBlocks } from './block-rules.ts'
import { TEAM } from './fake-slack.ts'
import { commandBody, createSlackUser, pressPayload, type SlackUser } from './slack-user.ts'
import { type StartedSlackChat, startSlackChat } from './start-slack-chat.ts'

/** Answers as it is told, and a repeat as the first time. */
const heard: { act: Act; what: unknown }[] = []
const answers = new Map<string, Answer>()
let nextAnswer: (() => Promise<Answer>) | null = null
const desk: Desk = {
  command: (act, text, channel) => answer(act, { text, channel }),
  press: (act, press) => answer(act, press),
  submit: (act, submission) => answer(act, submission),
}

async function answer(act: Act, what: unknown): Promise<Answer> {
  heard.push({ act, what })
  const first = answers.get(act.key)
  if (first !== undefined) return first
  const given = await (nextAnswer?.() ?? Promise.resolve({ kind: 'line', line: line('info', `heard ${heard.length}`) }))
  answers.set(act.key, given as Answer)
  return given as Answer
}

let it_: StartedSlackChat
let user: SlackUser
/** Bolt looks at the machine's own clock for what is too old. */
const realNow = () => Date.now()

beforeAll(async () => {
  it_ = await startSlackChat({ desk, startMs: realNow() })
  user = createSlackUser(it_.url, it_.fake, realNow)
})
afterAll(() => it_.stop())
beforeEach(() => {
  heard.length = 0
  answers.clear()
  nextAnswer = null
})

it('a signed command reaches the desk as it was typed, and its answer is for that person alone', async () => {
  const told = await user.command('U0ANA', 'prod-db 2h fix <ledger> & "books"')
  expect(told).toMatchObject({ status: 200, words: expect.stringContaining('heard 1') })
  expect(heard[0]).toMatchObject({
    act: { account: { platform: 'slack', tenant: TEAM, id: 'U0ANA' }, key: expect.stringMatching(/^slack:command:/) },
    what: { text: 'prod-db 2h fix <ledger> & "books"', channel: 'C0ACCESS' },
  })
  const raw = await user.send(commandBody('U0ANA', 'help').toString())
  const body = (await raw.json()) as { response_type: string; blocks: unknown[] }
  expect(body.response_type).toBe('ephemeral')
  expect(faultOfBlocks(body.blocks)).toBeNull()
})

it.each([
  ['signed with another secret', { secret: 'another' }],
  ['changed after it was signed', { tampered: commandBody('U0ANA', 'end G-AAAAAA').toString() }],
  ['ten minutes old', { timestamp: Math.floor(realNow() / 1_000) - 600 }],
  ['two minutes from the future', { timestamp: Math.floor(realNow() / 1_000) + 120 }],
  ['an hour from the future', { timestamp: Math.floor(realNow() / 1_000) + 3_600 }],
  ['of no time', { timestamp: 'yesterday' }],
])('what is %s is refused and reaches nobody', async (_what, changes) => {
  const response = await user.send(commandBody('U0ANA', 'help').toString(), changes)
  expect(response.status).toBe(401)
  expect(heard).toEqual([])
})

it('what a clock that is a little ahead has signed is taken', async () => {
  const timestamp = Math.floor(realNow() / 1_000) + 30
  expect((await user.command('U0ANA', 'help', { timestamp })).status).toBe(200)
})

it('a command, a press and a form carry the time at which Slack sent them', async () => {
  const timestamp = Math.floor(realNow() / 1_000) - 7
  await user.command('U0ANA', 'help', { timestamp })
  const press = { actions: [{ action_id: 'approve', value: '7 G-7K3QF0', action_ts: '17.1', type: 'button' }] }
  const before = Math.floor(realNow() / 1_000) * 1_000
  await user.press('U0BEN', 'approve', '', press)
  await user.submit('U0ANA', 'ask', {}, {}, { view: view({ duration: '2h', reason: 'why' }) })
  const [command, ...rest] = heard.map(({ act }) => act.platformAt ?? 0)
  expect(command).toBe(timestamp * 1_000)
  expect(rest).toHaveLength(2)
  for (const at of rest) {
    expect(at).toBeGreaterThanOrEqual(before)
    expect(at).toBeLessThanOrEqual(realNow())
  }
})

it('of what comes from the future it is told only where Slack has signed it: then one of the clocks is wrong', async () => {
  const known = it_.future.length
  const timestamp = Math.floor(realNow() / 1_000) + 120
  await user.send(commandBody('U0ANA', 'help').toString(), { timestamp, secret: 'another' })
  expect(it_.future).toHaveLength(known)
  expect((await user.send(commandBody('U0ANA', 'help').toString(), { timestamp })).status).toBe(401)
  expect(it_.future.slice(known)).toEqual([timestamp * 1_000])
})

it('without a signature there is no answer but to Slack’s own check, which does nothing', async () => {
  const post = (body: string) =>
    fetch(`${it_.url}/slack/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    })
  expect((await post(commandBody('U0ANA', 'help').toString())).status).toBe(401)
  expect((await post(`ssl_check=1&${commandBody('U0ANA', 'help')}`)).status).toBe(200)
  expect(heard).toEqual([])
})

it('a request that is sent three times is one act, with the same answer', async () => {
  const body = commandBody('U0ANA', 'prod-db 2h fix').toString()
  const told = await Promise.all([1, 2, 3].map(async () => (await user.send(body)).json()))
  expect(new Set(heard.map((one) => one.act.key)).size).toBe(1)
  expect(answers.size).toBe(1)
  expect(told).toHaveLength(3)
})

it('a press that is sent three times is one act; two presses of one button are two', async () => {
  const payload = { actions: [{ action_id: 'approve', value: '7 G-7K3QF0', action_ts: '17.1', type: 'button' }] }
  for (let times = 0; times < 3; times++) await user.press('U0BEN', 'approve', '', payload)
  expect(new Set(heard.map((one) => one.act.key)).size).toBe(1)
  expect(heard[0]?.what).toEqual({ action: 'approve', request: 'G-7K3QF0', revision: 7 })
  await user.press('U0BEN', 'approve', '7 G-7K3QF0')
  await user.press('U0OLGA', 'approve', '', payload)
  expect(new Set(heard.map((one) => one.act.key)).size).toBe(3)
})

it('a form that was refused keeps what was written, and sent again with a change it is another act', async () => {
  nextAnswer = async () => ({ kind: 'line', line: line('refused', 'say more') })
  const changes = { view: view({ duration: '2h', reason: 'x' }) }
  const refused = await user.submit('U0ANA', 'ask', {}, {}, changes)
  expect(refused).toMatchObject({ words: 'say more', blocks: [] })
  await user.submit('U0ANA', 'ask', {}, {}, changes)
  nextAnswer = null
  const taken = await user.submit('U0ANA', 'ask', {}, {}, { view: view({ duration: '2h', reason: 'a better one' }) })
  expect(taken.words).toContain('heard 3')
  const keys = heard.map((one) => one.act.key)
  expect(keys[0]).toBe(keys[1])
  expect(keys[2]).not.toBe(keys[0])
  expect(heard[2]?.what).toMatchObject({ form: 'ask', context: { request: 'G-1' }, values: { reason: 'a better one' } })
})

it('a form is opened while Slack still lets us, with all its fields', async () => {
  nextAnswer = async () => ({ kind: 'form', form: manyOptions })
  const told = await user.command('U0ANA', '', { trigger: 'trigger.form' })
  expect(told).toMatchObject({ status: 200, words: '' })
  const opened = it_.fake.views.find((one) => one.trigger === 'trigger.form')
  expect(opened?.view).toMatchObject({ callback_id: 'ask', private_metadata: '{"request":"G-1"}' })
})

it('a form that cannot be opened any more is said, with another way', async () => {
  nextAnswer = async () => ({ kind: 'form', form: manyOptions })
  const told = await user.command('U0ANA', '', { trigger: 'expired.1' })
  expect(told.words).toMatch(/could not be opened.*\/access help/)
  const pressed = await user.press('U0BEN', 'deny', '1 G-7K3QF0', { trigger_id: 'expired.2' })
  expect(pressed.words).toMatch(/could not be opened/)
})

it('somebody from another workspace is a stranger with their own account, also in a shared channel', async () => {
  await user.command('U0EVE', 'prod-db 2h fix', { team: 'T0EVIL' })
  const from = { user: { id: 'U0BEN', team_id: 'T0EVIL' }, team: { id: TEAM } }
  await user.press('U0BEN', 'approve', '1 G-7K3QF0', from)
  await user.press('U0ANA', 'approve', '1 G-7K3QF0', { user: { id: 'U0ANA', team_id: 'T0GRID' }, team: null })
  expect(heard.map((one) => one.act.account)).toEqual([
    { platform: 'slack', tenant: 'T0EVIL', id: 'U0EVE' },
    { platform: 'slack', tenant: 'T0EVIL', id: 'U0BEN' },
    { platform: 'slack', tenant: 'T0GRID', id: 'U0ANA' },
  ])
})

it('a command that is not ours is answered with ours', async () => {
  const told = await user.command('U0ANA', 'x', { command: '/unknown' })
  expect(told.words).toMatch(/do not know \/unknown.*\/access help/)
  expect(heard).toEqual([])
})

it('an answer that cannot go the way Slack gave goes to that person in the channel', async () => {
  const body = (url: string) => {
    const actions = [{ action_id: 'done', value: '1 G-7K3QF0', action_ts: '99.1', type: 'button' }]
    const who = { user: { id: 'U0ANA', team_id: TEAM }, team: { id: TEAM }, channel: { id: 'C0ACCESS' } }
    return { type: 'block_actions', actions, ...who, message: { ts: '1.1' }, response_url: url }
  }
  const payload = JSON.stringify(body('http://127.0.0.1:9/gone'))
  await user.send(new URLSearchParams({ payload }).toString())
  await expect.poll(() => it_.fake.whispers.some((one) => one.url === 'ephemeral:U0ANA')).toBe(true)
})

it('what is too large is refused, and half a megabyte is too large', async () => {
  const response = await user.send(commandBody('U0ANA', 'x'.repeat(512 * 1024)).toString())
  expect(response.status).toBe(413)
  expect(heard).toEqual([])
})

it.each([
  ['null', 'application/json'],
  ['[]', 'application/json'],
  ['"text"', 'application/json'],
  ['payload=null', 'application/x-www-form-urlencoded'],
  ['%70ayload=null', 'application/x-www-form-urlencoded'],
  ['token=x&pay%6Coad=7', 'application/x-www-form-urlencoded'],
  ['payload=%5B%5D', 'application/x-www-form-urlencoded'],
  ['payload=%7B', 'application/x-www-form-urlencoded'],
  ['', 'application/json'],
])('the body %j is refused at once', async (body, type) => {
  expect((await user.send(body, { type })).status).toBe(400)
})

it('events are taken and change nothing; Slack’s check of the address is answered', async () => {
  const json = { type: 'application/json' }
  const check = await user.send(JSON.stringify({ type: 'url_verification', challenge: 'c' }), json)
  expect(await check.json()).toEqual({ challenge: 'c' })
  const event = { type: 'event_callback', event_id: 'Ev1', team_id: TEAM, event: { type: 'message', text: 'approve' } }
  expect((await user.send(JSON.stringify(event), json)).status).toBe(200)
  expect(heard).toEqual([])
})

it('a message that was deleted is told by where it was, whatever workspace the event names; the rest is nobody’s', async () => {
  const json = { type: 'application/json' }
  const send = (event: object, team: object = { team_id: 'T0PARTNER', context_team_id: TEAM }) =>
    user.send(JSON.stringify({ type: 'event_callback', event_id: 'Ev2', ...team, event }), json)
  const gone = { type: 'message', subtype: 'message_deleted', channel: 'C0ACCESS', deleted_ts: '1700000000.000100' }
  for (const team of [{ team_id: 'T0PARTNER', context_team_id: TEAM }, { team_id: null }]) {
    expect((await send(gone, team)).status).toBe(200)
  }
  for (const event of [
    { ...gone, deleted_ts: 7 },
    { ...gone, channel: 'C'.repeat(99) },
    { ...gone, subtype: 'message_changed' },
  ]) {
    expect((await send(event)).status).toBe(200)
  }
  const ref = { platform: 'slack', channel: 'C0ACCESS', id: '1700000000.000100' }
  await expect.poll(() => it_.deleted).toEqual([ref, ref])
  expect(heard).toEqual([])
})

it('a failure of ours is never shown as one of code', async () => {
  nextAnswer = () => Promise.reject(new Error('secret detail at /src/file.ts'))
  const told = await user.command('U0ANA', 'help')
  expect(told.words).toMatch(/nothing was decided/)
  expect(told.words).not.toMatch(/secret|\.ts/)
  expect(it_.faults.some(({ error }) => String(error).includes('secret detail'))).toBe(true)
})

it('an answer that takes too long follows the acknowledgement', async () => {
  let finish: (answer: Answer) => void = () => undefined
  nextAnswer = () => new Promise<Answer>((resolve) => (finish = resolve))
  const pressed = { ...pressPayload('U0ANA', 'connect', '1 G-7K3QF0'), response_url: `${it_.fake.origin}/respond/late` }
  const acknowledged = await user.send(new URLSearchParams({ payload: JSON.stringify(pressed) }).toString())
  expect(await acknowledged.text()).toBe('')
  finish({ kind: 'line', line: line('info', 'late but here') })
  await expect.poll(() => it_.fake.whispers.at(-1)?.text).toContain('late but here')
})

const manyOptions: Form = {
  ...{ id: 'ask', title: 'A title that is longer than Slack takes', submitLabel: 'Ask', context: { request: 'G-1' } },
  fields: [
    {
      ...{ name: 'right', label: 'Access to', hint: null, kind: 'select', required: true, maxLength: null },
      initial: 'target-3:read',
      options: Array.from({ length: 250 }, (_, n) => ({ value: `target-${n}:read`, label: 'long '.repeat(30) })),
    },
    {
      ...{ name: 'reason', label: 'Why', hint: 'Why', kind: 'long-text', required: true, maxLength: 10_000 },
      ...{ initial: null, options: [] },
    },
  ],
}

function view(values: Record<string, string>) {
  const fields = Object.entries(values).map(([name, value]) => [name, { value: { value } }])
  const state = { values: Object.fromEntries(fields) }
  return { id: 'V1', hash: 'h1', callback_id: 'ask', private_metadata: '{"request":"G-1"}', state }
}
