import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { macKeyId } from '../../src/record/mac-keys.ts'
import { createMacRing, MAC_KEY_RETIRED, type MacRing } from '../../src/record/mac-ring.ts'
import { createRecord, type EventRecord } from '../../src/record/record.ts'
import { KEYS_STREAM } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { retire } from '../../src/workflow/retire-mac-keys.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
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

/*
 * The processes come to another MAC key, one by one, and then the old one is retired; what somebody may try who stole it.
 */
const MINUTE = 60_000
const signer = createTestSigner()
let db: RecordDatabase
let clock: TestClock
let witness: FakeWitness
let replica: Replica
let older: Buffer
let newer: Buffer
/** A process that has not yet the new key to write with, and one that has. */
let before: MacRing
let after: MacRing

const of = (key: Buffer, retiredAt: number | null = null) => ({ key, retiredAt })
const recordOf = (ring: MacRing): EventRecord =>
  createRecord({
    ...db.keys,
    get macKey() {
      return ring.current()
    },
    macKeys: ring.spans,
  })

beforeEach(async () => {
  db = await createRecordDatabase()
  older = db.keys.macKey
  newer = randomBytes(32)
  before = createMacRing(older, [of(newer)])
  after = createMacRing(newer, [of(older)])
  clock = createTestClock()
  witness = createFakeWitness()
  replica = createReplica(db, { signer, witnesses: [witness], clock, macs: after })
  replica.sealer.start()
})
afterEach(async () => {
  await replica.stop()
  await db.drop()
})

const say = (ring: MacRing, stream: string, type = 'said') =>
  append({ app: db.app, record: recordOf(ring) }, stream, null, type)

async function sealed(stream: string, seq: number): Promise<void> {
  replica.sealer.kick()
  await replica.sealer.sealed(stream, seq)
}

const retiring = (now: number) =>
  retire(
    {
      ...{ db: db.app, record: recordOf(after), macs: after, committed: () => replica.sealer.kick() },
      clock: { ...clock, now: () => now },
      sealed: (stream, seq, signal) => replica.sealer.sealed(stream, seq, signal),
    },
    'ada',
  )

async function retired(): Promise<void> {
  await say(before, 'a')
  await say(after, 'a')
  await sealed('a', 2)
  await retiring(AT + 11 * MINUTE)
}

const verify = (ring = after) =>
  verifyLog(db.app, ring.current(), createWitnessed(signer.vkey, [witness]), { macKeys: ring.spans() })
const typesOf = async (ring: MacRing, stream: string) =>
  (await recordOf(ring).readStream(db.app, stream)).map(({ type }) => type)

test('processes with the old key and with the new one read each other, and all of it verifies after the old one is retired', async () => {
  await say(before, 'a', 'asked')
  await say(after, 'a', 'approved')
  await say(before, 'a', 'planned')
  await say(after, 'a', 'provided')
  await sealed('a', 4)
  const all = ['asked', 'approved', 'planned', 'provided']
  expect([await typesOf(before, 'a'), await typesOf(after, 'a')]).toEqual([all, all])
  expect(await retiring(AT + 11 * MINUTE)).toEqual([{ id: macKeyId(older), leaf: 4 }])
  expect(await verify()).toMatchObject({ ok: true, size: 5 })
  expect(await typesOf(after, 'a')).toEqual(all)
  expect(await retiring(AT + 12 * MINUTE)).toEqual([{ id: macKeyId(older), leaf: 4 }])
})

test('a process that was left with the old key writes with the new one as soon as it hears of it', async () => {
  await retired()
  await before.refresh(db.app)
  await say(before, 'a', 'late')
  await sealed('a', 3)
  expect(await typesOf(after, 'a')).toEqual(['said', 'said', 'late'])
})

test('a key is not retired while a process writes with it, nor one that nobody ever used', async () => {
  await say(after, 'a')
  await sealed('a', 1)
  await expect(retiring(AT + 11 * MINUTE)).rejects.toMatchObject({ code: 'never-used' })
  await say(before, 'a')
  await sealed('a', 2)
  await expect(retiring(AT + 9 * MINUTE)).rejects.toMatchObject({ code: 'in-use' })
  expect(await recordOf(after).endOf(db.app, KEYS_STREAM)).toBe(0)
})

test('a process with a key of its own making is refused before it writes anything; one forged event stops nobody', async () => {
  const foreign = createMacRing(randomBytes(32))
  await foreign.refuseForeign(db.app)
  await say(after, 'a')
  await say(before, 'a')
  await sealed('a', 2)
  await expect(foreign.refuseForeign(db.app)).rejects.toMatchObject({ code: 'MAC_KEY_FOREIGN' })
  await asVandal(db.admin, (sql) => sql`update event set mac = decode(repeat('00', 32), 'hex') where seq = 2`)
  await before.refuseForeign(db.app)
  await after.refuseForeign(db.app)
  // What it would have done: nobody else reads that stream again.
  await say(foreign, 'b')
  await say(after, 'b')
  await expect(typesOf(after, 'b')).rejects.toMatchObject({ code: 'RECORD_TAMPERED' })
})

test('a retired MAC key: what a thief writes with it is quarantined, and past the sealer refused and named', async () => {
  await retired()
  const thief = createMacRing(older)
  await say(thief, 'b', 'approved')
  replica.sealer.kick()
  await vi.waitFor(() => expect(replica.alarms).toMatchObject([{ code: 'forged-pending' }]), { timeout: 60_000 })
  expect(replica.alarms[0]?.message).toContain('mac-wrong')
  await replica.stop()

  await say(thief, 'c', 'approved')
  const own = createReplica(db, { signer, witnesses: [witness], clock, macs: thief })
  own.sealer.start()
  own.sealer.kick()
  await own.sealer.sealed('c', 1)
  await own.stop()
  expect((await verify()).differences).toContainEqual(
    expect.objectContaining({ what: 'mac-wrong', where: 'c #1, leaf 3' }),
  )
  await expect(typesOf(after, 'c')).rejects.toThrow('mac-wrong')
})

test('a retired MAC key retires no other, and does not come back when somebody deletes that it was retired', async () => {
  await retired()
  const thief = createMacRing(older)
  const draft = { type: MAC_KEY_RETIRED, data: { by: 'eve', key: macKeyId(newer) } }
  await append({ app: db.app, record: recordOf(thief) }, KEYS_STREAM, null, draft)
  await after.refresh(db.app)
  expect(after.current()).toEqual(newer)
  await asVandal(db.admin, (sql) => sql`delete from event where stream = ${KEYS_STREAM}`)
  await after.refresh(db.app)
  const told = createMacRing(newer, [of(older, 2)])
  await told.refresh(db.app)
  await say(thief, 'd', 'approved')
  for (const ring of [after, told]) {
    await expect(typesOf(ring, 'd')).rejects.toThrow('mac-wrong')
    expect(await typesOf(ring, 'a')).toEqual(['said', 'said'])
  }
  expect((await verify(told)).differences).toContainEqual(expect.objectContaining({ what: 'event-missing' }))
})
