import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Act, Answer, Card, Desk, Form } from '../../../src/ports/chat.ts'
import { activeCard, line, text, typed } from '../example-cards.ts'
import { faultOfCard } from './card-rules.ts'
import { CHANNEL, type FakeTeams, TENANT } from './fake-teams.ts'
import { objectIdOf, type StartedTeamsChat, startTeamsChat } from './start-teams-chat.ts'
import { createTeamsUser, inChannel, inPerson, pressOf, type TeamsUser, taskOf } from './teams-user.ts'

/** Answers as it is told, and a repeat as the first time. */
const heard: { act: Act; what: unknown }[] = []
const answers = new Map<string, Answer>()
let nextAnswer: ((what: unknown) => Promise<Answer> | Answer) | null = null
const desk: Desk = {
  command: (act, words, channel) => answer(act, { text: words, channel }),
  press: (act, press) => answer(act, press),
  submit: (act, submission) => answer(act, submission),
}

async function answer(act: Act, what: unknown): Promise<Answer> {
  heard.push({ act, what })
  const first = answers.get(act.key)
  if (first !== undefined) return first
  const given = (await nextAnswer?.(what)) ?? { kind: 'line', line: line('info', `heard ${heard.length}`) }
  answers.set(act.key, given)
  return given
}

let it_: StartedTeamsChat
let fake: FakeTeams
let user: TeamsUser

beforeAll(async () => {
  it_ = await startTeamsChat({ desk, startMs: Date.now(), answerWithinMs: 3_000 })
  fake = it_.fake
  user = createTeamsUser(it_.url, fake)
  // Everybody has the app, as when it is installed for all.
  for (const name of ['ana', 'ben', 'olga']) {
    await it_.teams.chat.post(personal(name), `hello ${name}`, line('info', 'hello'))
  }
})
afterAll(() => it_.stop())
beforeEach(async () => {
  heard.length = 0
  answers.clear()
  nextAnswer = null
  await it_.clock.advance(5_000)
})

it('a message to the bot alone is a command, as it was typed, and is answered there', async () => {
  const told = await user.command('ana', 'prod-db 2h fix <ledger> & "books" **now**')
  expect(told).toMatchObject({
    conversation: fake.directOf(objectIdOf('ana')),
    words: expect.stringContaining('heard 1'),
  })
  expect(heard).toMatchObject([
    {
      act: {
        account: { platform: 'teams', tenant: TENANT, id: objectIdOf('ana') },
        key: expect.stringMatching(/^teams:/),
      },
      what: { text: 'prod-db 2h fix <ledger> & "books" **now**' },
    },
  ])
})

it.each([
  ['/access prod-db 2h why', 'prod-db 2h why'],
  ['access list', 'list'],
  ['/Access', ''],
  [' \u00A0help\u00A0', 'help'],
  ['accessible 2h why', 'accessible 2h why'],
  ['/mine', 'mine'],
  ['/access /mine', '/mine'],
])('%j is the command %j', async (typed_, command) => {
  await user.command('ana', typed_)
  expect(heard[0]?.what).toMatchObject({ text: command })
})

it('a message, a press and a form carry the time at which Teams took them; one of no time has none', async () => {
  const said = (second: number) => ({ timestamp: `2026-11-22T14:03:0${second}.250+01:00` })
  await user.command('ana', 'help', said(1))
  await user.press('ben', { action: 'approve', request: 'G-7K3QF0', revision: 7 }, said(2))
  await user.openForm('ana', { action: 'deny', request: 'G-7K3QF0', revision: 7 }, said(3))
  await user.command('ana', 'help', { timestamp: 'yesterday' })
  const at = (second: number) => Date.UTC(2026, 10, 22, 13, 3, second, 250)
  const times = heard.map(({ act }) => act.platformAt)
  expect(times).toEqual(expect.arrayContaining([at(1), at(2), at(3)]))
  expect(times.at(-1)).toBeUndefined()
})

it('a mention in a channel is a command, and the answer is for that person’s eyes alone', async () => {
  const told = await user.mention('ana', 'prod-db 2h fix')
  expect(heard[0]?.what).toEqual({ text: 'prod-db 2h fix', channel: CHANNEL })
  expect(told).toMatchObject({ to: '29:ana', words: expect.stringContaining('heard') })
})

