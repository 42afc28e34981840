import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDemoTarget } from '../../src/connectors/demo-target.ts'
import { scramVerifier } from '../../src/connectors/postgres/scram.ts'
import { closeDb, openDb } from '../../src/db/client.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { readSqlBlocks } from '../support/read-sql-blocks.ts'

/*
 * docs/when-countersign-is-down.md, done as it says: every SQL block is run, on a target that Countersign has used.
 */
const blocks = readSqlBlocks(await readFile('docs/when-countersign-is-down.md', 'utf8'))
const ran = new Set<string>()

let house: House
let replica: Replica
beforeAll(async () => {
  house = await openHouse()
  // The house's own database came before template1 was set up: nobody leaves anything there in this story.
  await createDemoTarget(house.cluster.urlFor('postgres'), decodeURIComponent(new URL(house.targetUrl).password))
  replica = await house.startReplica()
})
afterAll(() => house.close())

/** Runs one block as its reader would, by itself, for this grant. */
async function runBlock(sql: string, id: string, database = 'prod_db'): Promise<Row[]> {
  ran.add(sql)
  const own = sql
    .replaceAll('G-7K3QF0', id)
    .replaceAll('jit_g_7k3qf0', accountOf(id))
    .replaceAll('example.org/access', 'test.example/log')
  const dba = openDb(house.cluster.urlFor(database), { applicationName: 'dba', max: 1 })
  try {
    return [...(await dba.unsafe<Row[]>(own))]
  } finally {
    await closeDb(dba)
  }
}

async function give(as: string, approver = 'marcus'): Promise<string> {
  const id = idOn(await replica.command(as, 'prod-db 1h fix the ledger'))
  await replica.press(approver, 'approve', id)
  await until('it is active', async () => (await statusOf(id)) === 'active')
  return id
}

/** Somebody who holds the access works with it. */
async function logIn(account: string, database = 'prod_db') {
  const password = 'as it was shown'
  await house.targetDb.unsafe(`alter role ${account} password '${await scramVerifier(password)}'`)
  const sql = openDb(house.cluster.urlFor(database, account, password), { applicationName: 'holder', max: 1 })
  await sql`select 1`
  return sql
}

test('an access is seen, ended and taken away by hand, and Countersign proves it when it is back', async () => {
  const [id, bystander] = [await give('ana'), await give('bo')]
  const [holder, other] = [await logIn(accountOf(id)), await logIn(accountOf(bystander))]
  await replica.stop()

  const [atHome, ...moreAtHome] = blocks.of('countersign')
  const listed = await runBlock(atHome ?? '', id, 'countersign')
  expect(moreAtHome).toEqual([])
  expect(listed).toMatchObject([
    { id, person: 'ana', target: 'prod-db', entitlement: 'read', status: 'active' },
    { id: bystander, person: 'bo' },
  ])
  expect(listed[0]?.ends_at).not.toBeNull()

  const [list, mark, disable, kill, look, killNameless, plan, purge, lookAgain] = blocks.of('target')
  expect(await runBlock(list ?? '', id)).toContainEqual(
    expect.objectContaining({
      account: accountOf(id),
      grant_id: id,
      gives: 'ledger_read',
      may_log_in: true,
      sessions: 1,
    }),
  )
  await expect(runBlock(kill ?? '', id)).rejects.toMatchObject({ code: 'JIT04' })
  await runBlock(mark ?? '', id)
  await runBlock(disable ?? '', id)
  await runBlock(kill ?? '', id)
  await until('nobody is there', async () => {
    const [seen] = await runBlock(look ?? '', id)
    return JSON.stringify([seen?.sessions, seen?.nameless]) === '[[],[]]'
  })
  await runBlock(killNameless ?? '', id)
  await expect(holder`select 1`).rejects.toThrow()
  expect(await other`select 1 as works`).toEqual([{ works: 1 }])
  expect(await runBlock(plan ?? '', id)).toEqual([{ databases: [] }])
  await runBlock(purge ?? '', id)
  expect(await runBlock(lookAgain ?? '', id)).toEqual([{ roles: [], sessions: [], memberships: [], left_behind: [] }])
  await Promise.all([closeDb(holder), closeDb(other)])

  replica = await house.startReplica()
  await replica.press('ana', 'done', id)
  await until('it is proved', async () => (await statusOf(id)) === 'removed')
  expect(await statusOf(bystander)).toBe('active')
})

