import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/transaction.ts'
import { openStreams } from '../../src/record/find-streams.ts'
import { readWitnessed } from '../../src/record/read-witnessed.ts'
import { createRecord } from '../../src/record/record.ts'
import { RecordTampered } from '../../src/record/recorded-event.ts'
import { eventsSince, recordStatus } from '../../src/record/watch.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import {
  AT,
  append,
  asVandal,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from './record-fixture.ts'

const signer = createTestSigner()
let db: RecordDatabase
let witnesses: [FakeWitness, FakeWitness]
let replica: Replica

beforeEach(async () => {
  db = await createRecordDatabase()
  witnesses = [createFakeWitness('one'), createFakeWitness('two')]
  await append(db, 'noise', 0, ...Array.from({ length: 520 }, () => 'said'))
  await append(db, 'request/1', 0, { type: 'asked', data: {}, private: { reason: 'fix ledger' } }, 'approved')
  replica = createReplica(db, { signer, witnesses, clock: createTestClock() })
  replica.sealer.start()
  await replica.sealer.sealed('request/1', 2)
})
afterEach(async () => {
  await replica.stop()
  await db.drop()
})

/** What the replica that seals reads, and what another one does. */
const readers = {
  'where it is sealed': () => replica.witnessed,
  'on another replica': () => createWitnessed(signer.vkey, witnesses),
}
const read = (stream: string, witnessed = replica.witnessed) =>
  readWitnessed({ record: db.record, witnessed }, db.app, stream)

describe.each(Object.entries(readers))('%s', (_, witnessed) => {
  test('what every witness confirmed is proved', async () => {
    const { proved, waiting, checkpoint } = await read('request/1', witnessed())
    expect(proved.map(({ type, texts }) => [type, texts])).toEqual([
      ['asked', { reason: 'fix ledger' }],
      ['approved', {}],
    ])
    expect(waiting).toEqual([])
    expect(checkpoint?.checkpoint.size).toBe(522)
  })

  test('what one witness has not confirmed waits', async () => {
    witnesses[1].before = () => Promise.reject(new Error('the network is away'))
    await append(db, 'request/1', 2, 'extended')
    replica.sealer.kick()
    await expect.poll(() => witnesses[0].notes.length).toBe(2)
    const { proved, waiting, checkpoint } = await read('request/1', witnessed())
    expect([proved.length, waiting.map(({ type }) => type)]).toEqual([2, ['extended']])
    expect(checkpoint).toMatchObject({ witness: 'two', checkpoint: { size: 522 } })
  })

  test('what is not sealed waits, and an unknown stream is empty', async () => {
    await replica.sealer.stop()
    await append(db, 'request/1', 2, 'extended')
    expect(await read('request/1', witnessed())).toMatchObject({
      proved: [{ seq: 1 }, { seq: 2 }],
      waiting: [{ seq: 3 }],
    })
    expect(await read('request/9', witnessed())).toMatchObject({ proved: [], waiting: [] })
  })

  test('receipts in the database count for nothing', async () => {
    witnesses[0].before = witnesses[1].before = () => Promise.reject(new Error('the network is away'))
    await append(db, 'request/2', 0, 'asked', 'approved')
    replica.sealer.kick()
    await expect.poll(() => db.admin`select from leaf where leaf_index = 523`).toHaveLength(1)
    await db.admin`insert into witness_receipt select 1, 524, w, 0 from unnest(array['one', 'two']) as w`
    expect(await read('request/2', witnessed())).toMatchObject({ proved: [], waiting: [{ seq: 1 }, { seq: 2 }] })
  })

  test('a leaf index that points elsewhere proves nothing', async () => {
    await db.admin`alter table leaf drop constraint leaf_of_event`
    await asVandal(db.admin, async (sql) => {
      await sql`delete from leaf where leaf_index = 521`
      await sql`update leaf set leaf_hash = (select leaf_hash from event where stream = 'request/1' and seq = 2) where leaf_index = 5`
    })
    await expect(read('request/1', witnessed())).rejects.toThrow(RecordTampered)
  })

  test('a changed tile proves nothing', async () => {
    await db.admin`update tile set hashes = set_byte(hashes, 0, (get_byte(hashes, 0) + 1) % 256) where level = 1`
    await expect(read('request/1', witnessed())).rejects.toThrow(RecordTampered)
  })

  test('a tree that was cut short of what was confirmed proves nothing, even of what is left', async () => {
    await asVandal(db.admin, (sql) => sql`delete from leaf where leaf_index = 521`)
    await db.admin`delete from tile where level = 0`
    await expect(read('noise', witnessed())).rejects.toThrow(RecordTampered)
  })

  test.each([
    ['is gone', (sql: Db) => sql`delete from event where stream = 'request/1' and seq = 3`],
    [
      'hides in another stream',
      (sql: Db) => sql`update event set stream = 'x', seq = 1 where stream = 'request/1' and seq = 3`,
    ],
    [
      'is gone, with its leaf given to another',
      async (sql: Db) => {
        await sql`delete from event where stream = 'request/1' and seq = 3`
        await sql`alter table leaf drop constraint leaf_of_event`
        await sql`update leaf set leaf_hash = (select leaf_hash from leaf where leaf_index = 1) where leaf_index = 522`
      },
    ],
  ])('an approval whose withdrawal %s proves nothing, also to who never saw it', async (_, cut) => {
    await append(db, 'request/1', 2, 'withdrawn')
    await append(db, 'noise', 520, ...Array.from({ length: 300 }, () => 'said'))
    await append(db, 'other', 0, 'said')
    replica.sealer.kick()
    await replica.sealer.sealed('other', 1)
    expect(await db.record.readStream(db.app, 'request/1')).toHaveLength(3)
    await asVandal(db.admin, async (sql) => {
      await cut(sql)
      await sql`update stream_head set seq = 2, hash = (select leaf_hash from event where stream = 'request/1' and seq = 2)
        where stream = 'request/1'`
    })
    const newcomer = { record: createRecord(db.keys), witnessed: witnessed() }
    await expect(readWitnessed(newcomer, db.app, 'request/1')).rejects.toThrow(RecordTampered)
    expect((await readWitnessed(newcomer, db.app, 'other')).proved).toHaveLength(1)
    // Who read it before needs no proof.
    await expect(db.record.readStream(db.app, 'request/1')).rejects.toMatchObject({
      fault: 'it was sealed, and now the stream ends at 2',
    })
  })

  test('an approval in the place of a withdrawal that was deleted proves nothing', async () => {
    await append(db, 'request/1', 2, 'withdrawn')
    replica.sealer.kick()
    await replica.sealer.sealed('request/1', 3)
    await asVandal(db.admin, (sql) => sql`delete from event where stream = 'request/1' and seq = 3`)
    await db.admin`update stream_head set seq = 2, hash = (
      select leaf_hash from event where stream = 'request/1' and seq = 2) where stream = 'request/1'`
    const newcomer = { app: db.app, record: createRecord(db.keys) }
    await append(newcomer, 'request/1', 2, 'approved')
    replica.sealer.kick()
    await expect.poll(() => db.admin`select from leaf where leaf_index = 523`).toHaveLength(1)
    await expect(readWitnessed({ ...newcomer, witnessed: witnessed() }, db.app, 'request/1')).rejects.toMatchObject({
      seq: 1,
      fault: expect.stringContaining('leaf 522 may hold another event of it'),
    })
  })

  test('an approval that was written into the tables is not read', async () => {
    await asVandal(
      db.admin,
      (sql) => sql`
      insert into event select stream, 3, 'approved', v, at, replace(body, '"seq":2', '"seq":3'), leaf_hash,
        sha256('\\x00'::bytea || convert_to(replace(body, '"seq":2', '"seq":3'), 'utf8')), mac
      from event where stream = 'request/1' and seq = 2`,
    )
    await expect(read('request/1', witnessed())).rejects.toMatchObject({ fault: 'mac-wrong', seq: 3 })
  })
})

