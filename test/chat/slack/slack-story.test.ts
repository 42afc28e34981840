import { afterAll, beforeAll, expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../../src/domain/duration.ts'
import { until } from '../../support/house.ts'
import { directOf } from './fake-slack.ts'
import { readBlocks } from './read-blocks.ts'
import { openSlackHouse, type SlackHouse, userOf } from './slack-house.ts'
import { createThreadTalk } from './thread-events.ts'

/*
 * The whole story in Slack: a real process and a real target, signed requests through Bolt's own door, a
 * Slack that keeps its limits. Ana asks, Marcus approves, it is given, it ends, and it is seen to be gone.
 */
let it_: SlackHouse
const QUARTER = 15 * MINUTE
const [ana, marcus, olga, dirk] = ['ana', 'marcus', 'olga', 'dirk'].map(userOf) as [string, string, string, string]

beforeAll(async () => {
  it_ = await openSlackHouse()
})
afterAll(() => it_.close())

it('asks, approves, gives, shows how to connect, ends on time and proves it', async () => {
  const { user, fake } = it_
  const asked = await user.command(ana, 'prod-db 12s fix <ledger> & *books* @channel INC-42')
  expect(asked.words).toMatch(/Asked for prod-db:read/)
  const again = await user.command(ana, 'prod-db 12s the same again')
  expect(again.words).toMatch(/already/)

  const approve = await until('Marcus has a card to decide on', async () => buttonIn(marcus, 'approve'))
  for (const one of [olga, dirk]) await until('each owner has one', async () => buttonIn(one, 'approve'))
  const card = await until('the channel shows it', async () => cardIn('C0ACCESS', /Ana asks for prod-db:read/))
  expect(card).toContain('fix <ledger> & *books* @channel INC-42')
  for (const words of [
    'Ana, Engineer',
    'touches financial reporting',
    'Marcus (manager',
    'counted from',
    'at the earliest',
  ]) {
    expect(card).toContain(words)
  }

  const whole = fake.messages.flatMap((one) => one.blocks).find((one) => /at the earliest/.test(JSON.stringify(one)))
  expect(JSON.stringify(whole)).toMatch(/"type":"date","timestamp":\d+,"format":"\{date_short_pretty\} \{time\}"/)

  const own = await user.press(ana, 'approve', approve)
  expect(own.words).toMatch(/your own request/)
  expect((await user.press(marcus, 'approve', approve)).words).not.toMatch(/⛔/)
  const late = await user.press(olga, 'approve', approve)
  expect(late.words).toMatch(/Too late: it was approved by Marcus at/)

  const connect = await until('Ana may connect', async () => buttonIn(ana, 'connect'))
  const shown = await user.press(ana, 'connect', connect)
  expect(JSON.stringify(shown.blocks)).toMatch(/"type":"link","url":"http:\/\/localhost:\d+\//)

  await until('the card says that it is gone', async () => cardIn('C0ACCESS', /Ana had prod-db:read/))
  const thread = () => fake.messages.filter((one) => one.root !== null).map((one) => readBlocks(one.blocks).words)
  const lines = await until('so does the thread', async () => thread().some((one) => /Removed/.test(one)) && thread())
  for (const words of [/Ana asked/, /Approved by Marcus/, /Active until/, /Removed, seen to be gone/]) {
    expect(lines.some((one) => words.test(one))).toBe(true)
  }
  expect(new Set(lines).size).toBe(lines.length)
  expect(await it_.house.targetDb`select from pg_roles where rolname like 'jit\\_%'`).toHaveLength(0)

  const id = /G-[0-9A-Z]{6}/.exec(asked.words)?.[0]
  const evidence = await user.command(olga, `evidence ${id}`)
  const link = /"url":"(http:\/\/localhost:\d+\/evidence\/[\w-]+)"/.exec(JSON.stringify(evidence.blocks))?.[1] ?? ''
  expect(await (await fetch(link, { method: 'POST' })).text()).toContain('authorised, ended on time, seen gone')
  expect(JSON.stringify(fake.messages)).not.toContain('/evidence/')
})

it('ends an access on time while Slack does not answer, and says so when it is back', async () => {
  const { user, fake, house } = it_
  await user.command(ana, 'prod-db 5s before the silence')
  const approve = await until('Marcus has a card', async () => buttonIn(marcus, 'approve', 'before the silence'))
  await user.press(marcus, 'approve', approve)
  await until('it is given', async () => buttonIn(ana, 'connect', 'before the silence'))
  fake.silence(true)
  try {
    const accounts = () => house.targetDb`select from pg_roles where rolname like 'jit\\_%'`
    await until('it is gone', async () => (await accounts()).length === 0)
    const readiness = async () => (await fetch(`${it_.replica.url}/readyz`)).text()
    await until('readiness says so', async () => /the last call did not work/.test(await readiness()))
  } finally {
    fake.silence(false)
  }
  await until('the card says that it is gone', async () =>
    cardIn('C0ACCESS', /had prod-db:read[\s\S]*before the silence/),
  )
})

it('opens a form for a denial, and the reason reaches whoever asked', async () => {
  const { user, fake } = it_
  await user.command(ana, 'prod-db 10m something to be denied')
  const deny = await until('Olga has a card to decide on', async () => buttonIn(olga, 'deny', 'to be denied'))
  const pressed = await user.press(olga, 'deny', deny, { trigger_id: 'trigger.deny' })
  expect(pressed.words).toBe('')
  const opened = await until('the form is open', async () => fake.views.find((one) => one.trigger === 'trigger.deny'))
  const context = JSON.parse(opened.view.private_metadata) as Record<string, string>
  const sent = await user.submit(olga, 'deny', context, { reason: 'not in this freeze' })
  expect(sent.words).toMatch(/Denied/)
  expect(sent.blocks).not.toEqual([])
  await until('Ana reads why', async () => cardIn(directOf(ana), /not in this freeze/))
})

it('opens the form behind the bare command, asks with it, and keeps it open on a refusal', async () => {
  const { user, fake } = it_
  expect((await user.command(ana, '', { trigger: 'trigger.ask' })).words).toBe('')
  expect(fake.views.find((one) => one.trigger === 'trigger.ask')?.view.callback_id).toBe('ask')
  const values = { right: 'prod-db:read', duration: 'soon', reason: 'with the form' }
  expect((await user.submit(ana, 'ask', {}, values)).words).toMatch(/not a duration I accept/)
  expect((await user.submit(ana, 'ask', {}, { ...values, duration: '10m' })).words).toMatch(/Asked/)
})

it('freezes, lifts with two, and revokes everything by order of two', async () => {
  const { user } = it_
  expect((await user.command(olga, 'freeze prod-db odd <logins> @channel')).words).toMatch(/Frozen: prod-db/)
  const card = await until('the channel shows it', async () => cardIn('C0ACCESS', /prod-db is frozen: no new access/))
  expect(card).toContain('odd <logins> @channel')
  expect((await user.command(ana, 'prod-db:write 10m INC-42 to look')).words).toMatch(/was frozen by Olga.*odd/s)
  expect((await user.command(olga, 'unfreeze prod-db')).words).toMatch(/One of two/)
  const lift = await until('Dirk is asked', async () => buttonIn(dirk, 'lift-freeze'))
  expect((await user.press(dirk, 'lift-freeze', lift)).words).toMatch(/Lifted/)
  await until('the channel hears it', async () => cardIn('C0ACCESS', /not frozen any more/))

  await user.command(ana, 'prod-db:write 10m INC-42 to look')
  expect((await user.command(olga, `revoke-all @${ana}`, { trigger: 'trigger.all' })).words).toBe('')
  const opened = it_.fake.views.find((one) => one.trigger === 'trigger.all')
  const context = JSON.parse(opened?.view.private_metadata ?? '{}') as Record<string, string>
  const sent = await user.submit(olga, 'revoke-all', context, { reason: 'laptop stolen' })
  expect(sent.words).toMatch(/Proposed to end .* of Ana/)
  const confirm = await until('Marcus is asked', async () => buttonIn(marcus, 'confirm-order'))
  expect((await user.press(ana, 'confirm-order', confirm)).words).toMatch(/your own access/)
  expect((await user.press(olga, 'confirm-order', confirm)).words).toMatch(/you are the first/)
  expect((await user.press(marcus, 'confirm-order', confirm)).words).toMatch(/Confirmed/)
  expect((await user.press(dirk, 'confirm-order', confirm)).words).toMatch(/Too late: it was confirmed by Marcus/)
  const done = () => it_.fake.messages.map((one) => readBlocks(one.blocks).words)
  await until('the thread sums up', async () => done().some((one) => /ended and seen gone, 0 stuck/.test(one)))
})

it('the local page is off, and a stranger is told what to do', async () => {
  expect((await fetch(it_.replica.url)).status).toBe(404)
  for (const told of [
    await it_.user.command('U0STRANGER', 'list'),
    await it_.user.command(ana, 'list', { team: 'T0ELSEWHERE' }),
    await it_.user.press(marcus, 'approve', '1 G-7K3QF0', { user: { id: marcus, team_id: 'T0ELSEWHERE' } }),
  ]) {
    expect(told.words).toMatch(/do not know you here yet.*Ask the people who run Countersign/)
  }
})

it('mirrors what is written under a card once, over a kill and a repeat, and evidence has it', async () => {
  const { user, fake, house, replica } = it_
  const asked = await user.command(ana, 'prod-db 10m a card to talk under')
  const id = /G-[0-9A-Z]{6}/.exec(asked.words)?.[0]
  const root = await until('the card is there', async () => {
    const ofCard = (one: (typeof fake.messages)[number]) => one.root === null && one.channel === 'C0ACCESS'
    return fake.messages.find((one) => ofCard(one) && /a card to talk under/.test(JSON.stringify(one.blocks)))?.ts
  })
  const written = () => house.db<{ body: string }[]>`select body from event where type = 'thread.written'`
  const talk = createThreadTalk(user.send)
  const lines = Array.from({ length: 6 }, (_, at) => ({
    ...{ ts: `${Number.parseInt(root, 10) + 60 + at}.000100`, root, user: ana, text: `line ${at} of the talk` },
  }))
  await talk.write({ ...lines[0], root: '1600000000.000100' } as (typeof lines)[number])
  await Promise.all(lines.map((one) => talk.write(one)))
  await replica.kill()
  await it_.startAgain()
  await Promise.all([...lines, ...lines].map((one) => talk.write(one)))
  await until('all is on record', async () => (await written()).length >= 6)
  await Promise.all(lines.map((one) => talk.write(one)))
  const messages = (await written()).map(({ body }) => JSON.parse(body).data.message).sort()
  expect(messages).toEqual(lines.map(({ ts }) => ts))
  const evidence = await user.command(olga, `evidence ${id}`)
  const link = /"url":"(http:\/\/localhost:\d+\/evidence\/[\w-]+)"/.exec(JSON.stringify(evidence.blocks))?.[1] ?? ''
  const page = await (await fetch(link, { method: 'POST' })).text()
  expect(page).toContain('line 5 of the talk')
  expect(page).toContain('thread: as it was heard')
})

it('by the calendar a thread is read back, and a checkpoint told, once over two processes', async () => {
  const { user, fake, house } = it_
  const id = /G-[0-9A-Z]{6}/.exec((await user.command(ana, 'prod-db 11m a card to read back')).words)?.[0]
  const isRoot = async () =>
    (await house.db<{ root: string }[]>`select root from thread_root where stream = ${`grant:${id}`}`)[0]?.root
  const root = await until('its thread is known', isRoot)
  // As if an hour had gone by in which nobody looked; of the quarters to come none is told here.
  await house.db`update thread_root set next_at = case root when ${root} then 0 else next_at end`
  const jobs = ['reconcile-threads', 'announce-checkpoint']
  await house.db`delete from schedule_slot where job = any(${jobs}::text[])`
  await house.db`
    insert into schedule_slot (job, slot, at) select job, ${Date.now() - HOUR}, 0 from unnest(${jobs}::text[]) job`
  const quarter = Math.ceil(Date.now() / QUARTER) * QUARTER
  await house.db`
    insert into schedule_slot (job, slot, at) values ('announce-checkpoint', ${quarter}, 0) on conflict do nothing`
  const readsBefore = fake.calls.filter((method) => method === 'conversations.replies').length
  await Promise.all([it_.startBeside(), it_.startBeside()])
  const compared = () =>
    house.db`select body from event where stream = ${`thread:grant:${id}`} and type = 'thread.compared'`
  const told = () => fake.messages.filter((one) => one.channel === 'C0SECOND')
  await until('it was compared', async () => (await compared()).length > 0)
  await until('the checkpoint is told', async () => told().length > 0)
  await until('all that was queued is done', async () => {
    const rows = await house.db`
      select from pgboss.job_common where name = any(${jobs}::text[]) and state < 'completed'`
    return rows.length === 0
  })
  expect(await compared()).toHaveLength(1)
  expect(fake.calls.filter((method) => method === 'conversations.replies')).toHaveLength(readsBefore + 1)
  expect(told().map(({ text }) => text)).toEqual([expect.stringMatching(/Checkpoint of the record/)])
})

/** The value of the newest button of this kind in somebody's direct messages. */
function buttonIn(user: string, action: string, about = ''): string | null {
  type Block = { type: string; elements?: { action_id?: string; value?: string }[] }
  const blocks = it_.fake.messages
    .filter((one) => one.channel === directOf(user) && readBlocks(one.blocks).words.includes(about))
    .flatMap((one) => one.blocks as Block[])
    .filter((block) => block.type === 'actions')
  return blocks.flatMap((block) => block.elements ?? []).findLast((one) => one.action_id === action)?.value ?? null
}

function cardIn(channel: string, words: RegExp): string | null {
  const roots = it_.fake.messages.filter((one) => one.channel === channel && one.root === null)
  return roots.map((one) => readBlocks(one.blocks).words).find((one) => words.test(one)) ?? null
}
