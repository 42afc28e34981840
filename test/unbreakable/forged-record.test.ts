import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Tx } from '../../src/db/transaction.ts'
import { parseMacKey } from '../../src/record/key-files.ts'
import { parseSigningKey } from '../../src/record/signer.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createFileWitness } from '../../src/witness/file-witness.ts'
import { countersign } from '../support/command-line.ts'
import { type House, type Replica, until } from '../support/house.ts'
import {
  accountOf,
  accounts,
  ask,
  connect,
  cutTail,
  eventsOfStream,
  forge,
  give,
  gone,
  insertJob,
  isUndisturbed,
  named,
  oidOf,
  openCrowdedHouse,
  sessions,
  typesOf,
  vandalise,
} from './attack.ts'

/*
 * Somebody is superuser on the application's database, takes the triggers away and writes into the
 * record itself. They lack the keys. What is not proved gives nothing; an access of which the record
 * was changed is taken away; those of others go on.
 */
let house: House
let replica: Replica
let bystander: string

beforeAll(async () => {
  house = await openCrowdedHouse()
  replica = await house.startReplica()
  bystander = await give(house, replica, 'bo', '1h')
})
afterAll(() => house?.close())

test('an approval, and an access, that were written without the key give nothing', async () => {
  const approved = await ask(replica, 'e1', '1h fix the ledger')
  const active = await ask(replica, 'e2', '1h fix the ledger')
  const invented = 'G-FA0001'
  const soon = Date.now() + 3_600_000
  await vandalise(house.db, async (tx) => {
    await forge(tx, `grant:${approved}`, 'request.approved', { by: ['marcus'], policy: 'x', usableUntil: soon })
    await forge(tx, `grant:${active}`, 'request.approved', { by: ['marcus'], policy: 'x', usableUntil: soon })
    const data = { account: accountOf(active), activatedAt: 1, endsAt: soon, nativeExpiry: soon, checks: [] }
    await forge(tx, `grant:${active}`, 'grant.active', data)
    await forge(tx, `grant:${invented}`, 'request.asked', {
      by: 'e3',
      for: 'e3',
      target: 'prod-db',
      entitlement: 'read',
    })
    await tx`update grant_state set status = 'planned' where id in (${approved}, ${active})`
  })
  for (const id of [approved, active, invented]) await insertJob(house.db, 'provision', id)
  for (const id of [approved, active, invented]) await named(house, replica, 'record-tampered', id)
  await named(house, replica, 'forged-pending')
  await replica.sweep()
  expect(await accounts(house)).toEqual([accountOf(bystander)])
  expect(JSON.stringify(await replica.press('marcus', 'approve', approved))).toContain('Something went wrong')
  // They may ask again: what was done to their first request is not their fault.
  expect(await ask(replica, 'e1', '1h fix the ledger')).not.toBe(approved)
  await isUndisturbed(house, replica, 'bo', bystander)
})

const changes: Record<string, (tx: Tx, stream: string, id: string) => Promise<unknown>> = {
  'hidden behind a forged end of its stream': async (tx, stream, id) => {
    await forge(tx, stream, 'closed', { count: 9 })
    await tx`delete from event_pending`
    await tx`update grant_state set status = 'removed', next_due_at = null, open_for = null where id = ${id}`
  },
  'given a later end in its body': (tx, stream) => tx`
    update event set body = regexp_replace(body, '"endsAt":\\d+', '"endsAt":9000000000000')
    where stream = ${stream} and type = 'grant.active'`,
  'given a later end, with a leaf hash that fits': (tx, stream) => tx`
    update event set
      body = regexp_replace(body, '"endsAt":\\d+', '"endsAt":9000000000000'),
      leaf_hash = sha256('\\x00'::bytea || convert_to(regexp_replace(body, '"endsAt":\\d+', '"endsAt":9000000000000'), 'UTF8'))
    where stream = ${stream} and type = 'grant.active'`,
  'said to be over by a column': (tx, stream) => tx`
    update event set type = 'closed' where stream = ${stream} and type = 'grant.active'`,
  'moved in time by a column': (tx, stream) => tx`
    update event set at = at + 1 where stream = ${stream} and type = 'grant.active'`,
  'given another MAC': (tx, stream) => tx`
    update event set mac = sha256(mac) where stream = ${stream} and type = 'request.asked'`,
  'given another reason': (tx, stream) => tx`
    update private_text set sealed = sha256(sealed) where leaf_hash in (select leaf_hash from event where stream = ${stream})`,
  'robbed of its head': (tx, stream) => tx`delete from stream_head where stream = ${stream}`,
  'robbed of an event in the middle': (tx, stream) => tx`delete from event where stream = ${stream} and seq = 2`,
  'robbed of its end, as if it were not yet given': (tx, _, id) => cutTail(tx, id, 'grant.active', 'providing'),
  'robbed of its end, as if it were only approved': (tx, _, id) => cutTail(tx, id, 'grant.providing', 'planned'),
  'robbed of its whole stream': async (tx, stream, id) => {
    await tx`delete from event where stream = ${stream}`
    await tx`delete from stream_head where stream = ${stream}`
    await tx`delete from grant_state where id = ${id}`
  },
}

