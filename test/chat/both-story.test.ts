import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../support/house.ts'
import { type BothHouse, openBothHouse } from './both-house.ts'
import { directOf } from './slack/fake-slack.ts'
import { readBlocks } from './slack/read-blocks.ts'
import { userOf } from './slack/slack-house.ts'
import { CHANNEL } from './teams/fake-teams.ts'
import { readCard } from './teams/read-card.ts'
import { objectIdOf } from './teams/start-teams-chat.ts'

/*
 * One process with both doors on one server, and people who have an account on both: asked here and signed there,
 * both cards are one object, and each person is told once, where they are.
 */
let it_: BothHouse

beforeAll(async () => {
  it_ = await openBothHouse({ times: 10 })
})
afterAll(() => it_.close())

it('asked in Slack, signed in Teams: both cards and both threads say the same', async () => {
  const { slack, teams } = it_.first
  await teams.command('marcus', 'prod-db soon to be heard in Teams')
  const asked = await slack.command(userOf('ana'), 'prod-db 4s asked in Slack')
  expect(asked.words).toMatch(/Asked for prod-db:read/)
  await until('Slack shows the card', async () => slackCard(/Ana asks for prod-db:read/))
  await until('Teams shows it', async () => teamsCard(/Ana asks for prod-db:read/))
  const approve = await until('Marcus is asked in Teams, where he is', async () => teamsButton('marcus', 'approve'))
  expect(slackChat('marcus')).toEqual([])
  expect((await teams.press('marcus', approve)).words).toMatch(/Approved/)
  await until('Slack shows that it was seen gone', async () => slackCard(/Ana had prod-db:read/))
  await until('Teams shows it', async () => teamsCard(/Ana had prod-db:read/))
  await until('both threads end with it', async () =>
    [slackThread(), teamsThread()].every((lines) => lines.some((line) => /Removed, seen to be gone/.test(line))),
  )
  for (const lines of [slackThread(), teamsThread()]) {
    for (const words of [/Ana asked/, /Approved by Marcus/, /Active until/]) {
      expect(lines.filter((line) => words.test(line))).toHaveLength(1)
    }
  }
  // She asked in Slack, and hears there alone what came of it.
  expect(slackChat('ana').some((one) => /Approved by Marcus/.test(one))).toBe(true)
  expect(teamsChat('ana')).toEqual([])
})

it('asked in Teams, signed in Slack: both cards change', async () => {
  const { slack, teams } = it_.first
  await slack.command(userOf('olga'), 'prod-db soon to be heard in Slack')
  await teams.mention('bo', 'prod-db 10m asked in Teams')
  const approve = await until('Olga is asked in Slack', async () => slackButton('olga', 'approve', 'Bo asks'))
  expect(teamsChat('olga').filter((one) => /Bo asks/.test(one))).toEqual([])
  await slack.press(userOf('olga'), 'approve', approve)
  await until('Slack shows that he has it', async () => slackCard(/Bo has prod-db:read/))
  await until('Teams shows it', async () => teamsCard(/Bo has prod-db:read/))
  await until('he is told in Teams', async () => teamsChat('bo').some((one) => /Approved by Olga/.test(one)))
  expect(slackChat('bo')).toEqual([])
})

it('who chose a platform is told there, also after they were on the other one; an event says so', async () => {
  const { slack, teams } = it_.first
  expect((await slack.command(userOf('dirk'), 'here')).words).toMatch(/From now on I write to you on Slack/)
  await teams.command('dirk', 'prod-db soon to be heard in Teams')
  const before = slackChat('dirk').length
  await slack.command(userOf('ana'), 'prod-db 10m who tells Dirk')
  await until('Dirk is asked in Slack', async () => slackChat('dirk').length > before)
  expect(teamsChat('dirk').filter((one) => /Ana asks/.test(one))).toEqual([])
  const off = await teams.command('dirk', 'here off')
  expect(off.words).toMatch(/wherever you used me last/)
  await slack.press(userOf('ana'), 'cancel', (await until('her button', async () => slackCancel())) as string)
  await teams.command('ana', 'prod-db 10m again for Dirk')
  await until('Dirk is asked in Teams', async () => teamsChat('dirk').some((one) => /again for Dirk/.test(one)))
  expect(slackChat('dirk').filter((one) => /again for Dirk/.test(one))).toEqual([])
  const said = await it_.house.db<{ body: string }[]>`
    select body from event where stream = 'person:dirk' and type = 'person.told-on' order by seq`
  expect(said.map(({ body }) => JSON.parse(body).data)).toEqual([
    { by: 'dirk', platform: 'slack', platformAt: expect.any(Number) },
    { by: 'dirk', platform: null, platformAt: expect.any(Number) },
  ])
})