test('what somebody left in another database is taken away there first', async () => {
  const id = await give('ana')
  await replica.stop()
  const [, mark, disable, kill, , , plan, purge] = blocks.of('target')
  await house.targetDb.unsafe(`grant create on database postgres to ${accountOf(id)}`)
  await runBlock(`grant create on schema public to ${accountOf(id)}`, id, 'postgres')
  const holder = await logIn(accountOf(id), 'postgres')
  await holder`create table public.kept (id bigint)`
  await closeDb(holder)

  await runBlock(mark ?? '', id)
  await runBlock(disable ?? '', id)
  await runBlock(kill ?? '', id)
  const [planned] = await runBlock(plan ?? '', id)
  expect(planned).toEqual({ databases: ['postgres'] })
  await expect(runBlock(purge ?? '', id)).rejects.toMatchObject({ code: 'JIT10' })
  await runBlock(blocks.of('elsewhere')[0] ?? '', id, 'postgres')
  await runBlock(purge ?? '', id)
  expect(await accountsLeft()).not.toContain(accountOf(id))

  replica = await house.startReplica()
  await replica.press('ana', 'done', id)
  await until('it is proved', async () => (await statusOf(id)) === 'removed')
})

test('everybody is shut out at once, with our functions and without', async () => {
  const id = await give('ana')
  const holder = await logIn(accountOf(id))
  await replica.stop()
  for (const block of blocks.of('target-everybody')) await runBlock(block, id)
  await expect(holder`select 1`).rejects.toThrow()
  await closeDb(holder)
  const open = await house.targetDb`select from pg_roles where rolname like 'jit\\_%' and rolcanlogin`
  expect(open).toHaveLength(0)

  replica = await house.startReplica()
  const plain = await give('dirk', 'olga')
  const second = await logIn(accountOf(plain))
  for (const block of blocks.of('target-plain')) await runBlock(block, plain)
  await expect(second`select 1`).rejects.toThrow()
  await closeDb(second)
  await replica.press('dirk', 'done', plain)
  await until('Countersign finishes it', async () => (await statusOf(plain)) === 'removed')
})

test('an access that was given by hand works, and is taken back in when Countersign is back', async () => {
  await replica.stop()
  await runBlock(blocks.of('target-give')[0] ?? '', 'HAND-0217')
  const holder = await logIn('jit_hand_0217')
  expect(await holder`select count(*) > 0 as reads from payments`).toEqual([{ reads: true }])
  await expect(holder`delete from payments`).rejects.toMatchObject({ code: '42501' })
  const [role] = await house.targetDb<{ minutes: number }[]>`
    select extract(epoch from rolvaliduntil - clock_timestamp())::int / 60 as minutes from pg_roles
    where rolname = 'jit_hand_0217'`
  expect(role?.minutes).toBeGreaterThanOrEqual(58)
  expect(role?.minutes).toBeLessThanOrEqual(60)

  // The net that runs every minute has missed one: it is caught up at the start.
  await house.db`update schedule_slot set slot = slot - 120000 where job = 'sweep'`
  replica = await house.startReplica()
  await until('it is taken away', async () => {
    const events = await house.db`select type from event where stream = 'orphan:HAND-0217' order by seq`
    return events.map(({ type }) => type).join() === 'orphan.found,orphan.removed'
  })
  expect(await accountsLeft()).not.toContain('jit_hand_0217')
  await expect(holder`select 1`).rejects.toThrow()
  await closeDb(holder)
})

test('no SQL of the page was left out', () => {
  expect(blocks.every.filter((sql) => !ran.has(sql))).toEqual([])
  expect(blocks.every.length).toBeGreaterThan(10)
})

type Row = Record<string, unknown>

function accountOf(id: string): string {
  return `jit_${id.toLowerCase().replaceAll('-', '_')}`
}

async function accountsLeft(): Promise<unknown[]> {
  const rows = await house.targetDb`select rolname from pg_roles where rolname like 'jit\\_%'`
  return rows.map(({ rolname }) => rolname)
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}
