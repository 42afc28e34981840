import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { buildEvidence } from '../../src/record/evidence.ts'
import { createHandOverReader } from '../../src/record/read-hand-overs.ts'
import { type Signer, signCheckpoint } from '../../src/record/signer.ts'
import { KEYS_STREAM, parseCheckpoint, parseNote, SIGNER_APPOINTED, verifyEvidence } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import { ORIGIN } from './good-file.ts'
import {
  append,
  asVandal,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from './record-fixture.ts'

/*
 * The log comes to another signing key while it runs, over replicas and crashes; and what somebody may try who stole the
 * old key, or has the database.
 */
const [first, second, third] = [createTestSigner(), createTestSigner(), createTestSigner()]
let db: RecordDatabase
let clock: TestClock
let witness: FakeWitness
let replicas: Replica[]

beforeEach(async () => {
  db = await createRecordDatabase()
  clock = createTestClock()
  witness = createFakeWitness()
  replicas = []
})
afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()))
  await db.drop()
})

function start(signer: Signer, nextSigner?: Signer, witnesses = [witness]): Replica {
  const replica = createReplica(db, { signer, witnesses, clock, ...(nextSigner && { nextSigner }) })
  replicas.push(replica)
  replica.sealer.start()
  return replica
}

async function seal({ sealer }: Replica, stream: string, ...types: string[]): Promise<void> {
  const events = await append(db, stream, null, ...types)
  sealer.kick()
  await sealer.sealed(stream, events.at(-1)?.seq ?? 0)
}

const appoint = (from: Signer, to: Signer) =>
  append(db, KEYS_STREAM, null, { type: SIGNER_APPOINTED, data: { by: 'ada', from: from.vkey, to: to.vkey } })

async function handOver(replica: Replica, from: Signer, to: Signer): Promise<void> {
  const [event] = await appoint(from, to)
  replica.sealer.kick()
  await replica.sealer.sealed(KEYS_STREAM, event?.seq ?? 0)
}

/** By whom a note is signed: 1, 2 or 3. */
function signersOf(note = ''): number[] {
  const ids = [first, second, third].map(({ vkey }) => vkey.split('+')[1])
  return parseNote(note).signatures.map(({ id }) => ids.indexOf(id) + 1)
}
const sizeOf = (note = '') => parseCheckpoint(parseNote(note).text).size
const history = () => witness.notes.map((note) => [sizeOf(note), ...signersOf(note)])
const witnessedBy = (signer: Signer, witnesses = [witness]) =>
  createWitnessed(signer.vkey, witnesses, createHandOverReader(db.app, ORIGIN))
const verify = (signer: Signer) => verifyLog(db.app, db.keys.macKey, witnessedBy(signer))
const evidence = async (signer: Signer, stream = 'a', since: number[] = []) =>
  JSON.stringify(
    await buildEvidence({ record: db.record, witnessed: witnessedBy(signer) }, db.app, [stream], {
      ...{ reveal: false, since },
    }),
  )
const soon = (look: () => unknown) => vi.waitFor(look, { timeout: 60_000, interval: 5 })

test('the log goes from key to key without a gap, and who trusts any of them checks all that follows', async () => {
  const one = start(first, second)
  await seal(one, 'a', 'asked', 'approved')
  const kept = witness.notes.at(-1) ?? ''
  const before = await evidence(first)
  await handOver(one, first, second)
  await seal(one, 'a', 'closed')
  expect(history()).toEqual([
    [2, 1],
    [3, 1, 2],
    [4, 2],
  ])
  await one.stop()
  const two = start(second, third)
  await handOver(two, second, third)
  await seal(two, 'b', 'asked')
  expect(history().slice(3)).toEqual([
    [5, 2, 3],
    [6, 3],
  ])
  for (const signer of [first, second, third]) {
    expect(await verify(signer)).toMatchObject({ ok: true, size: 6 })
    const verdict = verifyEvidence(await evidence(signer, 'a', [2]), { vkey: signer.vkey, earlier: [kept] })
    expect(verdict).toMatchObject({ verdict: 'verified', reasons: [] })
  }
  expect(verifyEvidence(before, { vkey: first.vkey }).verdict).toBe('verified')
  expect(verifyEvidence(before, { vkey: second.vkey })).toMatchObject({ reasons: [{ code: 'key-differs' }] })
})

test('events that come with the appointment are sealed after it, under the new key; none is lost', async () => {
  const streams = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const stream of streams.slice(0, 3)) await append(db, stream, 0, 'said')
  await appoint(first, second)
  for (const stream of streams.slice(3)) await append(db, stream, 0, 'said')
  const { sealer } = start(first, second)
  await Promise.all(streams.map((stream) => sealer.sealed(stream, 1)))
  expect(history()).toEqual([
    [4, 1, 2],
    [7, 2],
  ])
})

