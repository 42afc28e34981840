import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { buildEvidence } from '../../src/record/evidence.ts'
import { macKeyId } from '../../src/record/mac-keys.ts'
import { createMacRing, type MacRing } from '../../src/record/mac-ring.ts'
import { createHandOverReader } from '../../src/record/read-hand-overs.ts'
import { createRecord } from '../../src/record/record.ts'
import type { Signer } from '../../src/record/signer.ts'
import { KEYS_STREAM, parseCheckpoint, parseNote, SIGNER_APPOINTED, verifyEvidence } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { retire } from '../../src/workflow/retire-mac-keys.ts'
import { createFakeWitness, type FakeWitness } from '../record/fake-witness.ts'
import {
  AT,
  append,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from '../record/record-fixture.ts'
import { createTestClock } from '../support/clock.ts'

/*
 * The keys of a log change, and whoever is at it dies at each step. It dies as after kill -9: it never goes on, and the
 * server ends its session, which gives up the lock and whatever was not committed. One log goes from key to key through all
 * of them. A whole process that is killed at it is in test/operation/new-signer.test.ts.
 */
const ORIGIN = 'test.example/log'
const never = new Promise<never>(() => undefined)
const POINTS = ['recorded', 'under the tree', 'being signed', 'on record', 'with the witness'] as const
type Point = (typeof POINTS)[number]

let db: RecordDatabase
let witness: FakeWitness
let clock: ReturnType<typeof createTestClock>

async function open(): Promise<void> {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  clock = createTestClock()
}

interface Keys {
  readonly signer: Signer
  readonly nextSigner?: Signer
  readonly macs?: MacRing
}

function start(keys: Keys): Replica {
  const replica = createReplica(db, { ...keys, witnesses: [witness], clock })
  replica.sealer.start()
  return replica
}

/** Seals until it comes to the point, and then does nothing any more. */
function startMortal({ signer, nextSigner, macs }: Keys) {
  let point: Point | null = null
  const died = Promise.withResolvers<void>()
  const at = async (here: Point): Promise<void> => {
    if (here !== point) return
    died.resolve()
    await never
  }
  const last = nextSigner ?? signer
  const mortal = { ...last, sign: async (text: string) => at('being signed').then(() => last.sign(text)) }
  const replica = createReplica(db, {
    ...(nextSigner ? { signer, nextSigner: mortal } : { signer: mortal }),
    ...(macs && { macs }),
    witnesses: [{ ...witness, keep: (note) => at('on record').then(() => witness.keep(note)) }],
    clock: createTestClock(),
    reached: (hook) => at(hook === 'seal:after-tree' ? 'under the tree' : 'with the witness'),
  })
  replica.sealer.start()
  /** As when a process is gone: its sockets are closed, and nothing of it is heard again. */
  async function end(): Promise<void> {
    const [row] = await replica.db<{ pid: number }[]>`select pg_backend_pid() as pid`
    await replica.db.end({ timeout: 0 })
    await db.admin`select pg_terminate_backend(${row?.pid ?? 0}, 5000)`
  }
  return {
    replica,
    /** From now on it dies as soon as it comes there. */
    async arm(here: Point): Promise<void> {
      point = here
      if (here === 'recorded') await end()
    },
    async die(): Promise<void> {
      if (point === 'recorded') return
      replica.sealer.kick()
      await died.promise
      await end()
    },
  }
}

async function sealed({ sealer }: Replica, stream: string, seq: number): Promise<void> {
  sealer.kick()
  await sealer.sealed(stream, seq)
}

const notesOf = () => witness.notes.map((note) => parseNote(note))

describe('the signing key: its hand-over is', () => {
  const signers = POINTS.map(() => createTestSigner())
  signers.push(createTestSigner())
  const witnessedBy = ({ vkey }: Signer) => createWitnessed(vkey, [witness], createHandOverReader(db.app, ORIGIN))
  beforeAll(open)
  afterAll(() => db.drop())

  it.each(POINTS.map((point, n) => [point, n] as const))(
    '%s, and its sealer dies: the next ends it',
    async (point, n) => {
      const [signer, nextSigner] = signers.slice(n, n + 2)
      if (!signer || !nextSigner) throw new RangeError('too few signers')
      const mortal = startMortal({ signer, nextSigner })
      const [said] = await append(db, 'a', null, 'said')
      await sealed(mortal.replica, 'a', said?.seq ?? 0)
      await mortal.arm(point)
      const data = { by: 'ada', from: signer.vkey, to: nextSigner.vkey }
      const [appointed] = await append(db, KEYS_STREAM, null, { type: SIGNER_APPOINTED, data })
      const [beside] = await append(db, 'b', null, 'said')
      await mortal.die()

      const next = start({ signer, nextSigner })
      await sealed(next, KEYS_STREAM, appointed?.seq ?? 0)
      await sealed(next, 'b', beside?.seq ?? 0)
      await next.stop()
      expect((await witnessedBy(signer).keys()).keys.at(-1)?.vkey).toBe(nextSigner.vkey)
    },
  )

  it('and of all that happened nothing is lost or doubled; who trusts the first key or the last checks it', async () => {
    const both = notesOf().filter(({ signatures }) => signatures.length === 2)
    expect(both).toHaveLength(POINTS.length)
    const sizes = notesOf().map(({ text }) => parseCheckpoint(text).size)
    expect(sizes).toEqual([...new Set(sizes)].toSorted((a, b) => a - b))
    expect(await db.admin`select from event`).toHaveLength(3 * POINTS.length)
    for (const signer of [signers[0], signers.at(-1)]) {
      if (!signer) continue
      expect(await verifyLog(db.app, db.keys.macKey, witnessedBy(signer))).toMatchObject({ ok: true, differences: [] })
      const tools = { record: db.record, witnessed: witnessedBy(signer) }
      const file = JSON.stringify(await buildEvidence(tools, db.app, ['a', 'b'], { reveal: false }))
      expect(verifyEvidence(file, { vkey: signer.vkey })).toMatchObject({ verdict: 'verified', reasons: [] })
    }
  })
})

describe('the MAC key: that it is retired is', () => {
  const signer = createTestSigner()
  const macs = [...POINTS, ''].map(() => randomBytes(32))
  /** Of whoever writes with the n-th key: all before it are known. */
  const ringOf = (n: number) => {
    const [own = randomBytes(32), ...before] = macs.slice(0, n + 1).reverse()
    return createMacRing(
      own,
      before.map((key) => ({ key, retiredAt: null })),
    )
  }
  const recordOf = (ring: MacRing) =>
    createRecord({
      ...db.keys,
      get macKey() {
        return ring.current()
      },
      macKeys: ring.spans,
    })
  const say = (ring: MacRing, stream: string) => append({ app: db.app, record: recordOf(ring) }, stream, null, 'said')
  const retireWith = (ring: MacRing, { sealer }: Replica) =>
    retire(
      {
        ...{ db: db.app, record: recordOf(ring), macs: ring, committed: () => sealer.kick() },
        clock: { ...clock, now: () => AT + 3_600_000 },
        sealed: (stream, seq, signal) => sealer.sealed(stream, seq, signal),
      },
      'ada',
    )
  beforeAll(open)
  afterAll(() => db.drop())

  it.each(POINTS.map((point, n) => [point, n] as const))(
    '%s, and its sealer dies: the next ends it',
    async (point, n) => {
      const [older, newer] = [ringOf(n), ringOf(n + 1)]
      for (const ring of [older, newer]) await ring.refresh(db.app)
      const mortal = startMortal({ signer, macs: newer })
      await say(older, 'a')
      const [said] = await say(newer, 'a')
      await sealed(mortal.replica, 'a', said?.seq ?? 0)
      await mortal.arm(point)
      retireWith(newer, mortal.replica).catch(() => undefined)
      const seq = n + 1
      await vi.waitFor(async () => expect(await recordOf(newer).endOf(db.app, KEYS_STREAM)).toBe(seq), { interval: 5 })
      await mortal.die()

      const survivor = ringOf(n + 1)
      await survivor.refresh(db.app)
      const next = start({ signer, macs: survivor })
      await sealed(next, KEYS_STREAM, seq)
      const again = await retireWith(survivor, next)
      expect(again.map(({ id }) => id).toSorted()).toEqual(macs.slice(0, seq).map(macKeyId).toSorted())
      expect(await recordOf(survivor).endOf(db.app, KEYS_STREAM)).toBe(seq)
      // A process that was left with the old key writes with the new one.
      await older.refresh(db.app)
      const [late] = await say(newer, 'a')
      await sealed(next, 'a', late?.seq ?? 0)
      expect(next.alarms).toEqual([])
      await next.stop()
    },
  )

  it('and all of it verifies, each event under the key of its time', async () => {
    const ring = ringOf(POINTS.length)
    await ring.refresh(db.app)
    const verdict = await verifyLog(db.app, ring.current(), createWitnessed(signer.vkey, [witness]), {
      macKeys: ring.spans(),
    })
    expect(verdict.differences).toEqual([])
    expect(verdict).toMatchObject({ ok: true, differences: [], size: 4 * POINTS.length })
  })
})
