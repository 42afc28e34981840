import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Db } from '../../src/db/transaction.ts'
import { macOf } from '../../src/record/event-mac.ts'
import { createRecord } from '../../src/record/record.ts'
import { canonicalJson, leafHash } from '../../src/record/verify.ts'
import { type LogVerdict, type VerifyOptions, verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import {
  append,
  asVandal,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from './record-fixture.ts'

const clock = createTestClock()
const signer = createTestSigner()
let db: RecordDatabase
let witness: FakeWitness
let replica: Replica

/** Two checkpoints over more than one tile, ended. */
beforeEach(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  const asked = { type: 'asked', data: { for: 'prod-db' }, private: { reason: 'the audit', 'ticket/no': 'INC-42' } }
  await append(db, 'a', 0, asked, 'approved', 'planned')
  replica = createReplica(db, { signer, witnesses: [witness], clock })
  replica.sealer.start()
  await replica.sealer.sealed('a', 3)
  await append(db, 'b', 0, ...Array.from({ length: 600 }, () => 'said'))
  replica.sealer.kick()
  await replica.sealer.sealed('b', 600)
  await replica.stop()
})
afterEach(() => db.drop())

const verifyOnce = (sql: Db, options: VerifyOptions) =>
  verifyLog(sql, db.keys.macKey, createWitnessed(signer.vkey, [witness]), options)

/** What is found must not depend on how it is read: in one go, or range by range on two threads. */
async function verify(sql: Db = db.app) {
  const verdict = await verifyOnce(sql, {})
  const { differences, ...rest } = await verifyOnce(sql, { threads: 2, range: 256 })
  expect({ ...rest, differences: sorted(differences) }).toEqual({
    ...verdict,
    differences: sorted(verdict.differences),
  })
  return verdict
}

function sorted(differences: LogVerdict['differences']) {
  return differences.map((difference) => JSON.stringify(difference)).sort()
}

test('an untouched record has no differences, whoever looks', async () => {
  const good = { ok: true, size: 603, witnesses: [{ witness: 'fake', size: 603 }], differences: [] }
  expect(await verify()).toEqual(good)
  expect(await verify(db.admin)).toEqual(good)
})

test('an empty record has no differences', async () => {
  const empty = await createRecordDatabase()
  const witnessed = createWitnessed(signer.vkey, [createFakeWitness()])
  expect(await verifyLog(empty.app, db.keys.macKey, witnessed)).toMatchObject({ ok: true, size: 0 })
  await empty.drop()
})

test('what waits for the sealer is no difference', async () => {
  await append(db, 'c', 0, 'asked')
  expect(await verify()).toMatchObject({ ok: true, size: 603 })
})

describe('each change is found and named', () => {
  const since = expect.any(Number)
  const changes: [string, (sql: Db) => Promise<unknown>, object][] = [
    [
      'a body',
      (sql) => sql`update event set body = replace(body, 'prod-db', 'mail') where stream = 'a' and seq = 1`,
      { what: 'body-changed', where: 'a #1, leaf 0', since },
    ],
    [
      'a body and its hash',
      (sql) => sql`update event set body = replace(body, '"said"', '"done"'),
        leaf_hash = sha256('\\x00'::bytea || convert_to(replace(body, '"said"', '"done"'), 'utf8')) where stream = 'b' and seq = 600`,
      { what: 'event-missing', where: 'leaf 602', since },
    ],
    [
      'a type',
      (sql) => sql`update event set type = 'denied' where stream = 'a' and seq = 2`,
      { what: 'column-changed', where: 'a #2, leaf 1', column: 'type', since },
    ],
    [
      'a time',
      (sql) => sql`update event set at = at + 1 where seq = 3 and stream = 'a'`,
      { what: 'column-changed', where: 'a #3, leaf 2', column: 'at', since },
    ],
    [
      'a sequence number',
      (sql) => sql`update event set seq = 9 where seq = 3 and stream = 'a'`,
      { what: 'column-changed', where: 'a #9, leaf 2', column: 'seq', since },
    ],
    [
      'an event stands there twice',
      async (sql) => {
        await sql`alter table event drop constraint event_by_leaf_hash`
        await sql`alter table event drop constraint event_place_in_stream`
        await sql`insert into event select * from event where stream = 'a' and seq = 2`
      },
      { what: 'event-doubled', where: 'a #2', since: null },
    ],
    [
      'an event that its writer made with the MAC key, and that is no event',
      async (sql) => {
        const leaf = leafHash('no JSON')
        const mac = macOf(db.keys.macKey, leaf)
        await sql`insert into event values ('odd', 1, 'said', 1, 0, 'no JSON', null, ${leaf}, ${mac})`
        await sql`insert into stream_head values ('odd', 1, ${leaf})`
        await sql`insert into event_pending (leaf_hash, at) values (${leaf}, 0)`
      },
      { what: 'body-malformed', where: 'odd #1, under no leaf', since: null },
    ],
    [
      'a stream that begins in the middle',
      async (sql) => {
        const { body, leaf, mac } = forgedStart(db.keys.macKey)
        await sql`insert into event values ('late', 2, 'said', 1, 0, ${body}, null, ${leaf}, ${mac})`
        await sql`insert into stream_head values ('late', 2, ${leaf})`
        await sql`insert into event_pending (leaf_hash, at) values (${leaf}, 0)`
      },
      { what: 'chain-broken', where: 'late #2', since: null },
    ],
    [
      'a MAC',
      (sql) => sql`update event set mac = sha256(mac) where stream = 'a' and seq = 2`,
      { what: 'mac-wrong', where: 'a #2, leaf 1', since },
    ],
    [
      'an event is deleted',
      (sql) => sql`delete from event where stream = 'b' and seq = 7`,
      { what: 'event-missing', where: 'leaf 9', since },
    ],
    [
      'a stream is deleted',
      (sql) => sql`delete from event where stream = 'a'`,
      { what: 'stream-missing', where: 'a, whose head stands at 3', since: null },
    ],
    [
      'a chain',
      (sql) => sql`update event set prev = sha256(prev) where stream = 'b' and seq = 300`,
      { what: 'chain-broken', where: 'b #300', since: null },
    ],
    [
      'a head',
      (sql) => sql`update stream_head set seq = 2 where stream = 'a'`,
      { what: 'head-differs', where: 'a ends at 3, its head stands at 2', since: null },
    ],
    [
      'a leaf',
      (sql) => sql`update leaf set leaf_hash = sha256(leaf_hash) where leaf_index = 5`,
      { what: 'event-missing', where: 'leaf 5', since },
    ],
    [
      'a leaf is deleted',
      (sql) => sql`delete from leaf where leaf_index = 5`,
      { what: 'leaf-missing', where: 'leaf 5', since },
    ],
    [
      'two leaves change places',
      (sql) => sql`update leaf l set leaf_hash = o.leaf_hash from leaf o
        where l.leaf_index = 10 and o.leaf_index = 11 and l.log = 1`,
      { what: 'checkpoint-differs', where: 'checkpoint of size 603', since },
    ],
    [
      'a private text is deleted',
      (sql) => sql`delete from private_text where path = 'reason'`,
      { what: 'text-missing', where: 'a #1, reason, leaf 0', since },
    ],
    [
      'a private text is deleted, and an event that is not ours says that it was erased',
      async (sql) => {
        await sql`delete from private_text where path = 'reason'`
        const data = { texts: [{ stream: 'a', seq: 1, paths: ['reason'] }] }
        const body = canonicalJson({ at: 0, data, prev: null, seq: 1, stream: 'erasure:E', type: 'texts.erased', v: 1 })
        const leaf = leafHash(body)
        await sql`insert into event values ('erasure:E', 1, 'texts.erased', 1, 0, ${body}, null, ${leaf}, ${leaf})`
      },
      { what: 'text-missing', where: 'a #1, reason, leaf 0', since },
    ],
    [
      'a private text is put under another name',
      (sql) => sql`update private_text set path = 'other' where path = 'ticket/no'`,
      { what: 'text-added', where: 'a #1, other, leaf 0', since },
    ],
    [
      'a tile',
      (sql) =>
        sql`update tile set hashes = set_byte(hashes, 40, (get_byte(hashes, 40) + 1) % 256) where level = 0 and tile_index = 1`,
      { what: 'tile-differs', where: 'tile 0/1, leaf 256', since },
    ],
    [
      'a tile above',
      (sql) => sql`update tile set hashes = set_byte(hashes, 0, (get_byte(hashes, 0) + 1) % 256) where level = 1`,
      { what: 'tile-differs', where: 'tile 1/0, leaf 0', since },
    ],
    [
      'a tile is deleted',
      (sql) => sql`delete from tile where level = 0 and tile_index = 0`,
      { what: 'tile-differs', where: 'tile 0/0, leaf 0', since },
    ],
    [
      'a checkpoint',
      (sql) => sql`update checkpoint set root = sha256(root) where size = 3`,
      { what: 'checkpoint-forged', where: 'checkpoint of size 3', since: null },
    ],
    [
      'a checkpoint is deleted',
      (sql) => sql`delete from checkpoint where size = 3`,
      { what: 'checkpoint-missing', where: 'checkpoint of size 3, which a witness confirmed', since },
    ],
    [
      'a checkpoint is added',
      (sql) => sql`insert into checkpoint select log, 100, root, note, at from checkpoint where size = 3`,
      { what: 'checkpoint-forged', where: 'checkpoint of size 100', since: null },
    ],
  ]

  test.each(changes)('%s', async (_, change, difference) => {
    // Two rows of a unique column cannot change places while the constraint stands.
    await db.admin`alter table leaf drop constraint leaf_of_event`
    await asVandal(db.admin, change)
    const verdict = await verify()
    expect(verdict.ok).toBe(false)
    expect(verdict.differences).toContainEqual(difference)
  })

  test('an event without a MAC of ours, and one that is kept from the sealer', async () => {
    const forger = createRecord({ ...db.keys, macKey: Buffer.alloc(32) })
    await append({ app: db.app, record: forger }, 'forged', 0, 'approved')
    await append(db, 'held back', 0, 'approved')
    await db.admin`delete from event_pending`
    expect((await verify()).differences).toEqual([
      { what: 'mac-wrong', where: 'forged #1, under no leaf', since: null },
      { what: 'never-sealed', where: 'held back #1, under no leaf', since: null },
    ])
  })

  test('an event that a leaf below zero keeps from the sealer', async () => {
    await append(db, 'hidden', 0, 'approved')
    await db.admin`insert into leaf select 1, -1, leaf_hash from event where stream = 'hidden'`
    await db.admin`delete from event_pending`
    expect((await verify()).differences).toEqual([
      { what: 'never-sealed', where: 'hidden #1, under no leaf', since: null },
    ])
    expect(await db.record.readStream(db.app, 'hidden')).toMatchObject([{ leafIndex: null }])
  })

  test('the tail is cut everywhere: the witness knows better', async () => {
    await asVandal(db.admin, async (sql) => {
      await sql`delete from event where stream = 'b'`
      await sql`delete from stream_head where stream = 'b'`
      await sql`delete from leaf where leaf_index > 2`
      await sql`delete from tile`
      await sql`delete from checkpoint where size > 3`
      await sql`delete from witness_receipt where size > 3`
    })
    expect(await verify()).toEqual({
      ok: false,
      size: 3,
      witnesses: [{ witness: 'fake', size: 603 }],
      differences: [{ what: 'witness-differs', where: 'witness fake confirmed 603 events, there are 3', since: null }],
    })
  })

  test('all is rewritten with our own keys: the witness knows better', async () => {
    const other = await createRecordDatabase()
    try {
      const rewritten = { ...other, keys: db.keys, record: createRecord(db.keys) }
      await append(rewritten, 'a', 0, 'asked', ...Array.from({ length: 602 }, () => 'approved'))
      const accomplice = createReplica(rewritten, { signer, witnesses: [createFakeWitness()], clock })
      accomplice.sealer.start()
      await accomplice.sealer.sealed('a', 603)
      await accomplice.stop()
      expect((await verify(other.app)).differences).toEqual([
        { what: 'witness-differs', where: 'witness fake, size 603', since: null },
      ])
    } finally {
      await other.drop()
    }
  })

  test('a note of another key in the witness', async () => {
    const stranger = createTestSigner()
    expect(await verifyLog(db.app, db.keys.macKey, createWitnessed(stranger.vkey, [witness]))).toMatchObject({
      ok: false,
      differences: expect.arrayContaining([expect.objectContaining({ what: 'witness-note-wrong' })]),
    })
  })
})

/** By a thief of the MAC key: no event before it, and yet not the first. */
function forgedStart(macKey: Buffer) {
  const body = canonicalJson({ stream: 'late', seq: 2, type: 'said', v: 1, at: 0, prev: null, data: {} })
  const leaf = leafHash(body)
  return { body, leaf, mac: macOf(macKey, leaf) }
}

test('it can be verified while it grows', async () => {
  const growing = createReplica(db, { signer, witnesses: [witness], clock })
  growing.sealer.start()
  let seq = 600
  const writing = (async () => {
    for (let round = 0; round < 40; round++) {
      await append(db, 'b', seq++, 'said')
      growing.sealer.kick()
    }
  })()
  for (let round = 0; round < 5; round++) expect(await verifyOnce(db.app, { range: 256 })).toMatchObject({ ok: true })
  await writing
  await vi.waitFor(async () => expect(await verifyOnce(db.app, {})).toMatchObject({ ok: true, size: 643 }))
  await growing.stop()
})
