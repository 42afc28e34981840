import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import type { Db } from '../../src/db/transaction.ts'
import { createLanes, type Lanes } from '../../src/effects/lanes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let admin: Db
const opened: Lanes[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  admin = openDb(database.url, { applicationName: 'test', max: 2 })
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((lanes) => lanes.stop()))
})
afterAll(async () => {
  await closeDb(admin)
  await database.drop()
})

function replica(): Lanes {
  const lanes = createLanes({ url: database.appUrl, role: 'countersign_app' })
  opened.push(lanes)
  return lanes
}

const cutConnections = () => admin`
  select pg_terminate_backend(pid) from pg_stat_activity
  where application_name = 'countersign lanes' and datname = current_database()`

const turn = () => new Promise((resolve) => setTimeout(resolve, 2))

test('over three replicas one at a time is in a lane, and everybody gets there', async () => {
  const replicas = [replica(), replica(), replica()]
  let inside = 0
  let most = 0
  let done = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await turn()
    inside--
    done++
  }
  await Promise.all(
    replicas.flatMap((lanes) => Array.from({ length: 5 }, () => lanes.withLane('holding:prod-db:1', work))),
  )
  expect([most, done]).toEqual([1, 15])
})

test('different lanes of one replica are used at the same time, on one connection', async () => {
  const lanes = replica()
  const both = Promise.withResolvers<void>()
  let inside = 0
  const work = async () => {
    if (++inside === 2) both.resolve()
    await both.promise
  }
  await Promise.all([lanes.withLane('a', work), lanes.withLane('b', work)])
  const [row] = await admin`
    select count(*)::int as n from pg_stat_activity
    where application_name = 'countersign lanes' and datname = current_database()`
  expect(row?.n).toBe(1)
})

test('of many lanes that are asked for at once each replica learns which it has', async () => {
  const [one, two] = [replica(), replica()]
  const keys = Array.from({ length: 50 }, (_, n) => `holding:prod-db:${n}`)
  const held = Promise.withResolvers<void>()
  const odd = keys.filter((_, n) => n % 2 === 1)
  const entered: string[] = []
  const holding = odd.map((key) =>
    two.withLane(key, () => {
      entered.push(key)
      return held.promise
    }),
  )
  await expect.poll(() => entered.length).toBe(odd.length)
  const got = await Promise.all(keys.map((key) => one.tryLane(key, async () => key)))
  expect(got.map((turn) => turn?.value ?? null)).toEqual(keys.map((key, n) => (n % 2 === 1 ? null : key)))
  held.resolve()
  await Promise.all(holding)
  const again = await Promise.all(keys.map((key) => one.tryLane(key, async () => key)))
  expect(again.map((turn) => turn?.value)).toEqual(keys)
})

test('in one process the lane is had in the order of asking', async () => {
  const lanes = replica()
  const order: number[] = []
  await Promise.all(
    [1, 2, 3, 4].map((n) =>
      lanes.withLane('a', async () => {
        await turn()
        order.push(n)
      }),
    ),
  )
  expect(order).toEqual([1, 2, 3, 4])
})

test('a lane is given back when the work fails, and the failure comes through', async () => {
  const [one, other] = [replica(), replica()]
  await expect(one.withLane('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await other.tryLane('a', async () => 'mine')).toEqual({ value: 'mine' })
  expect(await one.withLane('a', async () => 'again')).toBe('again')
})

test('trying does not wait, neither for this process nor for another', async () => {
  const [one, other] = [replica(), replica()]
  await one.withLane('a', async () => {
    expect(await one.tryLane('a', async () => 'in')).toBeNull()
    expect(await other.tryLane('a', async () => 'in')).toBeNull()
    expect(await other.tryLane('b', async () => 'in')).toEqual({ value: 'in' })
  })
  expect(await other.tryLane('a', async () => 'in')).toEqual({ value: 'in' })
})

test('waiting ends when its signal does, and the lane is still there for the next', async () => {
  const [one, other] = [replica(), replica()]
  await one.withLane('a', async () => {
    const impatient = new AbortController()
    const waiting = other.withLane('a', async () => 'in', { signal: impatient.signal })
    await turn()
    impatient.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
  expect(await other.withLane('a', async () => 'in')).toBe('in')
})

test('whoever is in a lane is told when its connection is lost, and others get in', async () => {
  const [one, other] = [replica(), replica()]
  await one.withLane('a', async ({ lost }) => {
    expect(lost.aborted).toBe(false)
    const told = new Promise((resolve) => lost.addEventListener('abort', resolve))
    await cutConnections()
    await told
    expect(await other.withLane('a', async () => 'in')).toBe('in')
  })
  expect(await one.withLane('a', async ({ lost }) => lost.aborted)).toBe(false)
})

test('the release of a lost lane does not take it from who has it now', async () => {
  const [one, other] = [replica(), replica()]
  const entered = Promise.withResolvers<void>()
  const leave = Promise.withResolvers<void>()
  let second: Promise<unknown> = Promise.resolve()
  await one.withLane('a', async ({ lost }) => {
    const told = new Promise((resolve) => lost.addEventListener('abort', resolve))
    await cutConnections()
    await told
    second = other.withLane('a', async () => {
      entered.resolve()
      await leave.promise
    })
    await entered.promise
  })
  expect(await one.tryLane('a', async () => 'in')).toBeNull()
  leave.resolve()
  await second
})

test('stopping ends the waiting for a lane that another replica is in', async () => {
  const [one, other] = [replica(), replica()]
  await one.withLane('a', async () => {
    const waiting = expect(other.withLane('a', async () => 'in')).rejects.toMatchObject({ code: 'LANES_STOPPED' })
    await turn()
    await other.stop()
    await waiting
  })
})

test('stopping waits for the work in the lanes, takes no more, and may be asked for twice', async () => {
  const lanes = replica()
  const begun = Promise.withResolvers<void>()
  let ended = false
  const work = lanes.withLane('a', async () => {
    begun.resolve()
    await turn()
    ended = true
  })
  await begun.promise
  await Promise.all([lanes.stop(), lanes.stop()])
  expect(ended).toBe(true)
  await work
  await expect(lanes.withLane('a', async () => 1)).rejects.toMatchObject({ code: 'LANES_STOPPED' })
})