test('an access of which the record was changed is taken away, its live sessions too, and named', async () => {
  const victims = await Promise.all(
    Object.entries(changes).map(async ([how, change], number) => {
      const who = `e${number + 4}`
      const id = await give(house, replica, who, '1h')
      const person = await connect(house, replica, who, id)
      await person`select 1`
      return { how, change, id, person, oid: await oidOf(house, id) }
    }),
  )
  // What was proved once is not taken for cut while it is still sealed.
  await until('all is sealed', async () => (await house.db`select from event_pending`).length === 0)
  await replica.sweep()
  for (const { id } of victims) expect(await typesOf(house, id)).not.toContain('grant.ending')

  for (const { change, id } of victims) await vandalise(house.db, (tx) => change(tx, `grant:${id}`, id))
  await replica.sweep()
  for (const { how, id, oid, person } of victims) {
    await gone(house, id)
    await named(house, replica, 'record-tampered', id)
    await named(house, replica, 'orphan-access', id)
    await until(`${how}: its end is on record`, async () => {
      const facts = await eventsOfStream(house.db, `orphan:${id}`)
      return facts.some(({ type }) => type === 'orphan.removed')
    })
    expect({ how, sessions: await sessions(house, oid) }).toEqual({ how, sessions: 0 })
    await person.end({ timeout: 0 })
  }
  expect(await accounts(house)).toEqual([accountOf(bystander)])
  await isUndisturbed(house, replica, 'bo', bystander)
})

test('what a grant was tampered with does not hold up what falls due at the same time', async () => {
  const [tampered, other] = await Promise.all([give(house, replica, 'e16', '2s'), give(house, replica, 'e17', '2s')])
  await vandalise(
    house.db,
    (tx) => tx`update event set mac = sha256(mac) where stream = ${`grant:${tampered}`} and seq = 1`,
  )
  await gone(house, tampered)
  await gone(house, other)
  await until('the proof is on record', async () => (await typesOf(house, other)).at(-1) === 'closed')
  await named(house, replica, 'record-tampered', tampered)
})

test('a policy that was activated without the key decides nothing, and holds no ending, also after a restart', async () => {
  const ending = await give(house, replica, 'e18', '4s')
  const pending = await ask(replica, 'e19', '1h fix the ledger')
  await vandalise(house.db, (tx) => forge(tx, 'policy', 'policy.activated', { policy: 'f'.repeat(64), by: 'carla' }))
  expect(JSON.stringify(await replica.press('marcus', 'approve', pending))).toContain('No decision can be taken here')
  await named(house, replica, 'record-tampered')
  expect(replica.log.some((line) => line.includes('policy #') && line.includes('mac-wrong'))).toBe(true)

  await replica.stop()
  replica = await house.startReplica()
  await gone(house, ending)
  await until('the proof is on record', async () => (await typesOf(house, ending)).at(-1) === 'closed')
  expect(JSON.stringify(await replica.press('marcus', 'approve', pending))).toContain('No decision can be taken here')

  await vandalise(house.db, async (tx) => {
    await tx`delete from event where stream = 'policy' and type = 'policy.activated' and seq > 2`
    await tx`update stream_head set (seq, hash) = (select seq, leaf_hash from event where stream = 'policy' and seq = 2)
      where stream = 'policy'`
  })
  expect(JSON.stringify(await replica.press('marcus', 'approve', pending))).toContain('Approved')
  // Events are gone that may have been policies: which one is in force, a person has to say.
  await until('it is said why', async () => replica.log.some((line) => line.includes('may hold another event of it')))
  expect(await accounts(house)).not.toContain(accountOf(pending))
  await sayWhichPolicy()
  await until('it is active', async () => (await typesOf(house, pending)).includes('grant.active'))
  await replica.press('e19', 'done', pending)
  await gone(house, pending)
  await isUndisturbed(house, replica, 'bo', bystander)
})

