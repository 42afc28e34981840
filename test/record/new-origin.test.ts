import { afterEach, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { HOUR } from '../../src/domain/duration.ts'
import { buildEvidence } from '../../src/record/evidence.ts'
import { newSigningKey } from '../../src/record/key-files.ts'
import { NewOriginRefused, startNewOrigin } from '../../src/record/new-origin.ts'
import { planPopulation } from '../../src/record/plan-population.ts'
import { readWitnessed } from '../../src/record/read-witnessed.ts'
import { SEALER_LOCK } from '../../src/record/sealer.ts'
import { parseSigningKey } from '../../src/record/signer.ts'
import { verifyEvidence } from '../../src/record/verify.ts'
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
  poolsOf,
  type RecordDatabase,
} from './record-fixture.ts'

const pem = newSigningKey()
const oldSigner = parseSigningKey(pem, 'test.example/log')
const signer = parseSigningKey(pem, 'test.example/log-2')
const clock = createTestClock()
let db: RecordDatabase
let witness: FakeWitness
let sealer: ReturnType<typeof openDb>

/** A record that lost its last events after a witness had confirmed them. */
beforeEach(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  sealer = openDb(db.database.sealerUrl, { applicationName: 'operator', role: 'countersign_sealer', max: 1 })
  await append(db, 'a', 0, ...Array.from({ length: 300 }, () => 'said'))
  await append(db, 'lost', 0, 'asked', 'approved')
  const replica = createReplica(db, { signer: oldSigner, witnesses: [witness], clock })
  replica.sealer.start()
  await replica.sealer.sealed('lost', 2)
  await replica.stop()
  await asVandal(db.admin, async (sql) => {
    await sql`delete from event where stream = 'lost'`
    await sql`delete from stream_head where stream = 'lost'`
    await sql`delete from leaf where leaf_index >= 300`
    await sql`delete from checkpoint`
  })
  await append(db, 'b', 0, 'asked')
})
afterEach(async () => {
  await closeDb(sealer)
  await db.drop()
})

const witnessed = () => createWitnessed(signer.vkey, [witness])
const start = (options = {}) =>
  startNewOrigin({
    ...{ app: db.app, sealer, record: db.record, macKey: db.keys.macKey, signer, witnessed: witnessed() },
    ...{ by: 'P-operator', at: AT },
    ...options,
  })

test('a new origin begins with the last note of the old one, and carries what is still there', async () => {
  const [lastNote] = witness.notes
  const result = await start()
  expect(result).toMatchObject({ previousOrigin: 'test.example/log', vkey: signer.vkey, carried: 300, lost: [] })
  const replica = createReplica(db, { signer, witnesses: [witness], clock })
  replica.sealer.start()
  await replica.sealer.sealed('b', 1) // what was waiting is sealed under the new origin
  await replica.sealer.sealed('origin/test.example/log-2', 2)
  expect(replica.alarms).toEqual([])
  const tools = { record: db.record, witnessed: replica.witnessed }
  const first = await readWitnessed(tools, db.app, 'origin/test.example/log-2')
  expect(first.proved).toMatchObject([
    {
      leafIndex: 0,
      type: 'origin-started',
      data: { by: 'P-operator', previousOrigin: 'test.example/log', notes: [{ witness: 'fake', note: lastNote }] },
    },
    { type: 'closed' },
  ])
  expect((await readWitnessed(tools, db.app, 'a')).proved).toHaveLength(300)
  expect(await verifyLog(db.app, db.keys.macKey, replica.witnessed)).toMatchObject({ ok: true, size: 303 })
  const evidence = await buildEvidence(tools, db.app, ['a'], { reveal: false })
  expect(verifyEvidence(JSON.stringify(evidence), { vkey: signer.vkey })).toMatchObject({
    verdict: 'verified',
    limits: [
      `what test.example/log had and lost: P-operator began this log at ${new Date(AT).toISOString()}, because after a restore the database was not what witnesses had confirmed (behind-witness); witnesses had confirmed 302 of its events, the database had 300`,
    ],
  })
  expect(verifyEvidence(JSON.stringify(evidence), { vkey: oldSigner.vkey }).verdict).toBe('refused')
  const period = { from: AT, until: AT + HOUR, person: null, target: null }
  expect((await planPopulation(tools, db.app, period)).limits).toEqual([expect.stringContaining('had and lost')])
  const asked = [{ type: 'asked', data: {} }]
  await db.app.begin((tx) => db.record.append(tx, 'later', 0, asked, AT + 1))
  replica.sealer.kick()
  await replica.sealer.sealed('later', 1)
  const later = await buildEvidence(tools, db.app, ['later'], { reveal: false })
  expect(verifyEvidence(JSON.stringify(later), { vkey: signer.vkey }).limits).toEqual([])
  expect((await planPopulation(tools, db.app, { ...period, from: AT + 1 })).limits).toEqual([])
  await replica.stop()
})

test('what is not ours does not come along', async () => {
  await asVandal(db.admin, (sql) => sql`update event set mac = sha256(mac) where stream = 'a' and seq = 10`)
  expect(await start()).toMatchObject({ carried: 299, lost: ['leaf 9: mac-wrong'] })
})

test('it is refused while a sealer works, for a name that was used, and before there is a record', async () => {
  const restored = await createRecordDatabase()
  const operator = poolsOf(restored.database).sealer
  await expect(start({ app: restored.app, sealer: operator })).rejects.toThrow('a pool of one')
  const one = openDb(restored.database.sealerUrl, { applicationName: 'operator', role: 'countersign_sealer', max: 1 })
  await expect(start({ app: restored.app, sealer: one })).rejects.toThrow(NewOriginRefused)
  await Promise.all([closeDb(one), closeDb(operator)])
  await restored.drop()

  await db.admin.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${SEALER_LOCK})`
    await expect(start()).rejects.toThrow('stop every replica first')
  })

  const again = { signer: oldSigner, witnessed: createWitnessed(oldSigner.vkey, [witness]) }
  await expect(start(again)).rejects.toThrow('has been used')
})

test('it is refused for a record that can go on', async () => {
  const healthy = await createRecordDatabase()
  const kept = createFakeWitness()
  await append(healthy, 'a', 0, 'said')
  const replica = createReplica(healthy, { signer: oldSigner, witnesses: [kept], clock })
  replica.sealer.start()
  await replica.sealer.sealed('a', 1)
  await replica.stop()
  const one = openDb(healthy.database.sealerUrl, { applicationName: 'operator', role: 'countersign_sealer', max: 1 })
  const own = { app: healthy.app, sealer: one, record: healthy.record, macKey: healthy.keys.macKey }
  await expect(start({ ...own, witnessed: createWitnessed(signer.vkey, [kept]) })).rejects.toThrow(
    'the record of test.example/log is whole: keep LOG_ORIGIN=test.example/log',
  )
  expect(await healthy.admin`select from log`).toHaveLength(1)
  await closeDb(one)
  await healthy.drop()
})

test('killed before it was done, it is done again with the same first leaf', async () => {
  const dying = { ...signer, sign: () => Promise.reject(new Error('killed')) }
  await expect(start({ signer: dying })).rejects.toThrow('killed')
  const replica = createReplica(db, { signer, witnesses: [witness], clock })
  replica.sealer.start()
  await replica.sealer.sealed('b', 1)
  expect(await db.record.readStream(db.app, 'origin/test.example/log-2')).toMatchObject([
    { leafIndex: 0 },
    { type: 'closed' },
  ])
  await replica.stop()
})
