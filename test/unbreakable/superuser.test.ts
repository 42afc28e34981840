import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, type Replica, until } from '../support/house.ts'
import {
  accountOf,
  accounts,
  ask,
  connect,
  eventsOf,
  give,
  gone,
  insertJob,
  isUndisturbed,
  named,
  oidOf,
  openCrowdedHouse,
  sessions,
  typesOf,
} from './attack.ts'

/*
 * Somebody is superuser on the application's database, and writes what they like into its queues and
 * its folded tables. Nobody gets an access by it, nobody keeps one, each attempt is named.
 */
let house: House
let replica: Replica
/** Somebody else's grant, which nothing of this may disturb. */
let bystander: string

beforeAll(async () => {
  house = await openCrowdedHouse()
  replica = await house.startReplica()
  bystander = await give(house, replica, 'bo', '1h')
})
afterAll(() => house?.close())

test('a job for nothing, for a pending, a denied, a cancelled and an ended request gives nothing', async () => {
  const pending = await ask(replica, 'e1', '1h fix the ledger')
  const denied = await ask(replica, 'e2', '1h fix the ledger')
  await replica.submit('marcus', 'deny', denied, { reason: 'no' })
  const cancelled = await ask(replica, 'e3', '1h fix the ledger')
  await replica.press('e3', 'cancel', cancelled)
  const ended = await give(house, replica, 'e4', '1h')
  await replica.press('e4', 'done', ended)
  await gone(house, ended)
  await until('it is closed', async () => (await typesOf(house, ended)).includes('closed'))

  for (const kind of ['provision', 'extend', 'announce']) {
    for (const id of ['G-NEVER0', pending, denied, cancelled, ended]) await insertJob(house.db, kind, id)
  }
  await named(house, replica, 'provision-without-request', 'G-NEVER0')
  await named(house, replica, 'extend-without-request', 'G-NEVER0')
  for (const id of [pending, denied, cancelled, ended]) await named(house, replica, 'provision-without-approval', id)
  await until('all jobs were taken', async () => {
    const rows = await house.db`select from pgboss.job_common where state in ('created', 'active', 'retry')`
    return rows.length === 0
  })
  expect(await accounts(house)).toEqual([accountOf(bystander)])
  expect((await typesOf(house, pending)).at(-1)).toBe('request.asked')
  await isUndisturbed(house, replica, 'bo', bystander)
})

test('jobs that are deleted the moment they are written are made up for', async () => {
  await house.db.unsafe(`
    create function swallow() returns trigger language plpgsql as 'begin return null; end';
    create trigger swallow before insert on pgboss.job_common for each row execute function swallow()`)
  const id = await ask(replica, 'e5', '1h fix the ledger')
  await replica.press('marcus', 'approve', id)
  await house.db.unsafe('drop trigger swallow on pgboss.job_common; drop function swallow')
  expect(await accounts(house)).not.toContain(accountOf(id))
  await replica.sweep()
  await until('it is active', async () => (await typesOf(house, id)).includes('grant.active'))
  await until('people are told', async () => {
    const rows = await house.db`
      select from local_chat_messages where starts_with(key, ${`grant:${id}:`}) and content like '%seen to work%'`
    return rows.length === 1
  })
  await replica.press('e5', 'done', id)
  await gone(house, id)
})

const lies: Record<string, (id: string) => Promise<unknown>> = {
  'its end is deleted': (id) => house.db`update grant_state set next_due_at = null where id = ${id}`,
  'its end is far away': (id) => house.db`update grant_state set next_due_at = 9e15 where id = ${id}`,
  'its end is in the past': (id) => house.db`update grant_state set next_due_at = 1 where id = ${id}`,
  'it is said to be removed': (id) =>
    house.db`update grant_state set status = 'removed', next_due_at = null, open_for = null where id = ${id}`,
  'it is said to be ending': (id) =>
    house.db`update grant_state set status = 'ending', next_due_at = null where id = ${id}`,
  'it is said to be planned': (id) => house.db`update grant_state set status = 'planned' where id = ${id}`,
  'it is said to be somebody else’s': (id) =>
    house.db`update grant_state set for_identity = 'bo', open_for = 'bo', next_due_at = null where id = ${id}`,
  'it is said to be another’s right': (id) => house.db`update grant_state set entitlement = 'write' where id = ${id}`,
  'its row is deleted': (id) => house.db`delete from grant_state where id = ${id}`,
}

