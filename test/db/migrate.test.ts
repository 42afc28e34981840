import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { migrate, prepareSchema } from '../../src/db/migrate.ts'
import { schemaState } from '../../src/db/schema-state.ts'
import type { Db } from '../../src/db/transaction.ts'
import { type ScratchCluster, startScratchCluster } from '../support/cluster.ts'
import { type MigrationsFolder, writeMigrations } from '../support/migrations.ts'
import { startNode } from '../support/node-process.ts'

const REPLICA = path.join(import.meta.dirname, '..', 'support', 'migrate-process.ts')
const events = 'create table events (id bigint primary key, body text not null)'
const grants = 'grant select, insert on events to countersign_app; grant select on events to countersign_sealer;'

let cluster: ScratchCluster
let admin: Db
let count = 0
/** A fresh, empty database for each test, and its superuser. */
let database = ''
let url = ''
let db: Db
const folders: MigrationsFolder[] = []

/** Migrations in a folder that is removed after the test. */
async function migrations(statements: string[], grantText?: string): Promise<string> {
  const made = await writeMigrations(statements, grantText)
  folders.push(made)
  return made.folder
}

async function login(name: string, attributes = ''): Promise<string> {
  await admin.unsafe(`create role ${name} login password 'test' ${attributes}`)
  return cluster.urlFor(database, name, 'test')
}

beforeAll(async () => {
  cluster = await startScratchCluster({ settings: { fsync: 'off' } })
  admin = openDb(cluster.urlFor('postgres'), { applicationName: 'test admin', max: 1 })
  for (const role of ['countersign_owner', 'countersign_app', 'countersign_sealer']) {
    await admin.unsafe(`create role ${role} nologin`)
  }
})

beforeEach(async () => {
  database = `migrated_${++count}`
  await admin.unsafe(`create database ${database}`)
  url = cluster.urlFor(database)
  db = openDb(url, { applicationName: 'test', max: 2 })
})

afterEach(async () => {
  await closeDb(db)
  for (const made of folders.splice(0)) await made.remove()
})

afterAll(async () => {
  await closeDb(admin)
  await cluster.remove()
})

test('four replicas that migrate in the same instant all succeed, and each step runs once', async () => {
  const folder = await migrations([events, "insert into events values (1, 'once'); select pg_sleep(0.05)"], grants)
  const replicas = [1, 2, 3, 4].map(() => startNode(REPLICA, [url, folder]))
  await Promise.all(replicas.map((replica) => replica.line()))
  for (const replica of replicas) replica.tell('go')
  expect(await Promise.all(replicas.map((replica) => replica.line()))).toEqual(Array(4).fill('current'))
  for (const { ended } of replicas) expect(await ended).toMatchObject({ code: 0 })
  expect(await db`select count(*) as n from events`).toEqual([{ n: 1 }])
})

test('everything belongs to the owner role, and others may do what grants.sql says', async () => {
  await migrate(url, { folder: await migrations([events], grants) })
  expect(await db`select tableowner from pg_tables where tablename = 'events'`).toEqual([
    { tableowner: 'countersign_owner' },
  ])
  const app = openDb(await login('writer', 'in role countersign_app'), { applicationName: 'test' })
  await app`insert into events values (1, 'said')`
  for (const forbidden of [
    "update events set body = 'unsaid'",
    'delete from events',
    'truncate events',
    'drop table events',
    'alter table events disable trigger all',
    'create table mine (id int)',
    'set role countersign_owner',
    'set role countersign_sealer',
  ]) {
    await expect(app.unsafe(forbidden), forbidden).rejects.toMatchObject({ code: '42501' })
  }
  expect(await schemaState(app, await migrations([events]))).toMatchObject({ state: 'current' })
  await closeDb(app)
})

test('code beside a schema that is one step newer works and changes nothing', async () => {
  const older = await migrations([events])
  const newer = await migrations([events, "alter table events add column kind text default 'asked'"])
  await migrate(url, { folder: newer })
  const hook = vi.fn()
  expect(await migrate(url, { folder: older, also: [hook] })).toMatchObject({ state: 'newer', at: 2_000, missing: [] })
  expect(await prepareSchema(url, { folder: older })).toMatchObject({ state: 'newer' })
  expect(hook).not.toHaveBeenCalled()
  await db`insert into events (id, body) values (1, 'by the older code')`
  expect(await db`select kind from events`).toEqual([{ kind: 'asked' }])
})

test('an older schema is brought up step by step, and again is nothing', async () => {
  const folder = await migrations([events, 'alter table events add column kind text'])
  await migrate(url, { folder: await migrations([events]) })
  expect(await schemaState(db, folder)).toEqual({ state: 'older', at: 1_000, missing: ['0001_step'] })
  expect(await migrate(url, { folder })).toMatchObject({ state: 'current', at: 2_000 })
  expect(await migrate(url, { folder })).toMatchObject({ state: 'current', at: 2_000 })
})

test('a step that fails leaves nothing of itself behind', async () => {
  await expect(migrate(url, { folder: await migrations([events, 'select nothing_such']) })).rejects.toThrow()
  expect(await schemaState(db, await migrations([events]))).toMatchObject({ state: 'older', at: 0 })
  expect(await db`select to_regclass('events') as found`).toEqual([{ found: null }])
})

test('a schema that other code made is refused with the next step', async () => {
  await migrate(url, { folder: await migrations([events, 'select 1']) })
  await db`delete from drizzle.__drizzle_migrations where created_at = 1000`
  await expect(migrate(url, { folder: await migrations([events, 'select 1']) })).rejects.toMatchObject({
    name: 'SchemaError',
    code: 'schema-diverged',
    message: expect.stringContaining('0000_step'),
  })
})

test('no migrations at all is a current schema, and hooks still run as the owner', async () => {
  const seen: unknown[] = []
  const also = [async (sql: Db) => void seen.push(...(await sql`select current_user as who`))]
  expect(await migrate(url, { folder: '/nonexistent', also })).toEqual({ state: 'current', at: 0, missing: [] })
  expect(seen).toEqual([{ who: 'countersign_owner' }])
})

test('a migration that has to wait for a table gives up, changes nothing and says what to do', async () => {
  await migrate(url, { folder: await migrations([events]) })
  const holder = await db.reserve()
  await holder`begin`
  await holder`lock table events in access share mode`
  const folder = await migrations([events, "set local lock_timeout = '20ms'; alter table events add column kind text"])
  await expect(migrate(url, { folder })).rejects.toMatchObject({
    code: 'schema-blocked',
    message: expect.stringContaining('pg_stat_activity'),
  })
  await holder`rollback`
  holder.release()
  expect(await schemaState(db, folder)).toMatchObject({ state: 'older', missing: ['0001_step'] })
})

test('a start with a login that may migrate does so by itself', async () => {
  const folder = await migrations([events])
  expect(await prepareSchema(url, { folder })).toMatchObject({ state: 'current' })
})

test('a start with a login that may not is refused while the schema is too old, and works after', async () => {
  const app = await login('plain_app', 'in role countersign_app')
  await migrate(url, { folder: await migrations([events]) })
  const folder = await migrations([events, 'select 1'])
  await expect(prepareSchema(app, { folder })).rejects.toMatchObject({
    code: 'schema-older',
    message: expect.stringMatching(/lacks 0001_step.*countersign -- migrate/),
  })
  expect(await prepareSchema(app, { folder, ownerUrl: url })).toMatchObject({ state: 'current' })
  expect(await prepareSchema(app, { folder })).toMatchObject({ state: 'current' })
  await expect(migrate(app, { folder })).rejects.toMatchObject({ code: 'not-owner' })
})
