import { afterAll, beforeAll, expect, it } from 'vitest'
import { badCommands, badForms, badPresses } from './bad-input.ts'
import { openSlackHouse, type SlackHouse, userOf } from './slack-house.ts'
import type { Told } from './slack-user.ts'

/*
 * Hundreds of acts that nobody should do, signed as Slack signs, against a whole process: each gets an
 * answer in words, none an inside of ours, what was refused is on record, and the process goes on.
 */
let it_: SlackHouse
const bo = userOf('bo')

beforeAll(async () => {
  it_ = await openSlackHouse()
})
afterAll(() => it_.close())

it('bad commands are answered one by one', async () => {
  const before = await refusals()
  let refused = 0
  const wrong: string[] = []
  expect(new Set(badCommands().map(([, text]) => text)).size).toBeGreaterThanOrEqual(150)
  await eightAtOnce(badCommands(), async ([name, text]) => {
    const told = await it_.user.command(bo, text)
    // A word that is none of ours may still be a word of Slack: blank text opens the form, which says it all.
    if (!isAnswer(told) && text.trim() !== '') wrong.push(`${name}: ${told.status} ${told.words}`)
    if (told.words.startsWith('⛔')) refused += 1
  })
  expect(wrong).toEqual([])
  expect(refused).toBeGreaterThan(100)
  expect((await refusals()) - before).toBe(refused)
})

it('tampered buttons are answered one by one', async () => {
  const cases = badPresses(bo)
  const answers = await answersTo(cases)
  expect(answers.wrong).toEqual([])
  expect(distinct(cases)).toBeGreaterThan(150)
})

it('tampered forms are answered one by one', async () => {
  const cases = badForms(bo)
  const answers = await answersTo(cases)
  expect(answers.wrong).toEqual([])
  expect(distinct(cases)).toBeGreaterThan(150)
})

it('after all of it nothing was given, nothing is lost, no inside is in the log, and a good ask works', async () => {
  const granted = await it_.house.db`select from event where type in ('request.signed', 'grant.providing')`
  expect(granted).toHaveLength(0)
  const told = await it_.user.command(userOf('ana'), 'prod-db 10m after the storm')
  expect(told.words).toMatch(/Asked for prod-db:read/)
  expect(it_.replica.log.filter((line) => /an act failed|unhandled|uncaught/i.test(line))).toEqual([])
})

async function answersTo(cases: readonly [string, object][]): Promise<{ wrong: string[] }> {
  const wrong: string[] = []
  await eightAtOnce(cases, async ([name, payload]) => {
    const told = await it_.user.interact(payload)
    if (!isAnswer(told)) wrong.push(`${name}: ${told.status} ${told.words}`)
  })
  return { wrong }
}

function distinct(cases: readonly [string, object][]): number {
  return new Set(cases.map(([name]) => name)).size
}

async function eightAtOnce<T>(all: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  const left = all.values()
  const take = async () => {
    for (const one of left) await run(one)
  }
  await Promise.all(Array.from({ length: 8 }, take))
}

function isAnswer({ status, words }: Told): boolean {
  const inside = /Error:|node_modules|\bat .*:\d+:\d+|\.ts\b|\bselect\b.*\bfrom\b|xoxb/
  return status === 200 && words !== '' && !inside.test(words)
}

async function refusals(): Promise<number> {
  const [row] = await it_.house.db<{ count: number }[]>`
    select count(*)::int as count from event where type = 'act.refused'`
  return row?.count ?? 0
}