it('a slash command, which nobody else sees, is answered in the same way', async () => {
  const activity = inChannel(fake, 'ana', '')
  const targeted = { entities: [], text: '/access mine', recipient: { ...activity.recipient, isTargeted: true } }
  const told = await user.mention('ana', '', targeted)
  expect(heard[0]?.what).toMatchObject({ text: 'mine' })
  expect(told.to).toBe('29:ana')
})

it('where Teams takes no private answer in a channel, it goes to the person’s own chat', async () => {
  fake.failNext('POST conversations/:id/activities', { kind: 'status', status: 403, word: 'TargetedNotSupported' })
  const told = await user.mention('ana', 'mine')
  expect(told).toMatchObject({ to: null, conversation: fake.directOf(objectIdOf('ana')) })
})

it('what is meant for others, or for nobody, is taken and changes nothing', async () => {
  const good = inChannel(fake, 'ana', 'prod-db 2h fix')
  const others = [
    { ...good, entities: [], text: 'prod-db 2h fix' },
    { ...good, entities: [{ type: 'mention', text: '<at>Ben</at>', mentioned: { id: '29:ben' } }] },
    { ...good, from: { id: '28:another-bot', aadObjectId: objectIdOf('ana') } },
    { ...good, from: { id: '29:guest-of-a-meeting' } },
    { ...good, type: 'messageUpdate' },
    { ...good, type: 'messageReaction' },
    { ...good, type: 'conversationUpdate', membersAdded: [{ id: '28:x' }] },
    { ...good, type: 'installationUpdate', action: 'add' },
    { ...good, type: 'typing' },
    { ...good, type: 'event', name: 'x' },
  ]
  for (const activity of others) expect((await user.send(activity)).status).toBe(200)
  expect(heard).toEqual([])
})

it('a message that is sent four times is one act, and answered once', async () => {
  const activity = inPerson(fake, 'ana', 'prod-db 2h fix')
  const before = fake.messages.length
  await Promise.all([1, 2, 3].map(() => user.send(activity)))
  await user.send(activity)
  await it_.teams.stop()
  expect(new Set(heard.map((one) => one.act.key)).size).toBe(1)
  expect(answers.size).toBe(1)
  expect(fake.messages.length - before).toBe(1)
})

it('the same id in another conversation, or a second press of one button, is another act', async () => {
  const data = { action: 'done', request: 'G-7K3QF0', revision: 7 }
  nextAnswer = () => ({ kind: 'line', line: line('refused', 'no') })
  await user.press('ana', data, { id: 'f:1' })
  await user.press('ana', data, { id: 'f:1' })
  await user.press('ana', data, { id: 'f:2' })
  await user.press('ana', data, {
    id: 'f:1',
    conversation: { ...pressOf(fake, 'ana', data).conversation, id: 'a:other' },
  })
  expect(new Set(heard.map((one) => one.act.key)).size).toBe(3)
  expect(heard[0]?.what).toEqual(data)
})

it('a button that was pressed answers in the card itself, with that person’s view of it', async () => {
  nextAnswer = (what) =>
    'text' in (what as object)
      ? { kind: 'card', card: activeCard(request(), 'Ben Okafor', Date.now()) }
      : { kind: 'line', line: line('active', 'Approved. Your signature is on the record.') }
  const told = await user.press('ben', { action: 'approve', request: 'G-7K3QF0', revision: 3 })
  expect(told.body).toMatchObject({ statusCode: 200, type: 'application/vnd.microsoft.card.adaptive' })
  expect(told.words).toMatch(/🟢 Approved\. Your signature[\s\S]*Ana Silva holds prod-db:read/)
  expect(faultOfCard(told.card)).toBeNull()
  expect(heard.map((one) => one.what)).toMatchObject([{ action: 'approve' }, { text: 'status G-7K3QF0' }])
  expect(heard[1]?.act.key).not.toBe(heard[0]?.act.key)
})

