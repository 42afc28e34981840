import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import type { Db } from '../../src/db/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type FaultyNetwork, startFaultyNetwork } from '../support/faulty-network.ts'

// An exception that nothing can catch fails the run by itself: the process must survive all of these.

let database: TestDatabase
let network: FaultyNetwork
let admin: Db
/** One connection, so that whatever follows gets the same place in the pool. */
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  network = await startFaultyNetwork(Number(new URL(database.url).port))
  admin = openDb(database.url, { applicationName: 'test admin' })
  await admin`create table acts (key text)`
})

beforeEach(async () => {
  const url = Object.assign(new URL(database.url), { port: String(network.port) }).href
  db = openDb(url, { applicationName: 'test', max: 1, connectTimeoutMs: 1_000 })
  await admin`truncate acts`
})

afterEach(() => closeDb(db, 0))

afterAll(async () => {
  await closeDb(admin)
  await network.close()
  await database.drop()
})

const endings: [string, (pid: number) => Promise<unknown>][] = [
  ['the server ends the session', (pid) => admin`select pg_terminate_backend(${pid}, 5000)`],
  ['the wire is cut', async () => network.cut()],
  ['the wire is reset', async () => network.reset()],
]

test.each(endings)('a transaction ends when %s, and the next one works', async (_, end) => {
  const work = db.begin(async (tx) => {
    await tx`insert into acts values ('dead')`
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
    const sleeping = tx`select pg_sleep(10)`
    await Promise.all([sleeping, end(row?.pid ?? 0)])
  })
  await expect(work).rejects.toThrow()
  await db.begin((tx) => tx`insert into acts values ('alive')`)
  expect(await admin`select key from acts`).toEqual([{ key: 'alive' }])
})

test.each(endings)(
  'what is left of a transaction is refused after %s, and never runs in another one',
  async (_, end) => {
    const { promise: another, resolve: anotherBegan } = Promise.withResolvers<void>()
    const { promise: tried, resolve: hasTried } = Promise.withResolvers<unknown>()
    const work = db.begin(async (tx) => {
      const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
      await end(row?.pid ?? 0)
      await another
      hasTried(await tx`insert into acts values ('dead')`.catch((error: { code: string }) => error.code))
    })
    await expect(work).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    const next = db.begin(async (tx) => {
      await tx`insert into acts values ('rolled back')`
      anotherBegan()
      expect(await tried).toBe('CONNECTION_CLOSED')
      await tx`select 1`
      throw new Error('rolled back on purpose')
    })
    await expect(next).rejects.toThrow('rolled back on purpose')
    expect(await admin`select key from acts`).toEqual([])
  },
)

test('statements that wait inside a lost transaction are all answered', async () => {
  let waiting: Promise<unknown>[] = []
  const work = db.begin(async (tx) => {
    waiting = Array.from({ length: 200 }, (_, n) => tx`select pg_sleep(${n === 0 ? 10 : 0})`.catch(() => 'refused'))
    await new Promise((resolve) => setImmediate(resolve))
    network.cut()
    await Promise.all(waiting)
  })
  await expect(work).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['refused']))
})

test.each(endings)(
  'a reserved connection is refused after %s, and its place in the pool works again',
  async (_, end) => {
    const held = await db.reserve()
    const [row] = await held<{ pid: number }[]>`select pg_backend_pid() as pid`
    const sleeping = held`select pg_sleep(10)`.catch((error: { code: string }) => error.code)
    await end(row?.pid ?? 0)
    expect(['CONNECTION_CLOSED', 'ECONNRESET']).toContain(await sleeping)
    await expect(held`select 1`).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    held.release()
    expect(await db`select 1 as n`).toEqual([{ n: 1 }])
  },
)

test('the words of a server that ended the session are kept, and not told to the next statement', async () => {
  const work = db`select pg_terminate_backend(pg_backend_pid())`
  await expect(work).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', cause: { code: '57P01' } })
  expect(await db`select 1 as n`).toEqual([{ n: 1 }])
})

test('a pool works again after many losses', async () => {
  for (let loss = 0; loss < 5; loss++) {
    const work = db.begin(async (tx) => {
      await tx`select 1`
      network.cut()
      await tx`select 2`
    })
    await expect(work).rejects.toThrow()
  }
  expect(await db`select 1 as n`).toEqual([{ n: 1 }])
})

test('a server that takes a connection and closes it at once is an error, not an endless wait', async () => {
  let taken = 0
  const door = createServer((socket) => {
    taken++
    socket.on('error', () => undefined).end()
  }).listen(0, '127.0.0.1')
  await once(door, 'listening')
  const pool = openDb(`postgres://nobody@127.0.0.1:${(door.address() as AddressInfo).port}/none`, {
    applicationName: 'test',
    max: 1,
  })
  await expect(pool`select 1`).rejects.toMatchObject({ code: expect.stringMatching(/CONNECTION_CLOSED|ECONNRESET/) })
  expect(taken).toBe(1)
  await closeDb(pool, 0)
  door.close()
})
