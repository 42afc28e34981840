import { afterEach, beforeEach, expect, test } from 'vitest'
import { macOf } from '../../src/record/event-mac.ts'
import { buildEvidence } from '../../src/record/evidence.ts'
import { createRecord } from '../../src/record/record.ts'
import { canonicalJson, leafHash, verifyEvidence } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import {
  AT,
  append,
  asVandal,
  createRecordDatabase,
  createTestSigner,
  type RecordDatabase,
  sealUpTo,
} from './record-fixture.ts'

/*
 * What whoever stole a key can do with it, together with the whole database: what is seen, and by what; and what nobody
 * can see.
 */
const clock = createTestClock()
const signer = createTestSigner()
let db: RecordDatabase
let witness: FakeWitness

beforeEach(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  await append(db, 'a', 0, 'asked', 'approved', 'planned')
  await sealAll(db, witness, 3)
})
afterEach(() => db.drop())

const sealAll = (of: RecordDatabase, by: FakeWitness, seq: number, stream = 'a') =>
  sealUpTo(of, { signer, witnesses: [by], clock }, stream, seq)
const verify = (of = db, by = witness) => verifyLog(of.app, db.keys.macKey, createWitnessed(signer.vkey, [by]))
const evidenceOf = (of: RecordDatabase, by: FakeWitness, since: number[] = []) => {
  const witnessed = createWitnessed(signer.vkey, [by])
  return buildEvidence({ record: of.record, witnessed }, of.app, ['a'], { reveal: false, since })
}

test('the signing key alone: events that it seals without the MAC key are named', async () => {
  const forger = { ...db, keys: { ...db.keys, macKey: Buffer.alloc(32, 9) } }
  await append({ app: db.app, record: createRecord(forger.keys) }, 'forged', 0, 'approved')
  await sealAll(forger, witness, 1, 'forged')
  expect((await verify()).differences).toEqual([
    { what: 'mac-wrong', where: 'forged #1, leaf 3', since: expect.any(Number) },
  ])
})

test('the MAC key alone: a sealed event that is written anew does not fit its leaf', async () => {
  const body = canonicalJson({ at: AT, data: {}, prev: null, seq: 1, stream: 'a', type: 'denied', v: 1 })
  const leaf = leafHash(body)
  await asVandal(
    db.admin,
    (sql) => sql`
      update event set body = ${body}, type = 'denied', leaf_hash = ${leaf}, mac = ${macOf(db.keys.macKey, leaf)}
      where stream = 'a' and seq = 1`,
  )
  expect((await verify()).differences).toContainEqual(
    expect.objectContaining({ what: 'event-missing', where: 'leaf 0' }),
  )
})

test('the MAC key alone: an event that is added stands there for all to see, and cannot be told from a true one', async () => {
  await append(db, 'a', 3, 'approved')
  await sealAll(db, witness, 4)
  expect(await verify()).toMatchObject({ ok: true, size: 4 })
})

test('all keys, and not the witnesses: another past is not the one that they saw', async () => {
  const other = await createRecordDatabase()
  const rewritten = { ...other, keys: db.keys, record: createRecord(db.keys) }
  try {
    await append(rewritten, 'a', 0, 'asked', 'denied', 'planned')
    await sealAll(rewritten, createFakeWitness(), 3)
    expect((await verify(rewritten)).differences).toEqual([
      { what: 'witness-differs', where: 'witness fake, size 3', since: null },
    ])
  } finally {
    await other.drop()
  }
})

test('all keys and all witnesses: another past is seen by whoever kept a checkpoint, and by nobody else', async () => {
  const kept = witness.notes.at(-1) ?? ''
  await append(db, 'a', 3, 'ended')
  await sealAll(db, witness, 4)
  const genuine = JSON.stringify(await evidenceOf(db, witness, [3]))
  expect(verifyEvidence(genuine, { vkey: signer.vkey, earlier: [kept] }).verdict).toBe('verified')
  const other = await createRecordDatabase()
  const rewritten = { ...other, keys: db.keys, record: createRecord(db.keys) }
  const replaced = createFakeWitness()
  try {
    await append(rewritten, 'a', 0, 'asked', 'denied', 'planned', 'ended')
    await sealAll(rewritten, replaced, 4)
    expect(await verify(rewritten, replaced)).toMatchObject({ ok: true })
    const file = JSON.stringify(await evidenceOf(rewritten, replaced, [3]))
    expect(verifyEvidence(file, { vkey: signer.vkey }).verdict).toBe('verified')
    expect(verifyEvidence(file, { vkey: signer.vkey, earlier: [kept] })).toMatchObject({
      verdict: 'refused',
      reasons: [{ code: 'consistency-wrong' }],
    })
  } finally {
    await other.drop()
  }
})