it('a refusal is said to the person, and the card stays', async () => {
  nextAnswer = () => ({ kind: 'line', line: line('refused', 'Nobody signs for themselves. ', typed('*no*')) })
  const told = await user.press('ana', { action: 'approve', request: 'G-7K3QF0', revision: 3 })
  expect(told).toMatchObject({
    status: 200,
    body: { statusCode: 200, type: 'application/vnd.microsoft.activity.message' },
    words: 'Nobody signs for themselves. *no*',
  })
})

it.each<Answer>([
  { kind: 'card', card: connectCard() },
  { kind: 'line', line: line('active', 'Once: ', linkTo('http://localhost:3000/reveal/9f2c')) },
])('what leads to a secret, a $kind, goes to the person’s own chat and never into the channel', async (given) => {
  nextAnswer = () => given
  const mentioned = await user.mention('ana', 'connect')
  expect(mentioned.conversation).toBe(fake.directOf(objectIdOf('ana')))
  const before = fake.messages.length
  const told = await user.press('ana', { action: 'connect', request: 'G-7K3QF0', revision: 3 })
  expect(told.words).toMatch(/in our chat/)
  expect(JSON.stringify(told.body)).not.toContain('reveal')
  const [shown, ...more] = fake.messages.slice(before)
  expect(shown).toMatchObject({ conversation: fake.directOf(objectIdOf('ana')) })
  expect(JSON.stringify(shown?.card)).toContain('http://localhost:3000/reveal/9f2c')
  expect(more).toEqual([])
})

it('whoever cannot be written to is told what to do, and the secret goes nowhere', async () => {
  nextAnswer = () => ({ kind: 'card', card: connectCard() })
  fake.blocked.add(objectIdOf('ana'))
  const before = fake.messages.length
  const told = await user.press('ana', { action: 'connect', request: 'G-7K3QF0', revision: 3 })
  fake.blocked.clear()
  expect(told.words).toMatch(/cannot write to you alone.*Add the app/)
  expect(fake.messages.length).toBe(before)
})

it('while Teams takes nothing more, the way to the secret follows in their chat', async () => {
  nextAnswer = () => ({ kind: 'card', card: connectCard() })
  fake.failNext('POST conversations/:id/activities', { kind: 'status', status: 429, word: 'Throttled' })
  const before = fake.messages.length
  const told = await user.press('ana', { action: 'connect', request: 'G-7K3QF0', revision: 3 })
  expect(told.words).toMatch(/am writing it to you/)
  await expect
    .poll(async () => {
      await it_.clock.advance(2_000)
      return fake.messages.length
    })
    .toBe(before + 1)
  expect(fake.messages[before]?.conversation).toBe(fake.directOf(objectIdOf('ana')))
})

it('a client that refreshes a card gets that person’s view of it', async () => {
  nextAnswer = () => ({ kind: 'card', card: { ...activeCard(request(), 'Ben', 0), title: 'as Ben sees it' } })
  const told = await user.invoke(pressOf(fake, 'ben', { request: 'G-7K3QF0' }, 'refresh'))
  expect(told.words).toContain('as Ben sees it')
  expect(heard[0]?.what).toEqual({ text: 'status G-7K3QF0', channel: null })
  nextAnswer = () => ({ kind: 'line', line: line('refused', 'There is no such request.') })
  expect((await user.invoke(pressOf(fake, 'ben', { request: 'x' }, 'refresh'))).words).toBe('There is no such request.')
})

it('a button that needs words opens a dialog; what is wrong with them stands above them, and they stay', async () => {
  nextAnswer = () => ({ kind: 'form', form: denyForm })
  const opened = await user.openForm('ben', { action: 'deny', request: 'G-7K3QF0', revision: 3 })
  expect(opened).toMatchObject({ status: 200, title: 'Deny the request', words: expect.stringContaining('Why not') })
  expect(faultOfCard(opened.card)).toBeNull()
  const { data } = (opened.card as { actions: [{ data: object }] }).actions[0]

  nextAnswer = () => ({ kind: 'line', line: line('refused', 'Say a little more.') })
  const refused = await user.submit('ben', { ...data, 'field:reason': 'no' })
  expect(refused.words).toMatch(/⛔ Say a little more\.[\s\S]*Why not/)
  expect(JSON.stringify(refused.card)).toContain('"value":"no"')
  expect(heard.at(-1)?.what).toEqual({ form: 'deny', context: { request: 'G-7K3QF0' }, values: { reason: 'no' } })

  nextAnswer = () => ({ kind: 'line', line: line('done', 'Denied. Ana has been told why.') })
  const sent = await user.submit('ben', { ...data, 'field:reason': 'not in this freeze' })
  expect(sent.words).toContain('Denied. Ana has been told why.')
})

