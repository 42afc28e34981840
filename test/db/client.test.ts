import fc from 'fast-check'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { quoteIdentifier } from '../../src/db/identifier.ts'
import type { Db } from '../../src/db/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startFaultyNetwork } from '../support/faulty-network.ts'

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.url, { applicationName: 'countersign under test' })
})

afterAll(async () => {
  await closeDb(db)
  await database.drop()
})

test('whole numbers of 8 bytes go in and come back as numbers', async () => {
  await db`create table times (at bigint)`
  await db`insert into times ${db([{ at: 1_795_424_400_123 }])}`
  expect(await db`select at, count(*) over () as n from times where at = ${1_795_424_400_123}`).toEqual([
    { at: 1_795_424_400_123, n: 1 },
  ])
})

test('a number too large to be exact is refused, and the connection goes on', async () => {
  await expect(db`select 9007199254740993::bigint as n`).rejects.toThrow('too large')
  expect(await db`select 1 as n`).toEqual([{ n: 1 }])
})

test('a database is found by its name, however that is written in an address', async () => {
  const name = `${database.name} für 100%, a+b`
  await db.unsafe(`create database ${quoteIdentifier(name)}`)
  const there = openDb(Object.assign(new URL(database.url), { pathname: encodeURIComponent(name) }).href, {
    applicationName: 'countersign under test',
  })
  try {
    expect(await there`select current_database() as name`).toEqual([{ name }])
  } finally {
    await closeDb(there)
    await db.unsafe(`drop database if exists ${quoteIdentifier(name)} with (force)`)
  }
})

test('an IPv6 address is asked at that address and port, in a URL and by itself', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 1, max: 65_535 }), (address, port) => {
      const expected = { host: [address], port: [port] }
      expect(postgres({ host: address, port }).options).toMatchObject(expected)
      const { host, port: ports } = openDb(`postgres://u:p@[${address}]:${port}/db`, {
        applicationName: 'test',
      }).options
      expect({ host: host.map(canonical), port: ports }).toEqual({ host: [canonical(address)], port: [port] })
    }),
  )
})

/** Zeroes are left out in more than one way. */
function canonical(address: string): string {
  return new URL(`http://[${address}]`).hostname
}

test('an undefined parameter is refused before anything is sent', async () => {
  const missing: number | undefined = [1][1]
  await expect(async () => db`select ${missing as unknown as number} as n`).rejects.toThrow('Undefined')
})

test('every connection of a pool has its role, its name and its limit', async () => {
  const pool = openDb(database.url, {
    applicationName: 'countersign app',
    role: 'countersign_app',
    max: 3,
    statementTimeoutMs: 1_500,
  })
  const seen = await Promise.all(
    [1, 2, 3].map(
      () => pool`
        select current_user as who, current_setting('application_name') as name,
          current_setting('statement_timeout') as "limit", pg_sleep(0.02)`,
    ),
  )
  const pids = new Set(
    (await Promise.all([1, 2, 3].map(() => pool`select pg_backend_pid() as pid, pg_sleep(0.02)`))).flat(),
  )
  await closeDb(pool)
  expect(pids.size).toBe(3)
  for (const [row] of seen)
    expect(row).toMatchObject({ who: 'countersign_app', name: 'countersign app', limit: '1500ms' })
})

test('a role that the login may not take refuses the connection', async () => {
  const pool = openDb(database.appUrl, { applicationName: 'test', role: 'countersign_owner' })
  await expect(pool`select 1`).rejects.toMatchObject({ code: '42501' })
  await closeDb(pool)
})

test('notices go to who asked for them and nowhere else', async () => {
  const heard: string[] = []
  const pool = openDb(database.url, { applicationName: 'test', onNotice: (message) => heard.push(message) })
  await pool`do $$ begin raise notice 'mind the gap'; end $$`
  await closeDb(pool)
  expect(heard).toEqual(['mind the gap'])
})

test('after an outage the next query finds its way back', async () => {
  const network = await startFaultyNetwork(Number(new URL(database.url).port))
  const url = Object.assign(new URL(database.url), { port: String(network.port) }).href
  const pool = openDb(url, { applicationName: 'test', max: 1 })
  await pool`select 1`
  network.cut()
  await pool`select 1`.catch(() => undefined)
  expect(await pool`select 2 as n`).toEqual([{ n: 2 }])
  await closeDb(pool)
  await network.close()
})

test('a connection that owes an answer and falls silent is lost, and an idle one is not', async () => {
  const network = await startFaultyNetwork(Number(new URL(database.url).port))
  const url = Object.assign(new URL(database.url), { port: String(network.port) }).href
  const pool = openDb(url, { applicationName: 'test', max: 1, silenceTimeoutMs: 400 })
  const pid = async () => (await pool`select pg_backend_pid() as pid`)[0]?.pid
  const first = await pid()
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(await pid()).toBe(first)
  network.silence(true)
  await expect(pool`select 1`).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  network.silence(false)
  expect(await pid()).not.toBe(first)
  await closeDb(pool)
  await network.close()
})

test('closing twice does nothing more', async () => {
  const pool = openDb(database.url, { applicationName: 'test' })
  await pool`select 1`
  await closeDb(pool)
  await closeDb(pool)
  await expect(pool`select 1`).rejects.toMatchObject({ code: 'CONNECTION_ENDED' })
})
