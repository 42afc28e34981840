import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPools, rolesForDba } from '../../src/db/pools.ts'
import type { Db } from '../../src/db/transaction.ts'
import { type ScratchCluster, startScratchCluster } from '../support/cluster.ts'
import { type MigrationsFolder, writeMigrations } from '../support/migrations.ts'

// A managed server: the operator has a login, and no superuser.

let cluster: ScratchCluster
let admin: Db
let schema: MigrationsFolder

beforeAll(async () => {
  cluster = await startScratchCluster({ settings: { fsync: 'off' } })
  admin = openDb(cluster.urlFor('postgres'), { applicationName: 'test admin', max: 1 })
  schema = await writeMigrations(
    ['create table events (id int)'],
    'grant select, insert on events to countersign_app; grant select on events to countersign_sealer;',
  )
})

beforeEach(async () => {
  const left = await admin<{ datname: string }[]>`select datname from pg_database where datname ~ '^(one|two)$'`
  for (const { datname } of left) await admin.unsafe(`drop database ${datname} with (force)`)
  const logins = await admin<{ rolname: string }[]>`
    select rolname from pg_roles where rolname ~ '^(countersign|login)_' order by rolname desc`
  for (const { rolname } of logins) await admin.unsafe(`drop owned by ${rolname}; drop role ${rolname}`)
})

afterAll(async () => {
  await closeDb(admin)
  await cluster.remove()
  await schema.remove()
})

/** A database that belongs to a login of its own. */
async function rent(database: string, attributes = ''): Promise<string> {
  await admin.unsafe(`create role login_${database} login password 'test' ${attributes}`)
  await admin.unsafe(`create database ${database} owner login_${database}`)
  return cluster.urlFor(database, `login_${database}`, 'test')
}

async function useBoth(url: string, sealerUrl?: string) {
  const pools = await openPools({ url, ...(sealerUrl !== undefined && { sealerUrl }) })
  const [app] = await pools.app`select current_user as who`
  const [sealer] = await pools.sealer`select current_user as who`
  await pools.app`insert into events values (1)`
  await pools.sealer`select * from events`
  const change = await pools.app`delete from events`.then(
    () => 'allowed',
    (error: { code: string }) => error.code,
  )
  await pools.close()
  return { app: app?.who, sealer: sealer?.who, roles: pools.roles, change }
}

test('one login that may make roles is enough: it makes them, and each pool takes its own', async () => {
  const url = await rent('one', 'createrole')
  await migrate(url, { folder: schema.folder })
  await migrate(url, { folder: schema.folder })
  expect(await useBoth(url)).toEqual({
    app: 'countersign_app',
    sealer: 'countersign_sealer',
    roles: 'advisory',
    change: '42501',
  })
})

test('one login that may not make roles works without them, and says so', async () => {
  const url = await rent('one')
  await migrate(url, { folder: schema.folder })
  expect(await useBoth(url)).toEqual({ app: 'login_one', sealer: 'login_one', roles: 'none', change: 'allowed' })
})

test('what the DBA is told to run gives that login the roles', async () => {
  const url = await rent('one')
  await migrate(url, { folder: schema.folder })
  const dba = openDb(cluster.urlFor('one'), { applicationName: 'test dba', max: 1 })
  await dba.unsafe(rolesForDba('login_one', 'one'))
  await closeDb(dba)
  await migrate(url, { folder: schema.folder })
  expect(await useBoth(url)).toMatchObject({ roles: 'advisory', change: '42501' })
})

test('roles that appear later change nothing until the tables are handed over', async () => {
  const url = await rent('one')
  await migrate(url, { folder: schema.folder })
  for (const role of ['owner', 'app', 'sealer']) {
    await admin.unsafe(`create role countersign_${role} nologin; grant countersign_${role} to login_one`)
  }
  await migrate(url, { folder: schema.folder })
  expect(await useBoth(url)).toMatchObject({ roles: 'none', change: 'allowed' })
})

test('separate logins that the DBA prepared hold each other off for real', async () => {
  const ownerUrl = await rent('one', 'createrole')
  await migrate(ownerUrl, { folder: schema.folder })
  await admin.unsafe(`
    create role login_app login password 'test' in role countersign_app;
    create role login_seal login password 'test' in role countersign_sealer`)
  const url = cluster.urlFor('one', 'login_app', 'test')
  const sealerUrl = cluster.urlFor('one', 'login_seal', 'test')
  expect(await useBoth(url, sealerUrl)).toMatchObject({ roles: 'enforced', change: '42501' })
  expect(await useBoth(ownerUrl, sealerUrl)).toMatchObject({ roles: 'advisory' })
})

test('two databases of one server make the roles in the same instant', async () => {
  for (let round = 0; round < 5; round++) {
    await admin`drop database if exists one with (force)`
    await admin`drop database if exists two with (force)`
    await admin.unsafe('drop role if exists countersign_owner, countersign_app, countersign_sealer')
    await admin`create database one`
    await admin`create database two`
    const work = ['one', 'two'].map((database) => migrate(cluster.urlFor(database), { folder: schema.folder }))
    expect(await Promise.all(work)).toMatchObject([{ state: 'current' }, { state: 'current' }])
  }
})

test('a second login that may make roles, but not use those of the first, works without them', async () => {
  await migrate(await rent('one', 'createrole'), { folder: schema.folder })
  const url = await rent('two', 'createrole')
  await migrate(url, { folder: schema.folder })
  expect(await useBoth(url)).toMatchObject({ roles: 'none' })
})

test('a database whose name needs quoting is migrated like any other', async () => {
  await admin.unsafe('create database "th.ree"')
  await migrate(cluster.urlFor('th.ree'), { folder: schema.folder })
  await admin.unsafe('drop database "th.ree" with (force)')
})