it('a refusal to open it stands in the dialog', async () => {
  nextAnswer = () => ({ kind: 'line', line: line('refused', 'Too late: it was approved.') })
  const told = await user.openForm('ben', { action: 'deny', request: 'G-7K3QF0', revision: 3 })
  expect(told).toMatchObject({ title: 'Countersign', words: expect.stringContaining('Too late') })
})

it('the command alone brings a button, because only a button opens a dialog', async () => {
  nextAnswer = () => ({ kind: 'form', form: manyOptions })
  const told = await user.command('ana', '')
  expect(told.words).toContain('Open the form')
  const { data } = (told.card as { actions: [{ data: Record<string, unknown> }] }).actions[0]
  expect(data.msteams).toEqual({ type: 'task/fetch' })
  const opened = await user.openForm('ana', data)
  expect(heard.at(-1)?.what).toEqual({ text: '', channel: null })
  expect(opened.words).toMatch(/Access to[\s\S]*150 more do not fit/)
  expect(faultOfCard(opened.card)).toBeNull()
})

it('a command with a form of its own opens that form, as it was typed', async () => {
  nextAnswer = () => ({ kind: 'form', form: { ...denyForm, id: 'revoke-all', context: { subject: '@ana' } } })
  const told = await user.mention('ana', 'revoke-all @ana')
  const { data } = (told.card as { actions: [{ data: object }] }).actions[0]
  const opened = await user.openForm('ana', data)
  expect(heard.at(-1)?.what).toEqual({ text: 'revoke-all @ana', channel: null })
  const { data: sent } = (opened.card as { actions: [{ data: object }] }).actions[0]
  nextAnswer = () => ({ kind: 'line', line: line('refused', 'Say a little more.') })
  expect((await user.submit('ana', { ...sent, 'field:reason': 'x' })).words).toMatch(/Say a little more[\s\S]*Why not/)
  expect(heard.at(-1)?.what).toMatchObject({ form: 'revoke-all', context: { subject: '@ana' } })
})

it('lifting a freeze answers in words: there is no view of a frozen target', async () => {
  nextAnswer = () => ({ kind: 'line', line: line('done', 'Signed. A second person lifts it.') })
  const told = await user.press('olga', { action: 'lift-freeze', request: '*', revision: 1 })
  expect(told).toMatchObject({ card: null, words: 'Signed. A second person lifts it.' })
  expect(heard).toHaveLength(1)
})

it('a press about a passkey is answered in words: there is no status of it to ask for', async () => {
  for (const action of ['confirm-passkey', 'decline-passkey']) {
    const before = heard.length
    nextAnswer = () => ({ kind: 'line', line: line('done', `${action} it is`) })
    const told = await user.press('olga', { action, request: 'ana', revision: 1 })
    expect(told).toMatchObject({ card: null, words: `${action} it is` })
    expect(heard.slice(before)).toHaveLength(1)
  }
})

it('whoever writes more than Teams takes at once gets every answer, as fast as Teams takes it', async () => {
  const [before, from] = [fake.messages.length, it_.clock.now()]
  await Promise.all(Array.from({ length: 50 }, () => user.send(inPerson(fake, 'olga', 'list'))))
  await expect
    .poll(
      async () => {
        await it_.clock.advance(500)
        return fake.messages.length - before
      },
      { timeout: 60_000 },
    )
    .toBe(50)
  expect(it_.clock.now() - from).toBeGreaterThan(10_000)
})

it('an answer that takes too long follows in the person’s chat', async () => {
  for (const way of ['press', 'openForm'] as const) {
    let finish: (given: Answer) => void = () => undefined
    nextAnswer = () => new Promise<Answer>((resolve) => (finish = resolve))
    const before = fake.messages.length
    const told = await user[way]('ana', { action: 'connect', request: 'G-7K3QF0', revision: 1 })
    expect(told.words).toMatch(/Still working/)
    finish({ kind: 'line', line: line('info', 'late but here') })
    await expect.poll(() => fake.messages[before]?.summary).toContain('late but here')
  }
})