test('a replica that has the old key alone reads on, does not seal, and says which key it needs', async () => {
  const old = start(first)
  await soon(() => expect(old.sealer.state().status).toBe('sealing'))
  const both = start(first, second)
  await old.stop()
  await soon(async () => {
    await clock.advance(250)
    expect(both.sealer.state().status).toBe('sealing')
  })
  await handOver(both, first, second)
  const behind = start(first)
  await seal(both, 'a', 'said')
  expect((await behind.witnessed.newest())[0]?.checkpoint.size).toBe(2)
  await both.stop()
  await soon(async () => {
    await clock.advance(250)
    expect(behind.sealer.state()).toMatchObject({ status: 'waiting', message: expect.stringContaining(second.vkey) })
  })
  expect(behind.alarms).toMatchObject([{ code: 'sealer-failed' }])
  const late = await append(db, 'a', 1, 'said')
  const restarted = start(second)
  await soon(async () => {
    await clock.advance(250)
    expect(history().at(-1)).toEqual([3, 2])
  })
  await restarted.sealer.sealed('a', late[0]?.seq ?? 0)
})

test('an appointment that a replica without the new key seals has no effect, and can be made again', async () => {
  const old = start(first)
  await handOver(old, first, second)
  await seal(old, 'a', 'said')
  await old.stop()
  const both = start(first, second)
  await seal(both, 'a', 'said')
  expect(history().map(([, ...by]) => by)).toEqual([[1], [1], [1]])
  await handOver(both, first, second)
  expect(history().at(-1)).toEqual([4, 1, 2])
  expect(await verify(first)).toMatchObject({ ok: true })
  expect(await verify(second)).toMatchObject({ ok: true })
})

test('a sealer that died between tree and signature: the next signs the hand-over before anything else', async () => {
  const one = start(first, failing(second))
  await seal(one, 'a', 'said')
  await appoint(first, second)
  await append(db, 'a', 1, 'said')
  one.sealer.kick()
  await soon(async () => expect(await db.admin`select from leaf`).toHaveLength(2))
  await one.stop()
  const two = start(first, second)
  await two.sealer.sealed('a', 2)
  expect(history()).toEqual([
    [1, 1],
    [2, 1, 2],
    [3, 2],
  ])
})

test('a sealer that died before a witness had the hand-over: the next brings it, and nothing goes past it', async () => {
  const slow = createFakeWitness('slow')
  const both = [witness, slow]
  const one = start(first, second, both)
  await seal(one, 'a', 'said')
  slow.isReachable = false
  await appoint(first, second)
  one.sealer.kick()
  await soon(() => expect(history().at(-1)).toEqual([2, 1, 2]))
  await append(db, 'a', 1, 'said')
  one.sealer.kick()
  await soon(() => expect(history().at(-1)).toEqual([3, 2]))
  await one.stop()
  slow.isReachable = true
  const two = start(second, undefined, both)
  await two.sealer.sealed('a', 2)
  await soon(() => expect(slow.notes.map((note) => [sizeOf(note), ...signersOf(note)])).toEqual(history()))
})

test('the old key after the hand-over: what it signs is refused, wherever it is put', async () => {
  const one = start(first, second)
  await seal(one, 'a', 'said')
  await handOver(one, first, second)
  await seal(one, 'a', 'said')
  await one.stop()
  const root = Buffer.alloc(32, 7)
  await asVandal(
    db.admin,
    async (sql) => sql`
      insert into checkpoint (log, size, root, note, at)
      values (1, 9, ${root}, ${await signCheckpoint(first, { size: 9, root })}, 5)`,
  )
  for (const signer of [first, second]) {
    expect((await verify(signer)).differences).toMatchObject([{ what: 'checkpoint-forged' }])
  }
  witness.notes.push(await signCheckpoint(first, { size: 9, root }))
  for (const signer of [first, second]) {
    await expect(witnessedBy(signer).ask()).rejects.toThrow('not ours: not signed by the expected key')
  }
})

test('a hand-over that was taken out of the database: what the old key signed is named', async () => {
  const one = start(first, second)
  await seal(one, 'a', 'said')
  await handOver(one, first, second)
  await seal(one, 'a', 'said')
  await one.stop()
  await asVandal(db.admin, (sql) => sql`delete from checkpoint where size = 2`)
  expect((await verify(second)).differences.map(({ what }) => what)).toEqual(
    expect.arrayContaining(['checkpoint-missing', 'checkpoint-forged']),
  )
  expect((await verify(first)).differences).toContainEqual(expect.objectContaining({ what: 'witness-note-wrong' }))
})

test('a hand-over with one signature, or to a second key, leads nowhere', async () => {
  const one = start(first, second)
  await seal(one, 'a', 'said')
  await handOver(one, first, second)
  await seal(one, 'a', 'said')
  const forged = await appoint(first, third)
  one.sealer.kick()
  await one.sealer.sealed(KEYS_STREAM, forged[0]?.seq ?? 0)
  expect(history().at(-1)).toEqual([4, 2])
  const vkeys = (await witnessedBy(first).keys()).keys.map(({ vkey }) => vkey)
  expect(vkeys).toEqual([first.vkey, second.vkey])
  await expect(witnessedBy(third).ask()).rejects.toThrow('not ours')
})

function failing(signer: Signer): Signer {
  return { ...signer, sign: () => Promise.reject(new Error('the agent is gone')) }
}