test('whoever deletes the policies cannot put one in by a restart', async () => {
  const pending = await ask(replica, 'e3', '1h fix the ledger')
  await replica.stop()
  await house.db`create table kept_event as select * from event where stream = 'policy'`
  await house.db`create table kept_head as select * from stream_head where stream = 'policy'`
  await vandalise(house.db, async (tx) => {
    await tx`delete from event where stream = 'policy'`
    await tx`delete from stream_head where stream = 'policy'`
  })
  replica = await house.startReplica()
  expect(JSON.stringify(await replica.press('marcus', 'approve', pending))).toContain('No decision can be taken here')
  expect(await eventsOfStream(house.db, 'policy')).toEqual([])
  await replica.stop()
  await vandalise(house.db, async (tx) => {
    await tx`insert into event select * from kept_event`
    await tx`insert into stream_head select * from kept_head`
    await tx`drop table kept_event, kept_head`
  })
  replica = await house.startReplica()
  expect(JSON.stringify(await replica.submit('marcus', 'deny', pending, { reason: 'no' }))).toContain('Denied')
})

test('a stream of the house that takes no more events stops no process, and nothing goes unsaid', async () => {
  const ending = await give(house, replica, 'e20', '8s')
  await replica.stop()
  const streams = ['system', `orphan:${ending}`]
  await vandalise(house.db, async (tx) => {
    await tx`delete from stream_head where stream = 'system'`
    await forge(tx, `orphan:${ending}`, 'orphan.removed', {})
    await tx`delete from stream_head where stream = ${`orphan:${ending}`}`
    await tx`update event set mac = sha256(mac) where stream = ${`grant:${ending}`} and seq = 1`
  })
  replica = await house.startReplica()
  await gone(house, ending)
  await until('the facts are beside', async () => {
    const rows = await house.db<{ type: string }[]>`
      select distinct type from event where stream like any(${streams.map((stream) => `${stream}:beside:%`)}) order by 1`
    return rows.map(({ type }) => type).join() === 'orphan.found,orphan.removed,system.alarm,system.started'
  })
})

test('a withdrawal that was deleted while nobody ran brings no access back', async () => {
  // The target takes nobody in: the approval waits.
  await house.targetDb`alter role countersign_bot createdb`
  const id = await ask(replica, 'ana', '1h fix the ledger')
  await replica.press('marcus', 'approve', id)
  await until('it waits', async () => (await typesOf(house, id)).includes('grant.attempt-failed'))
  await replica.press('ana', 'cancel', id)
  await until('all is sealed', async () => (await house.db`select from event_pending`).length === 0)
  await replica.stop()
  await vandalise(house.db, (tx) => cutTail(tx, id, 'request.cancelled', 'planned'))
  await house.targetDb`alter role countersign_bot nocreatedb`
  replica = await house.startReplica()
  await replica.sweep()
  await named(house, replica, 'record-tampered', id)
  expect(await accounts(house)).toEqual([accountOf(bystander)])
})

test('an access whose activation was deleted while nobody ran gets its time no second time', async () => {
  await sayWhichPolicy()
  const id = await give(house, replica, 'e20', '1h')
  const person = await connect(house, replica, 'e20', id)
  await person`select 1`
  const oid = await oidOf(house, id)
  await until('all is sealed', async () => (await house.db`select from event_pending`).length === 0)
  await replica.stop()
  await vandalise(house.db, (tx) => cutTail(tx, id, 'grant.active', 'providing'))
  replica = await house.startReplica()
  await replica.sweep()
  await named(house, replica, 'record-tampered', id)
  await gone(house, id)
  expect(await sessions(house, oid)).toBe(0)
  await person.end({ timeout: 0 })
})

async function sayWhichPolicy(): Promise<void> {
  const said = await countersign(['policy', 'activate', house.file('policy.yaml'), '--as', 'carla'], house.environment)
  expect(said).toMatchObject({ code: 0, err: expect.stringContaining('rests on your word') })
}

test('whoever verifies the whole record is shown each of these', async () => {
  await until('all is sealed', async () => (await house.db`select from event_pending`).length === 0)
  const signer = parseSigningKey(await readFile(house.file('signing.pem'), 'utf8'), 'test.example/log')
  const witness = createFileWitness({ path: house.file('witness'), administeredBy: 'the test' })
  const macKey = parseMacKey(await readFile(house.file('mac.hex'), 'utf8'))
  const { differences } = await verifyLog(house.db, macKey, createWitnessed(signer.vkey, [witness]))
  const kinds = new Set(differences.map(({ what }) => what))
  expect([...kinds].sort()).toEqual([
    ...['body-changed', 'chain-broken', 'column-changed', 'event-missing', 'head-differs', 'mac-wrong', 'text-added'],
  ])
})

test('and the grant of somebody else still ends as asked', async () => {
  await isUndisturbed(house, replica, 'bo', bystander)
  await replica.press('bo', 'done', bystander)
  await gone(house, bystander)
  await until('it is closed', async () => (await typesOf(house, bystander)).at(-1) === 'closed')
})