it('a failure of ours is never shown as one of code, and a message is not sent again for it', async () => {
  nextAnswer = () => Promise.reject(new Error('secret detail at /src/file.ts'))
  for (const told of [
    await user.press('ana', { action: 'done', request: 'G-7K3QF0', revision: 1 }),
    await user.submit('ana', { form: { id: 'ask', context: {} } }),
  ]) {
    expect(told).toMatchObject({ status: 200, words: expect.stringMatching(/Nothing was decided/) })
    expect(told.words).not.toMatch(/secret|\.ts/)
  }
  expect((await user.send(inPerson(fake, 'ana', 'help'))).status).toBe(200)
  expect(it_.faults.filter(({ error }) => String(error).includes('secret detail')).length).toBe(3)
})

it.each([
  ['an unknown verb', () => pressOf(fake, 'ana', {}, 'destroy')],
  ['a card action of nothing', () => ({ ...pressOf(fake, 'ana', {}), value: null })],
  ['somebody without an account', () => ({ ...pressOf(fake, 'ana', {}), from: { id: '29:meeting-guest' } })],
  ['another kind of invoke', () => ({ ...pressOf(fake, 'ana', {}), name: 'composeExtension/query' })],
  ['a dialog of nobody', () => ({ ...taskOf(fake, 'ana', 'task/fetch', {}), from: { id: '29:meeting-guest' } })],
])('%s is answered, and decides nothing', async (_what, activity) => {
  const told = await user.invoke(activity())
  expect(told).toMatchObject({ status: 200, words: expect.stringMatching(/did not understand what Teams sent/) })
  expect(heard).toEqual([])
})

it('what was tampered with reaches the desk as what nothing is called', async () => {
  nextAnswer = () => ({ kind: 'line', line: line('refused', 'no') })
  await user.press('ana', { action: ['approve'], request: { id: 1 }, revision: '9' })
  await user.submit('ana', { form: 'deny', 'field:reason': { toString: 1 }, again: { id: 'ask' } })
  await user.openForm('ana', null as unknown as object)
  expect(heard.map((one) => one.what)).toEqual([
    { action: '', request: '', revision: 0 },
    { form: '', context: {}, values: { reason: expect.any(String) } },
    { action: '', request: '', revision: 0 },
  ])
})

function connectCard(): Card {
  return {
    ...{ tone: 'info', title: 'How to connect to prod-db', badge: null, facts: [], buttons: [], footer: [] },
    body: [[text('Once: '), linkTo('http://localhost:3000/reveal/9f2c')]],
  }
}

function linkTo(url: string) {
  return { kind: 'link', text: 'show my password', url } as const
}

const denyForm: Form = {
  ...{ id: 'deny', title: 'Deny the request', submitLabel: 'Deny', context: { request: 'G-7K3QF0' } },
  fields: [
    {
      ...{ name: 'reason', label: 'Why not, for Ana', hint: 'They will read it', kind: 'long-text', required: true },
      ...{ maxLength: 1_000, initial: null, options: [] },
    },
  ],
}

const manyOptions: Form = {
  ...{ id: 'ask', title: 'Ask for access', submitLabel: 'Ask', context: {} },
  fields: [
    {
      ...{ name: 'right', label: 'Access to', hint: null, kind: 'select', required: true, maxLength: null },
      initial: 'target-3:read',
      options: Array.from({ length: 250 }, (_, n) => ({ value: `target-${n}:read`, label: 'long '.repeat(30) })),
    },
  ],
}

function request() {
  return {
    ...{ id: 'G-7K3QF0', requester: { id: 'ana', name: 'Ana Silva' }, entitlement: 'prod-db:read', duration: '2h' },
    ...{ reason: 'fix', approvers: [{ id: 'ben', name: 'Ben Okafor', why: 'her manager' }] },
  }
}

function personal(name: string) {
  return { kind: 'person', account: { platform: 'teams', tenant: TENANT, id: objectIdOf(name) } } as const
}
