import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { carelessSettings } from '../support/cluster.ts'
import { type House, type Replica, until } from '../support/house.ts'
import {
  accountOf,
  accounts,
  client,
  connect,
  eventsOf,
  give,
  gone,
  oidOf,
  openCrowdedHouse,
  reveal,
  sessions,
  typesOf,
} from './attack.ts'

/*
 * Somebody is given an access, connects with the password that they are shown, and tries to stay. What
 * they left is taken away, or named where people look; what is not seen to be gone is not called gone.
 */
let house: House
let replica: Replica
let dba: Sql
/** Two that cannot be removed until somebody helps: begun first, so that they are stuck when it is their turn. */
let prepared: string
let elsewhere: string

beforeAll(async () => {
  house = await openCrowdedHouse({ settings: { ...carelessSettings, max_prepared_transactions: '5' } })
  replica = await house.startReplica()
  dba = house.targetDb
  await dba`create database bare template template0`
  prepared = await give(house, replica, 'e19', '1h')
  const first = await connect(house, replica, 'e19', prepared)
  await first.unsafe(`begin; select lo_create(4711); prepare transaction 'later'`)
  await first.end()
  elsewhere = await give(house, replica, 'e20', '1h')
  const second = await connect(house, replica, 'e20', elsewhere, { database: 'bare' })
  await second`select lo_create(4712)`
  await second.end()
  await replica.press('e19', 'done', prepared)
  await replica.press('e20', 'done', elsewhere)
})
afterAll(() => house?.close())

/** Ends it by the holder's own button, waits for the proof, and says what it left behind. */
async function end(who: string, id: string): Promise<unknown[]> {
  await replica.press(who, 'done', id)
  return provedGone(id)
}

async function provedGone(id: string): Promise<unknown[]> {
  await until(`${id} is closed`, async () => (await typesOf(house, id)).at(-1) === 'closed')
  expect(await accounts(house)).not.toContain(accountOf(id))
  const removed = (await eventsOf(house, id)).find(({ type }) => type === 'grant.removed')
  const left = (removed?.data.left ?? []) as { kind: string; what: string }[]
  return left.map(({ kind, what }) => `${kind} ${what}`)
}

/** What was said about a grant in its thread and on its card. */
async function said(id: string): Promise<string> {
  const rows = await house.db<{ content: string }[]>`
    select content from local_chat_messages where starts_with(key, ${`grant:${id}:`})`
  return rows.map(({ content }) => content).join('\n')
}

async function isTold(id: string, words: string): Promise<void> {
  await until(`“${words}” is in the thread of ${id}`, async () => (await said(id)).includes(words))
}

test('nobody sets the role that they hold, and a transaction that is held open ends with its access', async () => {
  const id = await give(house, replica, 'e1', '1h')
  const person = await connect(house, replica, 'e1', id)
  await expect(person`set role ledger_read`).rejects.toMatchObject({ code: '42501' })
  const oid = await oidOf(house, id)
  const open = person.begin(async (tx) => {
    await tx`select count(*) from payments`
    await tx`select pg_sleep(60)`
  })
  const outcome = open.then(
    () => 'went on',
    () => 'ended',
  )
  await until('the transaction is open', async () => (await sessions(house, oid)) === 1)
  expect(await end('e1', id)).toEqual([])
  expect([await outcome, await sessions(house, oid)]).toEqual(['ended', 0])
  await isTold(id, 'seen to be gone at')
  expect(await said(id)).not.toContain('Left behind')
})

test('a session that took a role by the DBA’s own grant is ended, and that grant is told', async () => {
  const id = await give(house, replica, 'e2', '1h')
  await dba.unsafe(`grant ledger_write to ${accountOf(id)} with set true`)
  const person = await connect(house, replica, 'e2', id)
  const oid = await oidOf(house, id)
  await person`set role ledger_write`
  await dba.unsafe(`revoke ledger_write from ${accountOf(id)}`)
  await person`update payments set status = 'stuck' where reference = 'INV-2060'`
  await dba.unsafe(`grant ledger_write to ${accountOf(id)} with set true`)
  const left = `foreign-grant ${accountOf(id)} held ledger_write, given by postgres, with SET: look at what ledger_write owns`
  expect(await end('e2', id)).toEqual([left])
  expect(await sessions(house, oid)).toBe(0)
  await expect(person`update payments set status = 'settled'`).rejects.toThrow()
  await isTold(id, `Left behind: ${left}`)
})

test('clients that connect again without pause leave nobody in there', async () => {
  const id = await give(house, replica, 'e3', '1h')
  const { password } = await reveal(replica, 'e3', id)
  const oid = await oidOf(house, id)
  let going = true
  let entered = 0
  const hammers = [1, 2, 3, 4].map(async () => {
    while (going) {
      const person = client(house, accountOf(id), password)
      await person`select pg_sleep(0.002)`.then(
        () => entered++,
        () => undefined,
      )
      await person.end({ timeout: 0 })
    }
  })
  await until('they come in', async () => entered > 20)
  expect(await end('e3', id)).toEqual([])
  expect(await sessions(house, oid)).toBe(0)
  going = false
  await Promise.all(hammers)
})

