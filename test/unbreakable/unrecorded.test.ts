import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, type Replica, until } from '../support/house.ts'
import {
  accountOf,
  accounts,
  ask,
  connect,
  eventsOfStream,
  give,
  gone,
  named,
  oidOf,
  openCrowdedHouse,
  sessions,
  typesOf,
} from './attack.ts'

/*
 * The record cannot be written, or not even be read: a full disk, a server that only reads, a hand in
 * the database. New things wait. An access that is over is taken away all the same, and named.
 */
let house: House
let replica: Replica

beforeAll(async () => {
  house = await openCrowdedHouse()
  replica = await house.startReplica()
})
afterAll(() => house?.close())

async function given(who: string, duration: string) {
  const id = await give(house, replica, who, duration)
  const person = await connect(house, replica, who, id)
  await person`select 1`
  return { id, person, oid: await oidOf(house, id) }
}

test('an end that cannot be recorded is not put off, and is put on record when that can be done again', async () => {
  const { id, person, oid } = await given('e1', '3s')
  const other = await give(house, replica, 'e2', '1h')
  await house.db.unsafe(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the disk is full' using errcode = '53100'; end $$;
    create trigger refuse before insert on event for each row execute function refuse()`)
  await until('it is overdue, and the sweep has found it', async () => {
    await replica.sweep()
    return !(await accounts(house)).includes(accountOf(id))
  })
  expect(await sessions(house, oid)).toBe(0)
  await named(house, replica, 'orphan-access', id)
  await named(house, replica, 'orphan-not-recorded', id)
  expect(await accounts(house)).toEqual([accountOf(other)])
  await person.end({ timeout: 0 })

  await house.db.unsafe('drop trigger refuse on event; drop function refuse')
  await until('the proof is on record', async () => (await typesOf(house, id)).at(-1) === 'closed')
  await replica.press('e2', 'done', other)
  await gone(house, other)
})

test('an approval that is kept from the sealer waits, and is sealed once its place is found to be missing', async () => {
  await house.db.unsafe(`
    create function swallow() returns trigger language plpgsql as 'begin return null; end';
    create trigger swallow before insert on event_pending for each row execute function swallow()`)
  const id = await ask(replica, 'e5', '1h fix the ledger')
  await replica.press('marcus', 'approve', id)
  await house.db.unsafe('drop trigger swallow on event_pending; drop function swallow')
  await replica.sweep()
  expect(await accounts(house)).not.toContain(accountOf(id))
  await until('it is sealed and given', async () => {
    await replica.sweep()
    return (await typesOf(house, id)).includes('grant.active')
  })
  await named(house, replica, 'unsealed-events', id)
  await replica.press('e5', 'done', id)
  await gone(house, id)
})

/** How the record is kept from being read; each returns the way back. */
const unreadable: Record<string, () => Promise<() => Promise<unknown>>> = {
  'is gone': async () => {
    await house.db`alter table event rename to event_gone`
    return () => house.db`alter table event_gone rename to event`
  },
  'is locked for ever': async () => {
    const holder = await house.db.reserve()
    await holder.unsafe('begin; lock table event in access exclusive mode')
    return async () => {
      await holder`rollback`
      holder.release()
    }
  },
}

test.each(Object.entries(unreadable))(
  'when the record %s, the end that the target was told decides',
  async (how, keep) => {
    const [who, neighbour] = how === 'is gone' ? ['e3', 'e4'] : ['e6', 'e7']
    const { id, person, oid } = await given(String(who), '1h')
    const other = await give(house, replica, String(neighbour), '1h')
    // The target’s own expiry lies two minutes after the end: nobody waits for it here.
    await house.targetDb.unsafe(`alter role ${accountOf(id)} valid until '2020-01-01'`)
    const letGo = await keep()
    await replica.sweep()
    await gone(house, id)
    expect(await sessions(house, oid)).toBe(0)
    expect(await accounts(house)).toEqual([accountOf(other)])
    await letGo()
    await named(house, replica, 'orphan-access', id)
    await person.end({ timeout: 0 })
    await replica.press(String(neighbour), 'done', other)
    await gone(house, other)
    expect(await eventsOfStream(house.db, `grant:${other}`)).not.toEqual([])
  },
  120_000,
)
