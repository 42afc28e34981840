import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { openDatabaseClock } from '../../src/db/clock.ts'
import type { Db } from '../../src/db/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let db: Db
/** What the process's monotonic clock shows; the tests move it. */
let monotonicMs = 5_000
/** What the database's clock shows at monotonic 0. Unset: the real one is asked. */
let databaseMs = 1_000_000

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.url, { applicationName: 'test' })
})

afterAll(async () => {
  await closeDb(db)
  await database.drop()
})

beforeEach(() => {
  monotonicMs = 5_000
  databaseMs = 1_000_000
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** A database whose clock is moved by hand. */
const fakeDb = (() => Promise.resolve([{ ms: databaseMs + monotonicMs }])) as unknown as Db
const openClock = (options = {}) => openDatabaseClock(fakeDb, { monotonic: () => monotonicMs, ...options })

async function pass(ms: number): Promise<void> {
  monotonicMs += ms
  await vi.advanceTimersByTimeAsync(ms)
}

test('it shows the time of the real database', async () => {
  vi.useRealTimers()
  const clock = await openDatabaseClock(db)
  const ask = async () => {
    const [row] = await db<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
    return row?.ms ?? 0
  }
  const [before, mine, after] = [await ask(), clock.now(), await ask()]
  const { uncertaintyMs, aheadMs, checkedAgoMs } = clock.skew()
  expect(mine).toBeGreaterThanOrEqual(Math.floor(before - uncertaintyMs - 1))
  expect(mine).toBeLessThanOrEqual(after + uncertaintyMs + 1)
  expect(Number.isInteger(mine)).toBe(true)
  expect(aheadMs).toBe(0)
  expect(checkedAgoMs).toBeGreaterThanOrEqual(0)
  clock.close()
})

test('it goes on between measurements, by the monotonic clock', async () => {
  const clock = await openClock()
  expect(clock.now()).toBe(1_005_000)
  await pass(1_234.5)
  expect(clock.now()).toBe(1_006_234)
  clock.close()
})

test('it follows a database whose clock jumped ahead, and what became due runs', async () => {
  const clock = await openClock()
  const ran = vi.fn()
  clock.runAt(clock.now() + 3_600_000, ran)
  databaseMs += 3_600_000
  await clock.refresh()
  await pass(1)
  expect(ran).toHaveBeenCalledOnce()
  clock.close()
})

test('it neither steps back nor stands still when the database falls back', async () => {
  const clock = await openClock()
  const before = clock.now()
  databaseMs -= 10_000
  await clock.refresh()
  expect(clock.now()).toBe(before)
  expect(clock.skew().aheadMs).toBe(10_000)
  await pass(1_000)
  expect(clock.now()).toBe(before + 500)
  await pass(19_000)
  expect(clock.skew().aheadMs).toBe(0)
  expect(clock.now()).toBe(databaseMs + monotonicMs)
  clock.close()
})

test('it measures again by itself, and goes on when the database is away', async () => {
  const failures: unknown[] = []
  let away = false
  const flaky = (() => (away ? Promise.reject(new Error('away')) : fakeDb``)) as unknown as Db
  const clock = await openDatabaseClock(flaky, {
    monotonic: () => monotonicMs,
    refreshMs: 1_000,
    onFailure: (error) => failures.push(error),
  })
  databaseMs += 77
  await pass(1_000)
  expect(clock.now()).toBe(databaseMs + monotonicMs)
  away = true
  await pass(3_000)
  expect(failures).toHaveLength(3)
  expect(clock.now()).toBe(databaseMs + monotonicMs)
  expect(clock.skew().checkedAgoMs).toBe(3_000)
  clock.close()
})

test('a vague answer does not replace an exact one that it agrees with', async () => {
  let slowMs = 0
  const slow = (() => {
    const ms = databaseMs + monotonicMs
    monotonicMs += slowMs
    return Promise.resolve([{ ms }])
  }) as unknown as Db
  const clock = await openDatabaseClock(slow, { monotonic: () => monotonicMs })
  slowMs = 2_000
  await clock.refresh()
  expect(clock.skew()).toMatchObject({ aheadMs: 0, uncertaintyMs: 0 })
  expect(clock.now()).toBe(databaseMs + monotonicMs)
  clock.close()
})

test('a task runs at its time, not before, however far away it is', async () => {
  const clock = await openClock({ refreshMs: 2 ** 31 - 1 })
  const ran: number[] = []
  const monthMs = 30 * 24 * 3_600_000
  clock.runAt(clock.now() + monthMs, () => ran.push(clock.now()))
  const sleeps = vi.spyOn(globalThis, 'setTimeout')
  for (let hour = 0; hour < 30 * 24 - 1; hour++) await pass(60_000)
  expect(ran).toEqual([])
  expect(Math.max(...sleeps.mock.calls.map(([, ms]) => ms ?? 0))).toBeLessThanOrEqual(60_000)
  monotonicMs += monthMs
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ran).toHaveLength(1)
  clock.close()
})

test('tasks that are due together run in order, and one may cancel the next', async () => {
  const clock = await openClock()
  const ran: string[] = []
  let cancelThird = () => {}
  clock.runAt(clock.now() + 20, () => {
    ran.push('second')
    cancelThird()
  })
  clock.runAt(clock.now() + 10, () => void ran.push('first'))
  cancelThird = clock.runAt(clock.now() + 30, () => void ran.push('third'))
  await pass(100)
  expect(ran).toEqual(['first', 'second'])
  clock.close()
})

test('what is due already runs as soon as possible, but not within the call', async () => {
  const clock = await openClock()
  const ran = vi.fn()
  clock.runAt(0, ran)
  expect(ran).not.toHaveBeenCalled()
  await pass(1)
  expect(ran).toHaveBeenCalledOnce()
  clock.close()
})

test('a closed clock runs nothing more, and closing twice is harmless', async () => {
  const clock = await openClock()
  const ran = vi.fn()
  const cancel = clock.runAt(clock.now() + 10, ran)
  clock.close()
  clock.close()
  cancel()
  clock.runAt(clock.now(), ran)
  await pass(100_000)
  expect(ran).not.toHaveBeenCalled()
})