it('who cannot be reached where they are is told on the other platform, on record', async () => {
  const { slack, teams } = it_.first
  await teams.command('marcus', 'prod-db soon to be heard in Teams')
  it_.teams.blocked.add(objectIdOf('marcus'))
  await slack.command(userOf('bo'), 'prod-db:write 10m while Teams is blocked')
  await until('Marcus is asked in Slack', async () => slackChat('marcus').some((one) => /Bo asks/.test(one)))
  it_.teams.blocked.clear()
  const rows = await it_.house.db<{ body: string }[]>`select body from event where type = 'notice.undeliverable'`
  expect(rows.map(({ body }) => JSON.parse(body).data)).toContainEqual(
    expect.objectContaining({ to: 'marcus', code: 'refused', instead: 'slack' }),
  )
  const lines = [...slackThread(), ...teamsThread()]
  expect(lines.filter((line) => /could not be told in person/.test(line))).toEqual([])
})

it('a freeze is said on both, and lifted by one of each', async () => {
  const { slack, teams } = it_.first
  await slack.command(userOf('olga'), 'freeze prod-db intruder')
  await until('Slack says it', async () => slackCard(/prod-db is frozen/))
  await until('Teams says it', async () => teamsCard(/prod-db is frozen/))
  await slack.command(userOf('olga'), 'unfreeze prod-db')
  await teams.command('carla', 'unfreeze prod-db')
  for (const look of [slackCard, teamsCard]) await until('both say that it is lifted', async () => look(/was frozen/))
})

it('one platform that is away does not hold back the other, and catches up', async () => {
  const { slack } = it_.first
  it_.slack.silence(true)
  try {
    await slack.command(userOf('carla'), 'prod-db 10m while Slack is away')
    await until('Teams shows it', async () => teamsCard(/while Slack is away/), 10_000)
  } finally {
    it_.slack.silence(false)
  }
  await until('Slack shows it as well', async () => slackCard(/while Slack is away/))
})

it('readiness knows both', async () => {
  const ready = await (await fetch(`${it_.first.url}/readyz`)).text()
  expect(ready).toMatch(/chat slack/)
  expect(ready).toMatch(/chat teams/)
  expect(it_.first.log.filter((line) => /an act failed|unhandled|uncaught/i.test(line))).toEqual([])
})

function slackWords(channel: string, isRoot: boolean): string[] {
  const mine = it_.slack.messages.filter((one) => one.channel === channel && (one.root === null) === isRoot)
  return mine.map((one) => readBlocks(one.blocks).words)
}

function slackCard(words: RegExp): string | null {
  return slackWords('C0ACCESS', true).find((one) => words.test(one)) ?? null
}

function slackThread(): string[] {
  return slackWords('C0ACCESS', false)
}

function slackChat(name: string): string[] {
  return slackWords(directOf(userOf(name)), true)
}

function slackButton(name: string, action: string, words: string): string | null {
  return buttonOf(directOf(userOf(name)), action, words)
}

/** Of the newest card in the channel. */
function slackCancel(): string | null {
  return buttonOf('C0ACCESS', 'cancel', 'Ana asks')
}

function buttonOf(channel: string, action: string, words: string): string | null {
  const mine = it_.slack.messages.filter(
    (one) => one.channel === channel && readBlocks(one.blocks).words.includes(words),
  )
  const buttons = mine.flatMap((one) => one.blocks as { elements?: { action_id?: string; value?: string }[] }[])
  return buttons.flatMap(({ elements }) => elements ?? []).findLast((one) => one.action_id === action)?.value ?? null
}

function teamsWords(of: (one: BothHouse['teams']['messages'][number]) => boolean): string[] {
  return it_.teams.messages.filter(of).map((one) => readCard(one.card).words)
}

function teamsCard(words: RegExp): string | null {
  const roots = teamsWords((one) => one.conversation.startsWith(CHANNEL) && one.root === null && one.to === null)
  return roots.find((one) => words.test(one)) ?? null
}

function teamsThread(): string[] {
  return teamsWords((one) => one.root !== null && one.to === null)
}

/** What somebody was told, other than the answers to what they said. */
function teamsChat(name: string): string[] {
  const direct = it_.teams.directOf(objectIdOf(name))
  return teamsWords((one) => one.conversation === direct).filter((one) => !/not a duration|From now on/.test(one))
}

function teamsButton(name: string, action: string): Record<string, unknown> | null {
  const direct = it_.teams.directOf(objectIdOf(name))
  const mine = it_.teams.messages.filter((one) => one.conversation === direct)
  const all = mine.flatMap((one) => (one.card as { actions?: { data: Record<string, unknown> }[] }).actions ?? [])
  return all.map((one) => one.data).findLast((data) => data.action === action) ?? null
}
