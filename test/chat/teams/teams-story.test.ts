import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../../support/house.ts'
import { CHANNEL, TENANT } from './fake-teams.ts'
import { readCard } from './read-card.ts'
import { objectIdOf } from './start-teams-chat.ts'
import { NEWCOMER, openTeamsHouse, type TeamsHouse } from './teams-house.ts'
import { inPerson, pressOf } from './teams-user.ts'

/*
 * The whole story in Teams: a real process and a real target, requests signed as Microsoft signs them, through the
 * SDK's own door, a Teams that keeps its limits. Ana asks, Marcus approves, it is given, it ends, and it is seen to be gone.
 */
let it_: TeamsHouse
/** The request that the form made. */
let asked = ''

beforeAll(async () => {
  it_ = await openTeamsHouse()
})
afterAll(() => it_.close())

it('asks, approves, gives, shows how to connect, ends on time and proves it', async () => {
  const { user, fake } = it_
  const answer = await user.mention('ana', 'prod-db 12s fix <ledger> & **books** @channel INC-42')
  expect(answer).toMatchObject({ to: '29:ana', words: expect.stringMatching(/Asked for prod-db:read/) })

  const approve = await until('Marcus has a card to decide on', async () => buttonIn('marcus', 'approve'))
  for (const one of ['olga', 'dirk']) await until('each owner has one', async () => buttonIn(one, 'approve'))
  const card = await until('the channel shows it', async () => rootIn(/Ana asks for prod-db:read/))
  for (const words of [
    'fix <ledger> & **books** @channel INC-42',
    'Ana, Engineer',
    'Marcus (manager',
    'counted from',
  ]) {
    expect(card).toContain(words)
  }

  const own = await user.press('ana', approve)
  expect(own).toMatchObject({ words: expect.stringMatching(/your own request/), card: null })
  const signed = await user.press('marcus', approve)
  expect(signed.words).toMatch(/(Signed|Approved|signature)[\s\S]*Ana (asks for|asked for|will have|has) prod-db:read/)
  const late = await user.press('olga', approve)
  expect(late.words).toMatch(/Too late: it was approved by Marcus at/)

  const connect = await until('Ana may connect', async () => buttonIn('ana', 'connect'))
  const shown = await user.press('ana', connect)
  expect(shown.words).toMatch(/in our chat/)
  const link = await until('the link is in her chat', async () => inChat('ana', /http:\/\/localhost:\d+\//))
  expect(link).toBeTruthy()
  expect(
    fake.messages.filter((one) => one.conversation.startsWith('19:')).map((one) => JSON.stringify(one.card)),
  ).not.toContainEqual(expect.stringContaining('http://localhost'))

  await until('the card says that it is gone', async () => rootIn(/Ana had prod-db:read/))
  const thread = () =>
    fake.messages.filter((one) => one.root !== null && one.to === null).map((one) => readCard(one.card).words)
  const lines = await until('so does the thread', async () => thread().some((one) => /Removed/.test(one)) && thread())
  for (const words of [/Ana asked/, /Approved by Marcus/, /Active until/, /Removed, seen to be gone/]) {
    expect(lines.some((one) => words.test(one))).toBe(true)
  }
  expect(new Set(lines).size).toBe(lines.length)
  expect(await it_.house.targetDb`select from pg_roles where rolname like 'jit\\_%'`).toHaveLength(0)

  const id = /G-[0-9A-Z]{6}/.exec(answer.words)?.[0]
  const told = await user.mention('olga', `evidence ${id}`)
  expect(told.conversation).toBe(fake.directOf(objectIdOf('olga')))
  const evidence = /http:\/\/localhost:\d+\/evidence\/[\w-]+/.exec(inChat('olga', /\/evidence\//) ?? '')?.[0] ?? ''
  expect(await (await fetch(evidence, { method: 'POST' })).text()).toContain('authorised, ended on time, seen gone')
})

it('opens a dialog for a denial, and the reason reaches whoever asked', async () => {
  const { user } = it_
  await user.command('ana', 'prod-db 10m something to be denied')
  const deny = await until('Olga has a card to decide on', async () => buttonIn('olga', 'deny', 'to be denied'))
  const opened = await user.openForm('olga', deny)
  expect(opened.title).toBe('Deny the request')
  const sent = await user.submit('olga', { ...dataOf(opened.card), 'field:reason': 'not in this freeze' })
  expect(sent.words).not.toMatch(/⛔/)
  await until('Ana reads why', async () => inChat('ana', /not in this freeze/))
})

it('opens the form behind the bare command, asks with it, and keeps it open on a refusal', async () => {
  const { user } = it_
  const told = await user.command('ana', '/access')
  const opened = await user.openForm('ana', dataOf(told.card))
  const values = { 'field:right': 'prod-db:read', 'field:duration': 'soon', 'field:reason': 'with the form' }
  const refused = await user.submit('ana', { ...dataOf(opened.card), ...values })
  expect(refused.words).toMatch(/not a duration I accept[\s\S]*For how long/)
  expect(JSON.stringify(refused.card)).toContain('with the form')
  const taken = await user.submit('ana', { ...dataOf(refused.card), ...values, 'field:duration': '10m' })
  expect(taken.words).toMatch(/Asked/)
  asked = /G-[0-9A-Z]{6}/.exec(taken.words)?.[0] ?? ''
})

it('what Teams sends again is done once, also at the same time', async () => {
  const refusals = () => it_.house.db`select 1 from event where type = 'act.refused'`
  const before = (await refusals()).length
  const activity = inPerson(it_.fake, 'carla', 'prod-db soon because')
  await Promise.all([1, 2, 3].map(() => it_.user.send(activity)))
  await it_.user.send(activity)
  expect((await refusals()).length - before).toBe(1)
  const again = { ...activity, id: 'another' }
  await it_.user.send(again)
  expect((await refusals()).length - before).toBe(2)
})

it('a card is refreshed for each who looks: the buttons are those that are theirs', async () => {
  const look = (name: string) => it_.user.invoke(pressOf(it_.fake, name, { request: asked }, 'refresh'))
  expect((await look('marcus')).words).toMatch(/Approve\n/)
  expect((await look('ana')).words).not.toMatch(/Approve\n/)
  expect((await look('ana')).words).toMatch(/Cancel\n/)
})

it('a member of the tenant may type a code that links them, and a guest may not: Teams is asked who they are', async () => {
  const { user, fake } = it_
  const typed = async () => (await user.mention(NEWCOMER, 'link 7K3Q-F2M9')).words
  expect(await typed()).toContain('That is no code')
  fake.members.set(NEWCOMER, { userRole: 'guest' })
  expect(await typed()).toContain('cannot be linked')
  fake.members.set(NEWCOMER, { userRole: 'anonymous' })
  expect(await typed()).toContain('cannot be linked')
})

it('whoever blocked the app cannot be told: it is on record and in the thread, and the others decide', async () => {
  const { user, fake, house } = it_
  fake.blocked.add(objectIdOf('marcus'))
  await user.command('bo', 'prod-db 10m while Marcus is away')
  await until('the thread says so', async () => threadLine(/could not be told in person \(refused\)/))
  fake.blocked.clear()
  const rows = await house.db`select 1 from event where type = 'notice.undeliverable'`
  expect(rows.length).toBeGreaterThan(0)
})

it('the local page is off, a stranger is told what to do, and readiness names no fault of Teams', async () => {
  expect((await fetch(it_.replica.url)).status).toBe(404)
  const ready = (await (await fetch(`${it_.replica.url}/readyz`)).text()).replaceAll(/\s+/g, ' ')
  expect(ready).toMatch(/chat teams[^}]*connected; last sent \d+ s ago/)
  const { from } = pressOf(it_.fake, 'ana', {})
  const stranger = { ...from, id: '29:stranger', aadObjectId: 'ffffffff-1d2a-4c3b-8e4f-5a6b7c8d9e0f' }
  const told = await it_.user.press('ana', { action: 'approve', request: 'G-7K3QF0', revision: 1 }, { from: stranger })
  expect(told.words).toMatch(/do not know you here yet.*Ask the people who run Countersign/)
  const rows = await it_.house.db<{ tenant: string }[]>`select distinct tenant from teams_conversation`
  expect(rows.map(({ tenant }) => tenant)).toEqual([TENANT])
  expect(it_.replica.log.filter((line) => /an act failed|unhandled|uncaught/i.test(line))).toEqual([])
})

function dataOf(card: unknown): Record<string, unknown> {
  return (card as { actions: [{ data: Record<string, unknown> }] }).actions[0].data
}

interface Shown {
  readonly actions?: readonly { readonly data: Record<string, unknown> }[]
}

/** What the newest button of this kind in somebody's chat carries. */
function buttonIn(name: string, action: string, about = ''): Record<string, unknown> | null {
  const direct = it_.fake.directOf(objectIdOf(name))
  const mine = it_.fake.messages.filter(
    (one) => one.conversation === direct && readCard(one.card).words.includes(about),
  )
  const buttons = mine.flatMap((one) => (one.card as Shown).actions ?? []).map((one) => one.data)
  return buttons.findLast((data) => data.action === action) ?? null
}

function inChat(name: string, words: RegExp): string | null {
  const direct = it_.fake.directOf(objectIdOf(name))
  const mine = it_.fake.messages.filter((one) => one.conversation === direct)
  return mine.map((one) => JSON.stringify(one.card)).find((one) => words.test(one)) ?? null
}

function rootIn(words: RegExp): string | null {
  const roots = it_.fake.messages.filter(
    (one) => one.conversation.startsWith(CHANNEL) && one.root === null && one.to === null,
  )
  return roots.map((one) => readCard(one.card).words).find((one) => words.test(one)) ?? null
}

function threadLine(words: RegExp): string | null {
  const lines = it_.fake.messages.filter((one) => one.root !== null && one.to === null)
  return lines.map((one) => readCard(one.card).words).find((one) => words.test(one)) ?? null
}
