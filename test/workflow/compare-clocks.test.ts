import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { createDesk } from '../../src/chat/desk.ts'
import { HOUR, MINUTE, SECOND } from '../../src/domain/duration.ts'
import { findingKindOf } from '../../src/domain/finding-kinds.ts'
import { grantStream } from '../../src/domain/grant-event.ts'
import type { Act, Desk } from '../../src/ports/chat.ts'
import { findOpenFindings } from '../../src/workflow/find-findings.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { openFinding } from '../../src/workflow/open-finding.ts'
import { AT } from '../cards/grant-story.ts'
import { createTestContext, type TestContext } from './test-context.ts'

let world: TestContext
let desk: Desk
let acts = 0
/** Alarms of the tests before. */
let before = 0

beforeAll(async () => {
  world = await createTestContext(AT)
  desk = createDesk(world.context, (error) => {
    throw error
  })
})
afterAll(() => world.database.drop())
afterEach(async () => {
  before = world.alarms.length
  // The next is the first of its hour.
  await world.clock.advance(2 * HOUR)
})

const actOf = (id: string, agoMs: number | null): Act => ({
  ...{ key: `act-${++acts}`, account: { platform: 'local', tenant: 'local', id } },
  ...(agoMs !== null && { platformAt: world.clock.now() - agoMs }),
})
const say = async (act: Act, words: string) => JSON.stringify(await desk.command(act, words, null))
const ask = async (act: Act) => /G-[0-9A-Z]{6}/.exec(await say(act, 'prod-db 1h fix INC-42'))?.[0] ?? ''
/** How long after the platform's time each event was recorded; null where there is none. */
const lagsOf = async (id: string) => {
  const { events = [] } = (await loadGrant(world.context, world.context.db, id)) ?? {}
  return events.map(({ type, at, platformAt }) => [type, platformAt === undefined ? null : at - platformAt])
}
const alarms = () => world.alarms.slice(before).filter(({ what }) => what === 'platform-clock')
const clocks = () => alarms().map(({ detail }) => detail)

it('what somebody asks, signs, tries and takes back keeps the platform’s time beside ours; without one it is as ever', async () => {
  const asking = actOf('ana', 3 * SECOND)
  const id = await ask(asking)
  await desk.press(actOf('ana', SECOND), { action: 'approve', request: id, revision: 1 })
  await desk.press(actOf('marcus', 2 * SECOND), { action: 'approve', request: id, revision: 1 })
  expect(await lagsOf(id)).toEqual([
    ['request.asked', 3 * SECOND],
    ['act.refused', SECOND],
    ['request.signed', 2 * SECOND],
    ['request.approved', 2 * SECOND],
  ])
  const silent = await ask(actOf('bo', null))
  await say(actOf('bo', 0), `cancel ${silent}`)
  expect(await lagsOf(silent)).toEqual([
    ['request.asked', null],
    ['request.cancelled', 0],
    ['closed', 0],
  ])
  const [recorded] = await world.context.record.readStream(world.context.db, grantStream(id))
  expect(recorded?.data).toMatchObject({ platformAt: asking.platformAt, by: 'ana' })
  expect(clocks()).toEqual([])
})

it('a platform that is ahead of us is told once an hour, becomes a finding, and stops nothing', async () => {
  const id = await ask(actOf('ana', -90 * SECOND))
  expect(id).toMatch(/^G-/)
  await say(actOf('ana', -90 * SECOND), `cancel ${id}`)
  expect(clocks()).toEqual(['local: its clock is 90 s ahead of ours'])
  await world.clock.advance(HOUR)
  await say(actOf('ana', -5 * MINUTE), 'mine')
  expect(clocks()).toHaveLength(2)
  expect(findingKindOf('platform-clock')?.title).toBe('A chat platform shows another time than we do')
  const [alarm] = alarms()
  await world.context.db.begin((tx) => openFinding(world.context, tx, alarm ?? never(), world.clock.now()))
  const { open } = await findOpenFindings(world.context, world.context.db)
  expect(open.map(({ cause }) => cause)).toEqual(['platform-clock'])
})

it('what arrives long after its time is skew when it is new, and none when it is told again', async () => {
  const first = actOf('bo', SECOND)
  const id = await ask(first)
  await world.clock.advance(20 * MINUTE)
  expect(await ask(first)).toBe(id)
  expect(clocks()).toEqual([])
  await say(actOf('bo', 4 * MINUTE), `cancel ${id}`)
  expect(clocks()).toEqual([expect.stringMatching(/^local: an act arrived 240 s after its time there/)])
})

function never(): never {
  throw new Error('no alarm')
}
