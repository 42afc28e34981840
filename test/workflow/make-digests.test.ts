import { afterEach, beforeEach, expect, it } from 'vitest'
import { createFactsReader } from '../../src/app/take-digest-file.ts'
import { DAY, HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { Card } from '../../src/ports/chat.ts'
import { readCron } from '../../src/schedule/slots.ts'
import { acknowledgeDigest } from '../../src/workflow/acknowledge-digest.ts'
import { announce } from '../../src/workflow/announce.ts'
import { DIGEST_CRON, makeDigests } from '../../src/workflow/make-digests.ts'
import { showDigest, takeDigest } from '../../src/workflow/show-digest.ts'
import { askedFor } from '../cards/grant-story.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/** Thursday of 2026-W42, in Madrid. Clocks go back on the Sunday of the week after. */
const THURSDAY = Date.parse('2026-10-15T10:00:00Z')
const MONDAY = Date.parse('2026-10-19T07:00:00Z')

let world: TestContext
beforeEach(async () => {
  world = await createTestContext(THURSDAY)
  world.setPolicy({ digestChannel: 'compliance' })
  await world.happen('G-000001', askedFor())
})
afterEach(() => world.database.drop())

const make = () => makeDigests(world.context, createFactsReader(world.context))
const goTo = (at: number) => world.clock.advance(at - world.clock.now())
const weeks = async () => {
  const rows = await world.context.db<{ stream: string; count: number }[]>`
    select stream, count(*)::int as count from event where type = 'digest.made' group by stream order by stream`
  return rows.map(({ stream, count }) => `${stream} ${count}`)
}
const typesOf = async (week: string) =>
  (await world.context.record.readStream(world.context.db, `digest:${week}`)).map(({ type }) => type)
const act = (who: string, key: string) => ({ key, account: { platform: 'local', tenant: 'local', id: who } })
const wordsOf = (answer: unknown) => JSON.stringify(answer)

it('is due on Monday at nine by the clocks of its zone, also in the weeks in which they change', () => {
  const due = (from: string, until: string) =>
    [...readCron(DIGEST_CRON, 'Europe/Madrid').slotsBetween(Date.parse(from), Date.parse(until))]
      .map((at) => new Date(at).toISOString())
      .filter((at) => new Date(at).getUTCDay() === 1)
  expect(due('2026-10-18T00:00:00Z', '2026-10-27T00:00:00Z')).toEqual([
    ...['2026-10-19T07:00:00.000Z', '2026-10-26T08:00:00.000Z'],
  ])
  expect(due('2026-03-22T00:00:00Z', '2026-03-31T00:00:00Z')).toEqual([
    ...['2026-03-23T08:00:00.000Z', '2026-03-30T07:00:00.000Z'],
  ])
})

it('makes the week before once, over repeats and replicas, and not before nine', async () => {
  await goTo(MONDAY - 1)
  await make()
  expect(await weeks()).toEqual([])
  await goTo(MONDAY)
  await Promise.all([make(), make(), make()])
  await make()
  expect(await weeks()).toEqual(['digest:2026-W42 1'])
  const [made] = await world.context.record.readStream(world.context.db, 'digest:2026-W42')
  expect(made?.data).toMatchObject({
    ...{ week: '2026-W42', from: Date.parse('2026-10-11T22:00:00Z'), until: Date.parse('2026-10-18T22:00:00Z') },
    ...{ timeZone: 'Europe/Madrid', counts: { asked: 1 }, askedOf: ['carla'] },
  })
})

it('skips no week: what nobody made while nothing ran is made from the record, each week by itself', async () => {
  await goTo(MONDAY)
  await make()
  // Five weeks later, on a Wednesday, with the table of what has been run lost.
  await goTo(MONDAY + 35 * DAY + 2 * DAY)
  await make()
  expect(await weeks()).toEqual(['42', '43', '44', '45', '46', '47'].map((week) => `digest:2026-W${week} 1`))
  const [made] = await world.context.record.readStream(world.context.db, 'digest:2026-W43')
  expect((Number(made?.data.until) - Number(made?.data.from)) / HOUR).toBe(169)
  expect(String(made?.data.line)).toMatch(/^To look at: 1 digest nobody acknowledged/)
})

it.each([
  ['Pacific/Auckland', 'America/Los_Angeles'],
  ['America/Los_Angeles', 'Pacific/Auckland'],
])('leaves no hour out, and counts none twice, where the zone changes from %s to %s', async (before, after) => {
  world.setPolicy({ timeZone: before })
  await goTo(MONDAY + DAY)
  await make()
  world.setPolicy({ timeZone: after })
  await goTo(MONDAY + 15 * DAY)
  await make()
  const made = await Promise.all(
    ['42', '43', '44'].map(async (week) => {
      const [event] = await world.context.record.readStream(world.context.db, `digest:2026-W${week}`)
      return event?.data ?? expect.fail(week)
    }),
  )
  expect(made.map(({ timeZone }) => timeZone)).toEqual([before, after, after])
  expect(made.slice(1).map(({ from }) => from)).toEqual(made.slice(0, 2).map(({ until }) => until))
})

it('whatever step it dies at, the next run says it once', async () => {
  await goTo(MONDAY)
  const dies = async (broken: Partial<TestContext['context']>) => {
    const context = { ...world.context, ...broken }
    await expect(makeDigests(context, createFactsReader(world.context))).rejects.toThrow('died')
  }
  const die = () => {
    throw new Error('died')
  }
  await expect(makeDigests(world.context, async () => die())).rejects.toThrow('died')
  await dies({ enqueue: async () => die() })
  expect(await weeks()).toEqual([])
  await dies({ committed: die })
  expect(await weeks()).toEqual(['digest:2026-W42 1'])
  await make()
  expect(await weeks()).toEqual(['digest:2026-W42 1'])
  expect(world.enqueued.filter(({ kind }) => kind === 'announce')).toContainEqual(
    expect.objectContaining({ stream: 'digest:2026-W42' }),
  )
})

it('goes to its channel and to compliance; one of them acknowledges it, and nobody else does', async () => {
  await goTo(MONDAY)
  await make()
  await announce(world.context, 'digest:2026-W42')
  await announce(world.context, 'digest:2026-W42')
  expect([...world.chat.messages.keys()].filter((key) => key.startsWith('digest:'))).toEqual([
    ...['digest:2026-W42:card', 'digest:2026-W42:compliance:carla'],
  ])
  const card = () => world.chat.messages.get('digest:2026-W42:compliance:carla')?.message as Card
  expect(card().buttons.map(({ action }) => action)).toEqual(['open-digest', 'acknowledge-digest'])
  expect(card().chart?.words).toContain('Thu 15 1 and 0')

  expect(wordsOf(await acknowledgeDigest(world.context, act('ana', 'a1'), '2026-W42'))).toContain('Only compliance')
  expect(wordsOf(await acknowledgeDigest(world.context, act('carla', 'a0'), '2026-W99'))).toContain('not valid')
  expect(wordsOf(await acknowledgeDigest(world.context, act('carla', 'a2'), '2026-W42'))).toContain('It is on record')
  expect(wordsOf(await acknowledgeDigest(world.context, act('carla', 'a3'), '2026-W42'))).toContain(
    'acknowledged it at',
  )
  expect(await typesOf('2026-W42')).toEqual(['digest.made', 'digest.acknowledged'])
  const [, fact] = await world.context.record.readStream(world.context.db, 'digest:2026-W42')
  expect(fact).toMatchObject({ at: world.clock.now(), data: { by: 'carla', as: ['compliance'] } })
  await announce(world.context, 'digest:2026-W42')
  expect(card()).toMatchObject({ badge: 'acknowledged', buttons: [{ action: 'open-digest' }] })
})

it('takes the first of two who acknowledge it at once, and answers both', async () => {
  world.setPolicy({ compliance: ['carla', 'olga', 'dirk'] })
  await goTo(MONDAY)
  await make()
  const said = await Promise.all(
    ['carla', 'olga', 'dirk'].map((who) => acknowledgeDigest(world.context, act(who, `at once ${who}`), '2026-W42')),
  )
  const words = said.map(wordsOf)
  expect(words.filter((one) => one.includes('It is on record'))).toHaveLength(1)
  expect(words.filter((one) => one.includes('acknowledged it at'))).toHaveLength(2)
  expect(await typesOf('2026-W42')).toEqual(['digest.made', 'digest.acknowledged'])
})

it('reminds compliance once, two working days later, of what nobody acknowledged', async () => {
  await goTo(MONDAY)
  await make()
  await goTo(MONDAY + 2 * DAY - MINUTE)
  await make()
  expect(await typesOf('2026-W42')).toEqual(['digest.made'])
  await goTo(MONDAY + 2 * DAY)
  await Promise.all([make(), make()])
  await goTo(MONDAY + 4 * DAY)
  await make()
  expect(await typesOf('2026-W42')).toEqual(['digest.made', 'digest.reminded'])
  await announce(world.context, 'digest:2026-W42')
  const reminder = world.chat.messages.get('digest:2026-W42:reminder:carla')?.message as Card
  expect(reminder.title).toMatch(/^Nobody has acknowledged the digest of 2026-W42: Nothing to look at/)
})

it('gives a link for any period to those who may, once and for one minute, and it is on record who took it', async () => {
  expect(wordsOf(await showDigest(world.context, act('ana', 'd1'), 'this'))).toContain('for compliance')
  expect(wordsOf(await showDigest(world.context, act('carla', 'd2'), 'tomorrow'))).toContain('2026-W47, last, this')
  const tokenIn = (answer: unknown) => /digest\/([\w-]+)/.exec(wordsOf(answer))?.[1] ?? ''
  const token = tokenIn(await showDigest(world.context, act('carla', 'd3'), '2026-10-01..2026-10-15'))
  expect(await takeDigest(world.context, token)).toMatchObject({
    ...{ kind: 'taken', by: 'carla', period: { name: '2026-10-01..2026-10-15' } },
  })
  expect(await takeDigest(world.context, token)).toEqual({ kind: 'refused', code: 'used' })
  const late = tokenIn(await showDigest(world.context, act('carla', 'd4'), 'this'))
  await world.clock.advance(MINUTE)
  expect(await takeDigest(world.context, late)).toEqual({ kind: 'refused', code: 'expired' })
  const gone = tokenIn(await showDigest(world.context, act('carla', 'd5'), 'this'))
  world.setPolicy({ compliance: ['olga'], escalateTo: ['olga'] })
  expect(await takeDigest(world.context, gone)).toEqual({ kind: 'refused', code: 'not-yours' })
  const opened = await world.context.record.readStream(world.context.db, 'system')
  expect(opened.map(({ type, data }) => [type, data.by, data.via])).toEqual([['digest.opened', 'carla', 'chat']])
})
