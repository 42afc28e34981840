import { afterEach, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { buildEvidence } from '../../src/record/evidence.ts'
import { startNewOrigin } from '../../src/record/new-origin.ts'
import { createHandOverReader } from '../../src/record/read-hand-overs.ts'
import type { Signer } from '../../src/record/signer.ts'
import { KEYS_STREAM, SIGNER_APPOINTED, verifyEvidence } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
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
  sealUpTo,
} from './record-fixture.ts'

/*
 * The signing key is gone, and with it whoever could hand over. A person begins another log with another key: it works on,
 * and nothing that trusts the lost key trusts the new one.
 */
const OLD = 'test.example/log'
const NEW = 'test.example/log-2'
const [first, lost] = [createTestSigner(OLD), createTestSigner(OLD)]
const fresh = createTestSigner(NEW)
const clock = createTestClock()
let db: RecordDatabase
let sealer: ReturnType<typeof openDb>
let witness: FakeWitness
let keptEvidence: string

const oldWitnessed = (signer: Signer = lost) =>
  createWitnessed(signer.vkey, [witness], createHandOverReader(db.app, OLD))
const evidence = async (signer: Signer, stream = 'a') =>
  JSON.stringify(
    await buildEvidence(
      {
        record: db.record,
        witnessed: signer === fresh ? createWitnessed(fresh.vkey, [witness]) : oldWitnessed(signer),
      },
      db.app,
      [stream],
      { reveal: true },
    ),
  )
const start = (options: Partial<Parameters<typeof startNewOrigin>[0]> = {}) =>
  startNewOrigin({
    ...{ app: db.app, sealer, record: db.record, macKey: db.keys.macKey, signer: fresh },
    ...{ witnessed: createWitnessed(fresh.vkey, [witness]), by: 'ada', at: AT },
    lost: { vkey: first.vkey, reason: 'the token burned with the room' },
    ...options,
  })

/** A log that had been handed over once before its key was lost: three events signed, one more recorded. */
beforeEach(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  sealer = openDb(db.database.sealerUrl, { applicationName: 'operator', role: 'countersign_sealer', max: 1 })
  await append(db, 'a', 0, 'asked', 'approved')
  const replica = createReplica(db, { signer: first, nextSigner: lost, witnesses: [witness], clock })
  replica.sealer.start()
  await replica.sealer.sealed('a', 2)
  await append(db, KEYS_STREAM, 0, { type: SIGNER_APPOINTED, data: { by: 'ada', from: first.vkey, to: lost.vkey } })
  replica.sealer.kick()
  await replica.sealer.sealed(KEYS_STREAM, 1)
  await replica.stop()
  keptEvidence = await evidence(lost)
  await append(db, 'a', 2, 'active')
})
afterEach(async () => {
  await closeDb(sealer)
  await db.drop()
})

async function goOn(witnesses = [witness]) {
  const replica = await sealUpTo(db, { signer: fresh, witnesses, clock }, 'a', 3)
  expect(replica.alarms).toEqual([])
  return replica.witnessed
}
const verify = async () => verifyLog(db.app, db.keys.macKey, createWitnessed(fresh.vkey, [witness]))

test('another log begins with another key, says so first, and the old key vouches for what it signed and no more', async () => {
  const [lastNote] = witness.notes.slice(-1)
  expect(await start()).toMatchObject({ previousOrigin: OLD, vkey: fresh.vkey, carried: 3, lost: [] })
  await goOn()
  const [began, closed] = await db.record.readStream(db.app, `origin/${NEW}`)
  expect(began).toMatchObject({
    leafIndex: 0,
    data: {
      ...{ by: 'ada', previousOrigin: OLD, cause: 'key-lost', lostKey: lost.vkey, newKey: fresh.vkey },
      notes: [{ witness: 'fake', note: lastNote }],
      reason: { salted: expect.any(String) },
    },
    texts: { reason: 'the token burned with the room' },
  })
  expect(closed).toMatchObject({ type: 'closed' })
  expect(await db.record.readStream(db.app, 'system')).toMatchObject([{ data: { what: 'signing-key-lost' } }])

  expect(await verify()).toMatchObject({
    ...{ ok: true, differences: [] },
    before: { origin: OLD, lostKey: lost.vkey, by: 'ada', carried: { covered: 3, uncovered: 0 } },
  })
  for (const key of [first, lost]) {
    expect(verifyEvidence(keptEvidence, { vkey: key.vkey }).verdict).toBe('verified')
    expect(verifyEvidence(await evidence(fresh), { vkey: key.vkey })).toMatchObject({
      reasons: [{ code: 'key-differs' }],
    })
    // Also what is asked for only now, as far as that log came.
    expect(verifyEvidence(await evidence(key), { vkey: key.vkey })).toMatchObject({
      ...{ verdict: 'verified', events: [{ leafIndex: 0 }, { leafIndex: 1 }] },
    })
  }
  const now = verifyEvidence(await evidence(fresh, `origin/${NEW}`), { vkey: fresh.vkey })
  expect(now).toMatchObject({ verdict: 'verified', limits: [expect.stringContaining(`whoever trusts ${lost.vkey}`)] })
})

