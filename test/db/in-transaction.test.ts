import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { classifyFailure } from '../../src/db/failure.ts'
import { inTransaction } from '../../src/db/in-transaction.ts'
import type { Db } from '../../src/db/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type FaultyNetwork, startFaultyNetwork } from '../support/faulty-network.ts'

/** For what is to run into them. */
const limits = { timeoutMs: 200 }
/** For what is not, on a busy machine either. */
const patient = { timeoutMs: 10_000 }
let database: TestDatabase
let network: FaultyNetwork
let db: Db
/** The same database over a wire that breaks. */
let far: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.url, { applicationName: 'test' })
  network = await startFaultyNetwork(Number(new URL(database.url).port))
  await db`create table acts (key text primary key, n int not null default 0)`
})

beforeEach(async () => {
  await far?.end({ timeout: 0 })
  network.silence(false)
  network.cut()
  far = openDb(Object.assign(new URL(database.url), { port: String(network.port) }).href, {
    applicationName: 'test over a wire',
    max: 1,
  })
  await far`select 1`
  await db`truncate acts`
})

afterAll(async () => {
  await closeDb(far, 0)
  await closeDb(db, 0)
  await network.close()
  await database.drop()
})

const record = (pool: Db, key: string, within = patient) =>
  inTransaction(pool, within, async (tx) => {
    await tx`insert into acts (key) values (${key})`
    return key
  })
const recorded = async () => (await db<{ key: string }[]>`select key from acts order by key`).map(({ key }) => key)
const outcome = (work: Promise<unknown>) => work.then(() => 'recorded' as const, classifyFailure)

test('what was done is written whole, and the answer comes back', async () => {
  expect(await record(db, 'a')).toBe('a')
  expect(await recorded()).toEqual(['a'])
})

test('what throws is not written, and throws the same outside', async () => {
  const reason = new Error('no')
  const work = inTransaction(db, patient, async (tx) => {
    await tx`insert into acts (key) values ('a')`
    throw reason
  })
  await expect(work).rejects.toBe(reason)
  expect(await recorded()).toEqual([])
})

test('a broken rule of the database is refused as what it is', async () => {
  await record(db, 'a')
  const again = record(db, 'a')
  await expect(again).rejects.toMatchObject({ code: '23505' })
  expect(await outcome(again)).toBe('refused')
})

test('limits hold inside and are gone after', async () => {
  const pool = openDb(database.url, { applicationName: 'test', max: 1 })
  const read = (sql: Pick<Db, 'unsafe'>) =>
    sql.unsafe("select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l")
  expect(await inTransaction(pool, limits, async (tx) => [...(await read(tx))])).toEqual([{ s: '200ms', l: '150ms' }])
  expect([...(await read(pool))]).toEqual([{ s: '0', l: '0' }])
  await closeDb(pool)
})

test('a statement that takes too long is not recorded', async () => {
  const work = inTransaction(db, limits, async (tx) => {
    await tx`insert into acts (key) values ('a')`
    await tx`select pg_sleep(10)`
  })
  await expect(work).rejects.toMatchObject({ name: 'TransactionFailure', cause: { code: '57014' } })
  expect(await outcome(work)).toBe('not-recorded')
  expect(await recorded()).toEqual([])
})

test('a lock that somebody holds too long is not recorded', async () => {
  await record(db, 'a')
  const holder = await db.reserve()
  onTestFinished(async () => {
    await holder`rollback`
    holder.release()
  })
  await holder`begin`
  await holder`select from acts where key = 'a' for update`
  const work = inTransaction(db, { ...patient, lockMs: 100 }, (tx) => tx`update acts set n = 1 where key = 'a'`)
  await expect(work).rejects.toMatchObject({ name: 'TransactionFailure', cause: { code: '55P03' } })
  expect(await outcome(work)).toBe('not-recorded')
})