test('a session that hides its name is found and ended before the account is called removed', async () => {
  const id = await give(house, replica, 'e4', '1h')
  const { password } = await reveal(replica, 'e4', id)
  const hidden = client(house, accountOf(id), password, { connection: { options: '-c post_auth_delay=50' } })
  const asked = hidden`select count(*) from payments`.then(
    () => 'read',
    () => 'ended',
  )
  const hiding = () => dba`select from pg_stat_activity where state = 'starting' and usesysid is null`
  await until('it hides', async () => (await hiding()).length === 1)
  expect(await end('e4', id)).toEqual([])
  expect(await hiding()).toHaveLength(0)
  await hidden.end({ timeout: 0 })
  expect(await asked).toBe('ended')
})

test('a password of one’s own opens nothing after the end', async () => {
  const id = await give(house, replica, 'e5', '1h')
  const person = await connect(house, replica, 'e5', id)
  await person.unsafe(`alter role ${accountOf(id)} password 'mine'`)
  const own = client(house, accountOf(id), 'mine')
  expect(await own`select 1 as one`).toEqual([{ one: 1 }])
  expect(await end('e5', id)).toEqual([])
  const again = client(house, accountOf(id), 'mine')
  await expect(again`select 1`).rejects.toMatchObject({ code: '28P01' })
})

test('what was made in this database and in another is quarantined, listed and powerless', async () => {
  const id = await give(house, replica, 'e6', '1h')
  await dba.unsafe('create schema workshop; grant usage, create on schema workshop to public')
  const person = await connect(house, replica, 'e6', id)
  await person.unsafe(`create function workshop.peek() returns bigint language sql security definer
    as 'select count(*) from public.payments'`)
  expect(await dba`select workshop.peek() > 0 as works`).toEqual([{ works: true }])
  const there = await connect(house, replica, 'e6', id, { database: 'postgres' })
  await there`select lo_create(777)`
  const left = [
    'owned-object SECURITY DEFINER function workshop.peek() in database prod_db: now owned by countersign_quarantine',
    'owned-object large object 777 in database postgres: now owned by countersign_quarantine',
  ]
  expect(await end('e6', id)).toEqual(left)
  for (const one of left) await isTold(id, one)
  await expect(dba`select workshop.peek()`).rejects.toMatchObject({ code: '42501' })
})

test('a membership that somebody else gave is taken away and told', async () => {
  const id = await give(house, replica, 'e7', '1h')
  await dba.unsafe(`create role team_lead; grant ledger_write to team_lead with admin option;
    grant ledger_write to ${accountOf(id)} granted by team_lead`)
  const left = `foreign-grant ${accountOf(id)} held ledger_write, given by team_lead, with SET: look at what ledger_write owns`
  expect(await end('e7', id)).toEqual([left])
  await isTold(id, `Left behind: ${left}`)
})

test('an account that was renamed is not called removed, and is once it has its name again', async () => {
  const id = await give(house, replica, 'e8', '1h')
  await dba.unsafe(`alter role ${accountOf(id)} rename to innocent`)
  await replica.press('e8', 'done', id)
  await until('it fails', async () => (await typesOf(house, id)).includes('grant.attempt-failed'))
  await isTold(id, 'was renamed to innocent')
  expect(await typesOf(house, id)).not.toContain('grant.removed')
  await dba.unsafe(`alter role innocent rename to ${accountOf(id)}`)
  expect(await provedGone(id)).toEqual([])
})

test('what cannot be seen to be gone is told as stuck, never as removed, until somebody has helped', async () => {
  for (const [id, why] of [
    [prepared, "rollback prepared 'later'"],
    [elsewhere, 'prod-db/bare: the set-up is missing'],
  ] as const) {
    const stuck = async () => (await eventsOf(house, id)).find(({ type }) => type === 'grant.stuck')
    await until(`${id} is stuck`, async () => (await stuck()) !== undefined)
    expect((await stuck())?.data).toMatchObject({ escalatedTo: ['carla'], message: expect.stringContaining(why) })
    await isTold(id, 'Stuck: ')
    await until('compliance is told', async () => {
      const key = `grant:${id}:escalation:%:carla`
      return (await house.db`select from local_chat_messages where key like ${key}`).length === 1
    })
    expect(await typesOf(house, id)).not.toContain('grant.removed')
    expect(await said(id)).not.toContain('seen to be gone at')
  }
  await dba`rollback prepared 'later'`
  await dba`drop database bare`
  for (const id of [prepared, elsewhere]) {
    await provedGone(id)
    await isTold(id, 'seen to be gone at')
    await gone(house, id)
  }
  expect(await accounts(house)).toEqual([])
})
