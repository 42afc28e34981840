import { afterAll, beforeAll, expect, it } from 'vitest'
import { idOn, until } from '../support/house.ts'
import { type Arena, openArena, rounds, wordsOf } from './arena.ts'

/* Three processes at full work, and an emergency in the middle of it. */
const PEOPLE = 60
let arena: Arena
const ids: string[] = []

beforeAll(async () => {
  arena = await openArena({ pendingFor: '1h', engineers: PEOPLE })
  ids.push(...(await rounds(PEOPLE, 20, async (n) => idOn(await arena.replicaOf(n).command(`e${n}`, 'light 1h work')))))
})
afterAll(() => arena.close())

it('a freeze among approvals: nothing becomes active once it is answered, on any process', async () => {
  const approvals = rounds(PEOPLE, 20, (n) => arena.replicaOf(n).press('marcus', 'approve', ids[n] ?? ''))
  await until('some are active', async () => (await count('grant.active')) > 5)
  const answer = wordsOf(await arena.replicaOf(1).command('carla', 'freeze light something is wrong'))
  const active = await count('grant.active')
  expect(answer).toContain('Frozen')
  await approvals
  await until('what was approved is settled', async () => (await inState('planned', 'providing')) === 0)
  expect(await count('grant.active')).toBe(active)
  expect(active).toBeLessThan(PEOPLE)
})

it('an order of two among approvals: all that was asked for before is over', async () => {
  await arena.replicaOf(0).command('olga', 'unfreeze light')
  expect(wordsOf(await arena.replicaOf(1).command('carla', 'unfreeze light'))).toContain('Lifted')
  const proposed = wordsOf(await arena.replicaOf(2).command('olga', 'revoke-all light enough of it'))
  const order = /R-[0-9A-Z]{6}/.exec(proposed)?.[0] ?? ''
  const approvals = rounds(PEOPLE, 20, (n) => arena.replicaOf(n).press('marcus', 'approve', ids[n] ?? ''))
  const confirmed = await arena.race(0, ...[0, 1, 2].map(() => press('carla', order)), press('olga', order))
  expect(confirmed.map(wordsOf).filter((words) => words.startsWith('Confirmed'))).toHaveLength(1)
  await approvals
  const closed = async () => (await typesOf(`order:${order}`)).at(-1) === 'closed'
  await until('it is carried out', closed)
  expect(await inState('pending', 'planned', 'providing', 'active', 'ending')).toBe(0)
  expect((await typesOf(`order:${order}`)).filter((type) => type === 'order.confirmed')).toHaveLength(1)
  expect(await arena.house.db`select from light_account where present`).toEqual([])
  expect(await arena.record.verify()).toMatchObject({ ok: true, differences: [] })
})

function press(who: string, order: string) {
  return (replica: Parameters<Parameters<Arena['race']>[1]>[0]) => replica.press(who, 'confirm-order', order)
}

async function count(type: string): Promise<number> {
  const [row] = await arena.house.db<{ count: number }[]>`select count(*)::int as count from event where type = ${type}`
  return row?.count ?? 0
}

async function inState(...statuses: string[]): Promise<number> {
  const [row] = await arena.house.db<{ count: number }[]>`
    select count(*)::int as count from grant_state where status = any(${statuses})`
  return row?.count ?? 0
}

async function typesOf(stream: string): Promise<string[]> {
  const rows = await arena.house.db<{ type: string }[]>`select type from event where stream = ${stream} order by seq`
  return rows.map(({ type }) => type)
}