test('a witness that cannot be asked is an error on a replica that does not seal', async () => {
  witnesses[0].isReachable = false
  await expect(read('request/1', readers['on another replica']())).rejects.toMatchObject({
    code: 'WITNESS_UNREACHABLE',
  })
  expect((await read('request/1')).proved).toHaveLength(2)
})

test('streams that began and did not end are found among the events', async () => {
  for (const [stream, types] of Object.entries({
    'grant/1': ['planned', 'active', 'removed'],
    'grant/2': ['planned', 'active'],
    'grant/3': ['planned', 'active', 'active', 'failed'],
    'grant/4': ['planned'],
    'grant/5': ['active'],
    'other/1': ['active'],
  })) {
    await append(db, stream, 0, ...types)
  }
  const open = { prefix: 'grant/', startedBy: 'active', notEndedBy: ['removed', 'failed'] }
  expect(await openStreams(db.app, open)).toEqual(['grant/2', 'grant/5'])
  expect(await openStreams(db.app, { ...open, prefix: '' })).toEqual(['grant/2', 'grant/5', 'other/1'])
  expect(await openStreams(db.app, { ...open, notEndedBy: [] })).toEqual(['grant/1', 'grant/2', 'grant/3', 'grant/5'])
})

test('the newest events and those after a leaf are seen, sealed or waiting', async () => {
  await replica.sealer.stop()
  await append(db, 'request/2', 0, 'asked')
  const newest = await eventsSince(db.app, { after: null, limit: 3 })
  expect(newest.map(({ stream, seq, leafIndex }) => [stream, seq, leafIndex])).toEqual([
    ['noise', 520, 519],
    ['request/1', 1, 520],
    ['request/1', 2, 521],
    ['request/2', 1, null],
  ])
  const since = await eventsSince(db.app, { after: 520, limit: 10 })
  expect(since.map(({ leafIndex }) => leafIndex)).toEqual([521, null])
})

test('the status counts what is under the tree, what waits and what was refused', async () => {
  await replica.sealer.stop()
  await append(db, 'request/2', 0, 'asked')
  await db.admin`insert into quarantine (what, why, at) values ('x', 'y', 0)`
  expect(await recordStatus(db.app)).toEqual({
    size: 522,
    checkpoint: { size: 522, root: expect.any(String), at: expect.any(Number) },
    pending: 1,
    oldestPendingAt: AT,
    quarantined: 1,
  })
})

test('a new database has a status too', async () => {
  const empty = await createRecordDatabase()
  expect(await recordStatus(empty.app)).toMatchObject({ size: 0, checkpoint: null, pending: 0, oldestPendingAt: null })
  expect(await eventsSince(empty.app, { after: null, limit: 10 })).toEqual([])
  expect(await read('request/1')).toMatchObject({ waiting: [] })
  await empty.drop()
})

test('a record without a witness, or with two of one name, is refused', () => {
  expect(() => createWitnessed(signer.vkey, [])).toThrow('needs a witness')
  expect(() => createWitnessed(signer.vkey, [witnesses[0], witnesses[0]])).toThrow('the same name')
})