test('a grant of which a row lies ends in its time, whatever the lie, and each is named', async () => {
  const told = await Promise.all(
    Object.entries(lies).map(async ([lie, tell], number) => {
      const who = `e${number + 6}`
      const id = await give(house, replica, who, '20s')
      const person = await connect(house, replica, who, id)
      await person`select 1`
      return { lie, tell, id, person, oid: await oidOf(house, id) }
    }),
  )
  for (const { tell, id } of told) await tell(id)
  await replica.sweep()
  for (const { lie, id, oid, person } of told) {
    await named(house, replica, 'state-differs-from-record', id)
    await gone(house, id)
    await until(`${lie}: the proof is on record`, async () => (await typesOf(house, id)).at(-1) === 'closed')
    const events = await eventsOf(house, id)
    const due = events.find(({ type }) => type === 'grant.active')?.data.endsAt
    const endings = events.filter(({ type }) => type === 'grant.ending').map(({ data }) => data)
    expect({ lie, endings, sessions: await sessions(house, oid) }).toMatchObject({
      ...{ lie, sessions: 0 },
      endings: [{ cause: 'expired', due }],
    })
    await person.end({ timeout: 0 })
  }
})

test('rows of grants that nobody asked for do nothing, and are named', async () => {
  const rows = [
    { id: 'G-FA0001', status: 'active', due: 1 },
    { id: 'G-FA0002', status: 'planned', due: null },
    { id: 'G-FA0003', status: 'ending', due: null },
  ]
  for (const { id, status, due } of rows) {
    await house.db`
      insert into grant_state (id, seq, status, by_identity, for_identity, target, entitlement, asked_at, next_due_at, open_for)
      values (${id}, 7, ${status}, 'ana', 'ana', 'prod-db', 'read', 1, ${due}, 'ana')`
  }
  await replica.sweep()
  for (const { id } of rows) await named(house, replica, 'state-without-record', id)
  expect(
    await house.db`select distinct status, next_due_at, open_for from grant_state where starts_with(id, 'G-FA')`,
  ).toEqual([{ status: 'unknown', next_due_at: null, open_for: null }])
  // Nobody is kept from asking by such a row.
  const id = await ask(replica, 'ana', '1h fix the ledger')
  expect(rows.map((row) => row.id)).not.toContain(id)
  expect(await accounts(house)).toEqual([accountOf(bystander)])
})

test('what chat is said to have been told is told again, and nothing twice', async () => {
  const id = await ask(replica, 'e16', '1h fix the ledger')
  const said = () => house.db<{ key: string }[]>`
    select key from local_chat_messages where starts_with(key, ${`grant:${id}:`}) order by key`
  await until('it was announced', async () => {
    const rows = await house.db`select from announced where stream = ${`grant:${id}`}`
    return rows.length === 1
  })
  const before = await said()
  await house.db`delete from notice where stream = ${`grant:${id}`}`
  await house.db`insert into announced (stream, seq) values (${`grant:${id}`}, 900) on conflict (stream) do update set seq = 900`
  await replica.sweep()
  await named(house, replica, 'announced-ahead-of-record', id)
  await until('it is as it was', async () => {
    const [row] = await house.db`select from announced where stream = ${`grant:${id}`} and seq < 900 and seq > 0`
    return row !== undefined
  })
  expect(await said()).toEqual(before)
})

test('an act whose row was deleted or changed decides nothing twice', async () => {
  const id = await ask(replica, 'e17', '1h fix the ledger')
  const key = crypto.randomUUID()
  await replica.press('marcus', 'approve', id, key)
  await until('it is active', async () => (await typesOf(house, id)).includes('grant.active'))
  await house.db`delete from act where key = ${`local:${key}`}`
  expect(JSON.stringify(await replica.press('marcus', 'approve', id, key))).toContain('Too late')
  const approvals = (await typesOf(house, id)).filter((type) => type === 'request.approved')
  expect(approvals).toHaveLength(1)

  await house.db`update act set answer = set_byte(answer, 30, get_byte(answer, 30) # 1) where key = ${`local:${key}`}`
  expect(JSON.stringify(await replica.press('marcus', 'approve', id, key))).toContain('Something went wrong')
  expect(replica.log.some((line) => line.includes('an act failed') && line.includes('the seal does not hold'))).toBe(
    true,
  )
  await house.db`delete from identity_lock`
  await replica.press('e17', 'done', id)
  await gone(house, id)
})