test('two acts that lock each other are both recorded', async () => {
  await record(db, 'a')
  await record(db, 'b')
  let arrived = 0
  const { promise: both, resolve: bothArrived } = Promise.withResolvers<void>()
  const cross = (first: string, second: string) =>
    inTransaction(db, patient, async (tx) => {
      await tx`update acts set n = n + 1 where key = ${first}`
      if (++arrived === 2) bothArrived()
      await both
      await tx`update acts set n = n + 1 where key = ${second}`
    })
  await Promise.all([cross('a', 'b'), cross('b', 'a')])
  expect(await db`select distinct n from acts`).toEqual([{ n: 2 }])
})

test('a conflict that does not end is given up and not recorded', async () => {
  let tries = 0
  const work = inTransaction(db, patient, async (tx) => {
    tries++
    await tx`do $$ begin raise exception 'again' using errcode = '40001'; end $$`
  })
  expect(await outcome(work)).toBe('not-recorded')
  expect(tries).toBe(3)
})

test('a statement whose failure was not looked at cannot be called recorded', async () => {
  const work = inTransaction(db, patient, async (tx) => {
    await tx`insert into acts (key) values ('a')`
    tx`insert into acts (key) values ('a')`.catch(() => undefined)
  })
  expect(await outcome(work)).toBe('refused')
  expect(await recorded()).toEqual([])
})

test('a database that cannot be reached has recorded nothing', async () => {
  const nobody = openDb('postgres://nobody@127.0.0.1:1/none', { applicationName: 'test' })
  expect(await outcome(record(nobody, 'a'))).toBe('not-recorded')
  await closeDb(nobody, 0)
})

test('a connection lost before the commit has recorded nothing', async () => {
  network.when('insert into acts', 'cut-after')
  expect(await outcome(record(far, 'a'))).toBe('not-recorded')
  expect(await recorded()).toEqual([])
})

test('a session ended by the server before the commit has recorded nothing', async () => {
  const work = inTransaction(db, patient, async (tx) => {
    await tx`insert into acts (key) values ('a')`
    await tx`select pg_terminate_backend(pg_backend_pid())`
  })
  expect(await outcome(work)).toBe('not-recorded')
  expect(await recorded()).toEqual([])
})

test('a commit whose answer is lost is unknown, and was recorded', async () => {
  network.when('commit', 'cut-after')
  expect(await outcome(record(far, 'a'))).toBe('unknown')
  expect(await recorded()).toEqual(['a'])
})

test('a commit that never arrived is unknown too, and was not recorded', async () => {
  network.when('commit', 'cut-before')
  expect(await outcome(record(far, 'a'))).toBe('unknown')
  expect(await recorded()).toEqual([])
})

test('a network that falls silent during the commit is unknown within the limit', async () => {
  network.when('commit', 'silence-after')
  expect(await outcome(record(far, 'a', { timeoutMs: 2_000 }))).toBe('unknown')
  expect(await recorded()).toEqual(['a'])
})

test('what was given up in a silent network is not committed when the network comes back', async () => {
  const { promise: returned, resolve: comeBack } = Promise.withResolvers<void>()
  const { promise: ran, resolve: hasRun } = Promise.withResolvers<void>()
  const work = inTransaction(far, limits, async (tx) => {
    await tx`insert into acts (key) values ('a')`
    await returned
    hasRun()
  })
  expect(await outcome(work)).toBe('not-recorded')
  comeBack()
  await ran
  await far`select 1`.catch(() => undefined)
  expect(await recorded()).toEqual([])
})

test('waiting for a free connection counts', async () => {
  const holder = await far.reserve()
  expect(await outcome(record(far, 'a', limits))).toBe('not-recorded')
  holder.release()
  await far`select 1`
  expect(await recorded()).toEqual([])
})

test('after a silence the pool works at once, because silent connections were given up', async () => {
  network.silence(true)
  expect(await outcome(record(far, 'a', limits))).toBe('not-recorded')
  network.silence(false)
  expect(await outcome(record(far, 'b'))).toBe('recorded')
  expect(await recorded()).toEqual(['b'])
})
