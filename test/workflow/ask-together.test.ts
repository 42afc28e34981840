import { afterAll, beforeAll, expect, it } from 'vitest'
import { HOUR } from '../../src/domain/duration.ts'
import { grantStream } from '../../src/domain/grant-event.ts'
import type { Act, Answer } from '../../src/ports/chat.ts'
import { createAskTogether } from '../../src/workflow/ask-together.ts'
import type { Context } from '../../src/workflow/context.ts'
import { requestAccess } from '../../src/workflow/request-access.ts'
import { AT } from '../cards/grant-story.ts'
import { createTestContext, type TestContext } from './test-context.ts'

let world: TestContext
let context: Context
let transactions = 0
let acts = 0

beforeAll(async () => {
  world = await createTestContext(AT)
  const people = Array.from({ length: 20 }, (_, n) => ({
    ...{ id: `p${n}`, name: `P${n}`, title: 'Engineer', status: 'active' as const, manager: 'marcus' },
    ...{ accounts: [{ platform: 'local', tenant: 'local', id: `p${n}` }], externalId: null, managerSetBy: [] },
  }))
  world.setPolicy({ people: [...world.context.policy.current().people, ...people] })
  context = { ...world.context, committed: () => void transactions++, askTogether: (asking) => together(asking) }
  const together = createAskTogether(context)
})
afterAll(() => world.database.drop())

const actOf = (who: string, key = `act-${++acts}`): Act => ({
  key,
  account: { platform: 'local', tenant: 'local', id: who },
})
const ask = (act: Act, words: { entitlement?: string; reason?: string; target?: string } = {}): Promise<Answer> =>
  requestAccess(context, act, {
    ...{ target: 'prod-db', entitlement: null, durationMs: HOUR, reason: 'fix INC-42' },
    ...words,
  })
const idOf = (answer: Answer) => /G-[0-9A-Z]{6}/.exec(JSON.stringify(answer))?.[0] ?? ''
const typesOf = async (id: string) =>
  (await world.context.record.readStream(world.context.db, grantStream(id))).map(({ type }) => type)
const actsOf = async (key: string) => (await world.context.db`select from act where key = ${key}`).length

it('asks that come in at the same time are each pending with an id and an act of its own', async () => {
  transactions = 0
  const asking = Array.from({ length: 20 }, (_, n) => ({ ...actOf(`p${n}`), platformAt: AT - n }))
  const ids = (await Promise.all(asking.map((act) => ask(act)))).map(idOf)
  expect(new Set(ids).size).toBe(20)
  for (const id of ids) expect(await typesOf(id)).toEqual(['request.asked'])
  const asked = await world.context.record.readStreams(world.context.db, ids.map(grantStream))
  const times = ids.map((id) => asked.get(grantStream(id))?.[0]?.data.platformAt)
  expect(times).toEqual(asking.map(({ platformAt }) => platformAt))
  for (const { key } of asking) expect(await actsOf(key)).toBe(1)
  expect(transactions).toBeLessThan(5)
})

it('a refusal, a stranger and a repeat among them are answered and kept as ever', async () => {
  const again = actOf('ana')
  const first = await ask(again)
  const [repeat, refused, stranger, good] = await Promise.all([
    ask(again),
    ask(actOf('bo', 'refused'), { target: 'no-such' }),
    ask(actOf('nobody', 'stranger')),
    ask(actOf('marcus')),
  ])
  expect(repeat).toEqual(first)
  expect(JSON.stringify(refused)).toContain('no-such')
  expect(JSON.stringify(stranger)).not.toContain('G-')
  expect(await typesOf(idOf(good))).toEqual(['request.asked'])
  expect(await actsOf('refused')).toBe(1)
  expect(await actsOf('stranger')).toBe(1)
  const refusals = await world.context.record.readStream(world.context.db, 'person:bo')
  expect(refusals.map(({ type }) => type)).toEqual(['act.refused'])
})

it('the same ask twice at the same instant is one request', async () => {
  const [one, two] = await Promise.all([ask(actOf('dirk')), ask(actOf('dirk'))])
  expect(idOf(one)).toMatch(/^G-/)
  expect(idOf(two)).toBe(idOf(one))
})

it('one act delivered three times at once is done once', async () => {
  const act = actOf('olga')
  const answers = await Promise.all([ask(act), ask(act), ask(act)])
  expect(new Set(answers.map(idOf)).size).toBe(1)
  expect(await actsOf(act.key)).toBe(1)
})

it('somebody in the middle of another act holds up nobody else', async () => {
  await world.context.db`insert into identity_lock (id) values ('carla') on conflict do nothing`
  let answered = false
  await world.context.db.begin(async (tx) => {
    await tx`select from identity_lock where id = 'carla' for update`
    const carla = ask(actOf('carla')).then((answer) => {
      answered = true
      return answer
    })
    const other = await ask(actOf('p1'), { entitlement: 'write' })
    expect(idOf(other)).toMatch(/^G-/)
    expect(answered).toBe(false)
    void carla
  })
})