test('a reveal link that was written into the table opens nothing, and no link opens another’s grant', async () => {
  const token = 'A'.repeat(80)
  await house.db`
    insert into reveal (token_hash, grant_id, identity_id, expires_at)
    values (${createHash('sha256').update(token).digest('hex')}, ${bystander}, 'bo', 9e15)`
  expect((await fetch(`${replica.url}/reveal/${token}`, { method: 'POST' })).status).toBe(404)

  const own = await give(house, replica, 'e18', '1h')
  const link = JSON.stringify(await replica.press('e18', 'connect', own))
  await house.db`update reveal set grant_id = ${bystander}, identity_id = 'bo' where grant_id = ${own}`
  const shown = await (await fetch(/"url":"([^"]+)"/.exec(link)?.[1] ?? '', { method: 'POST' })).text()
  expect(shown).toContain(accountOf(own))
  expect(shown).not.toContain(accountOf(bystander))
  await replica.press('e18', 'done', own)
  await gone(house, own)
})

test('a lane that is held for ever keeps no access', async () => {
  const id = await give(house, replica, 'e19', '2s')
  const holder = await house.db.reserve()
  await holder`select pg_advisory_lock(hashtextextended(${`holding:prod-db:${id}`}, 7240118))`
  await gone(house, id)
  await until('the proof is on record', async () => (await typesOf(house, id)).at(-1) === 'closed')
  await named(house, replica, 'lane-held', id)
  await holder`select pg_advisory_unlock_all()`
  holder.release()
})

/** Somebody locks what `sql` names and does not let go, until the answer is called. */
async function hold(sql: string): Promise<() => Promise<void>> {
  const holder = await house.db.reserve()
  await holder.unsafe(`begin; ${sql}`)
  return async () => {
    await holder.unsafe('rollback')
    holder.release()
  }
}

/** The ends of grants, and when their accounts were seen to be gone, each in ms after its end. */
async function lateness(ids: readonly string[]): Promise<number[]> {
  const seen = ids.map(async (id) => {
    const ends = (await eventsOf(house, id)).find(({ type }) => type === 'grant.active')?.data.endsAt
    await gone(house, id)
    return Date.now() - Number(ends)
  })
  return Promise.all(seen)
}

/** More than a slow machine needs, less than those would who wait for such a lock: two seconds together, then five alone. */
const HELD_UP_MS = 5_000

const held: Record<string, (id: string, who: string) => string> = {
  'its row': (id) => `select from grant_state where id = '${id}' for update`,
  'the head of its stream': (id) => `select from stream_head where stream = 'grant:${id}' for update`,
  'the row of its holder': (_id, who) => `select from identity_lock where id = '${who}' for update`,
}

test('a grant of which something is locked for ever ends all the same, and holds up no other', async () => {
  await Promise.all(
    Object.entries(held).map(async ([what, lock], number) => {
      const who = (n: number) => `e${21 + 3 * number + n}`
      const [locked, beside, later] = await Promise.all([
        give(house, replica, who(0), '10s'),
        give(house, replica, who(1), '10s'),
        give(house, replica, who(2), '14s'),
      ])
      const person = await connect(house, replica, who(0), locked)
      await person`select 1`
      const oid = await oidOf(house, locked)
      const letGo = await hold(lock(locked, who(0)))
      const [, ...others] = await lateness([locked, beside, later])
      expect({ what, late: Math.max(...others) > HELD_UP_MS }).toEqual({
        ...{ what, late: false },
      })
      expect(await sessions(house, oid)).toBe(0)
      await letGo()
      await until(`${what}: its end is on record`, async () => (await typesOf(house, locked)).at(-1) === 'closed')
      await person.end({ timeout: 0 })
    }),
  )
})

test('a table that is locked for ever keeps no access', async () => {
  const id = await give(house, replica, 'e31', '3s')
  const letGo = await hold('lock table grant_state in access exclusive mode')
  await gone(house, id)
  await named(house, replica, 'orphan-access', id)
  await letGo()
  await until('its end is on record', async () => (await typesOf(house, id)).at(-1) === 'closed')
})

test('a queue that is gone holds up no ending', async () => {
  const id = await give(house, replica, 'e20', '3s')
  await house.db`alter schema pgboss rename to pgboss_gone`
  await gone(house, id)
  await until('the proof is on record', async () => (await typesOf(house, id)).at(-1) === 'closed')
  await house.db`alter schema pgboss_gone rename to pgboss`
  await named(house, replica, 'queue-broken', id)
  await isUndisturbed(house, replica, 'bo', bystander)
})

test('and the grant of somebody else still ends as asked', async () => {
  await isUndisturbed(house, replica, 'bo', bystander)
  await replica.press('bo', 'done', bystander)
  await gone(house, bystander)
  await until('it is closed', async () => (await typesOf(house, bystander)).at(-1) === 'closed')
  expect(await accounts(house)).toEqual([])
})