test('where a restore has cut the end too, it says how much; the lost key vouches for what it signed of the rest', async () => {
  const replica = createReplica(db, { signer: lost, witnesses: [witness], clock })
  replica.sealer.start()
  await replica.sealer.sealed('a', 3)
  await append(db, 'b', 0, 'asked', 'approved')
  replica.sealer.kick()
  await replica.sealer.sealed('b', 2)
  await replica.stop()
  await asVandal(db.admin, async (sql) => {
    await sql`delete from event where stream = 'b'`
    await sql`delete from stream_head where stream = 'b'`
    await sql`delete from leaf where leaf_index >= 4`
    await sql`delete from checkpoint where size > 4`
  })
  expect(await start()).toMatchObject({ carried: 4, lost: [], cut: 2 })
  await goOn()
  const carried = async () => {
    const { ok, before, differences } = await verify()
    return ok ? before?.carried : differences.map(({ what, where }) => `${what}: ${where}`)
  }
  expect(await carried()).toEqual({ covered: 4, uncovered: 0, lost: 2 })
  const gone =
    'not what it had signed (behind-witness) either: witnesses had confirmed 6 of its events, the database had 4'
  expect(verifyEvidence(await evidence(fresh), { vkey: fresh.vkey })).toMatchObject({
    ...{ verdict: 'verified', limits: [expect.stringContaining(gone)] },
  })
  expect(verifyEvidence(await evidence(lost), { vkey: lost.vkey })).toMatchObject({
    ...{ verdict: 'verified', checkpoint: { size: 4 }, events: [{ leafIndex: 0 }, { leafIndex: 1 }, { leafIndex: 3 }] },
  })

  await asVandal(db.admin, (sql) => sql`delete from checkpoint where log = 1 and size = 4`)
  expect(await carried()).toEqual({ covered: 3, uncovered: 1, lost: 2 })
  await asVandal(db.admin, (sql) => sql`update leaf set leaf_hash = sha256(leaf_hash) where log = 1 and leaf_index = 1`)
  expect(await carried()).toContain(`before-differs: the first 3 events of ${OLD}, which ${lost.vkey} signed`)
  await asVandal(db.admin, (sql) => sql`delete from leaf where log = 1 and leaf_index = 3`)
  expect(await carried()).toContain(`before-differs: ${OLD} has 3 events, and ${lost.vkey} signed 6`)
})

test('it is refused where the key is not lost, is not that of the log, or nobody outside holds what it signed', async () => {
  await expect(start({ lost: null })).rejects.toThrow('If it is lost, say so: --lost-key')
  await expect(start({ lost: { vkey: fresh.vkey, reason: 'gone' } })).rejects.toThrow(`is a key of ${NEW}`)
  await expect(start({ lost: { vkey: 'ssh-ed25519 AAAA', reason: 'gone' } })).rejects.toThrow('is no verifier key')
  const stranger = createTestSigner(OLD).vkey
  await expect(start({ lost: { vkey: stranger, reason: 'gone' } })).rejects.toThrow(`that ${stranger} did not sign`)
  const left = { by: 'ada', origin: NEW, previousOrigin: OLD, notes: [] }
  await append(db, `origin/${NEW}`, 0, { type: 'origin-started', data: left })
  await expect(start()).rejects.toThrow('was begun for another reason and not finished')
  witness.notes.splice(0)
  await expect(start()).rejects.toThrow('no witness holds a checkpoint')
  expect(await db.admin`select from log`).toHaveLength(1)
})

const killed = () => Promise.reject(new Error('killed'))
/** A session that dies when it begins its transaction. */
const dying = () => new Proxy(sealer, { get: (of, name) => (name === 'begin' ? killed : Reflect.get(of, name)) })

test.each([
  ['with its first event recorded', () => ({ sealer: dying() }), true],
  ['with its tree there and no signature', () => ({ signer: { ...fresh, sign: killed } }), false],
  ['before the second of two witnesses heard of it', () => ({}), false],
] as const)('killed %s, it goes on, once', async (_, part, again) => {
  const deaf = createFakeWitness('deaf')
  deaf.notes.push(...witness.notes)
  deaf.before = killed
  const witnesses = [witness, deaf]
  await expect(start({ ...part(), witnessed: createWitnessed(fresh.vkey, witnesses) })).rejects.toThrow('killed')
  deaf.before = async () => {}
  if (again) await start({ witnessed: createWitnessed(fresh.vkey, witnesses) })
  else await expect(start()).rejects.toThrow('has been used')
  await goOn(witnesses)
  expect(await verify()).toMatchObject({ ok: true, before: { carried: { covered: 3 } } })
  expect(await db.record.readStream(db.app, `origin/${NEW}`)).toMatchObject([{ leafIndex: 0 }, { type: 'closed' }])
  expect(await db.record.readStream(db.app, 'system')).toHaveLength(1)
})

test('somebody who has the database and the MAC key cannot pass their own past off as what the lost key signed', async () => {
  await start()
  await goOn()
  await asVandal(db.admin, (sql) => sql`update leaf set leaf_hash = sha256(leaf_hash) where log = 1 and leaf_index = 1`)
  expect((await verify()).differences.map(({ what, where }) => `${what}: ${where}`)).toEqual([
    `before-differs: leaf 1 of ${OLD}, which did not come along`,
    `before-differs: the first 3 events of ${OLD}, which ${lost.vkey} signed`,
  ])
})
