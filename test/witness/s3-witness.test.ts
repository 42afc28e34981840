import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { WitnessRefused, WitnessUnreachable } from '../../src/ports/witness.ts'
import { signCheckpoint } from '../../src/record/signer.ts'
import { loadTree } from '../../src/record/tiles.ts'
import { readBundle } from '../../src/record/tlog-tiles.ts'
import {
  append,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from '../record/record-fixture.ts'
import { createTestClock } from '../support/clock.ts'
import { DAY, openWitness, seal as sealIn, useCredentials } from './bucket-fixture.ts'
import { type FakeS3, type Fault, startFakeS3 } from './fake-s3.ts'

// Each of these is cut and throttled many times over, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const ORIGIN = 'test.example/log'
const FOLDER = 'log/test.example_2Flog/'

let db: RecordDatabase
let fake: FakeS3
let signer: ReturnType<typeof createTestSigner>
let opened: ReturnType<typeof openWitness>[]
let replicas: Replica[]

beforeAll(useCredentials)
beforeEach(async () => {
  db = await createRecordDatabase()
  fake = await startFakeS3()
  signer = createTestSigner()
  opened = []
  replicas = []
})
afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()))
  for (const witness of opened) witness.close()
  await fake.close()
  await db.drop()
})

function open(...more: Parameters<typeof openWitness> extends [unknown, unknown, ...infer Rest] ? Rest : never) {
  const witness = openWitness(fake, db, ...more)
  opened.push(witness)
  return witness
}

const seal = (from: number, count: number) => sealIn(db, from, count)

async function noteOf(size: number): Promise<string> {
  const tree = await loadTree(db.admin, 1, size)
  return signCheckpoint(signer, { size, root: tree.root() })
}

const keys = () => fake.store.keys().map((key) => key.slice(FOLDER.length))
const bytesOf = (path: string) => fake.store.current(`${FOLDER}${path}`)?.bytes ?? Buffer.alloc(0)
const puts = () => fake.requests.filter((one) => one.startsWith('PutObject')).length

test('a checkpoint is confirmed when all that it covers lies in the bucket, as C2SP tlog-tiles lays it out', async () => {
  await seal(0, 3)
  const witness = open()
  expect(await witness.newest(ORIGIN)).toBeNull()
  const note = await noteOf(3)
  await witness.keep(note)
  expect(keys()).toEqual(['checkpoint', 'checkpoints/0000000000000003', 'tile/0/000.p/3', 'tile/entries/000.p/3'])
  expect(bytesOf('checkpoint').toString()).toBe(note)
  expect(await witness.newest(ORIGIN)).toBe(note)
  expect(await open().newest(ORIGIN)).toBe(note)
  const rows = await db.admin<{ body: string; leafHash: Buffer }[]>`
    select e.body, l.leaf_hash as "leafHash" from leaf l join event e on e.leaf_hash = l.leaf_hash order by l.leaf_index`
  expect(readBundle(bytesOf('tile/entries/000.p/3'))?.map(String)).toEqual(rows.map(({ body }) => body))
  expect(bytesOf('tile/0/000.p/3')).toEqual(Buffer.concat(rows.map(({ leafHash }) => leafHash)))
})

test('texts that may be erased never go there', async () => {
  await seal(0, 3)
  await open().keep(await noteOf(3))
  const all = fake.store
    .keys()
    .flatMap((key) => fake.store.versionsOf(key).map(({ bytes }) => bytes.toString('latin1')))
  expect(all.join('')).toContain('"salted"')
  expect(all.join('')).not.toContain('secret reason')
})

test('every object is locked in compliance mode for the retention', async () => {
  await seal(0, 2)
  await open().keep(await noteOf(2))
  for (const key of fake.store.keys()) {
    const [version] = fake.store.versionsOf(key)
    expect(version).toMatchObject({ mode: 'COMPLIANCE' })
    expect(version?.until).toBeGreaterThan(Date.now() + 7 * 365 * DAY - 60_000)
    expect(fake.store.remove(key, version?.id ?? '', true)).toBe(false)
  }
})

test('a log over several tiles has full tiles, open ones and a second level', async () => {
  await seal(0, 600)
  const witness = open()
  await witness.keep(await noteOf(200))
  await witness.keep(await noteOf(600))
  expect(keys()).toEqual([
    'checkpoint',
    ...['checkpoints/0000000000000200', 'checkpoints/0000000000000600'],
    ...['tile/0/000', 'tile/0/000.p/200', 'tile/0/001', 'tile/0/002.p/88', 'tile/1/000.p/2'],
    ...['tile/entries/000', 'tile/entries/000.p/200', 'tile/entries/001', 'tile/entries/002.p/88'],
  ])
})

test('the same checkpoint again, here or by another replica, changes nothing', async () => {
  await seal(0, 5)
  const note = await noteOf(5)
  await open().keep(note)
  const before = puts()
  const second = open()
  await second.keep(note)
  await second.keep(note)
  expect(puts()).toBe(before)
})

describe('killed between any two puts', () => {
  test.each<Fault>(['reset', 'reset-after'])(
    'with a connection that is cut (%s), nothing is lost and nothing is written twice',
    async (kind) => {
      await seal(0, 300)
      await open().keep(await noteOf(10))
      const [first, second] = [await noteOf(10), await noteOf(300)]
      for (let killedAt = 1; ; killedAt++) {
        await fake.close()
        fake = await startFakeS3()
        await open().keep(first)
        let n = 0
        fake.fault = ({ action }) =>
          action === 'PutObject' && ++n >= killedAt ? (n === killedAt ? kind : 'reset') : null
        const killed = await open({})
          .keep(second)
          .then(
            () => false,
            () => true,
          )
        fake.fault = () => null
        const after = open()
        expect([first, second]).toContain(await after.newest(ORIGIN))
        await after.keep(second)
        expect(await after.newest(ORIGIN)).toBe(second)
        expect(bytesOf('checkpoint').toString()).toBe(second)
        expect(keys()).toHaveLength(10)
        expect(fake.store.keys().flatMap((key) => fake.store.versionsOf(key))).toHaveLength(11)
        if (!killed) break
      }
    },
  )
})

describe('another log', () => {
  test('a smaller one, or another of that size, is refused', async () => {
    await seal(0, 5)
    const witness = open()
    await witness.keep(await noteOf(5))
    await expect(witness.keep(await noteOf(4))).rejects.toThrow(WitnessRefused)
    const forked = await signCheckpoint(signer, { size: 5, root: Buffer.alloc(32, 9) })
    await expect(open().keep(forked)).rejects.toThrow('another one of that size')
  })

  test('a checkpoint that does not continue what the bucket holds is refused, and nothing of it is written', async () => {
    await seal(0, 5)
    await open().keep(await noteOf(5))
    const before = keys()
    const other = await createRecordDatabase()
    const ours = db
    db = other
    await seal(100, 9)
    const fork = await noteOf(9)
    await expect(open().keep(fork)).rejects.toThrow(WitnessRefused)
    db = ours
    await other.drop()
    expect(keys()).toEqual(before)
  })

  test('of two that come at the same time, at most one is confirmed', async () => {
    await seal(0, 2)
    await open().keep(await noteOf(2))
    const [ours, other] = [db, await createRecordDatabase()]
    await seal(2, 3)
    const [a, noteA] = [open(), await noteOf(5)]
    await a.newest(ORIGIN)
    db = other
    await seal(50, 4)
    // Holds the same checkpoint, and has gone on otherwise: it knows what was there before the other one wrote.
    const forkedHead = await signCheckpoint(signer, { size: 4, root: (await loadTree(db.admin, 1, 4)).root() })
    const bytes = Buffer.from(forkedHead)
    db = ours
    let isDone = false
    fake.fault = ({ action, key }) => {
      if (action === 'PutObject' && key.endsWith('checkpoints/0000000000000005') && !isDone) {
        isDone = true
        fake.store.put(`${FOLDER}checkpoints/0000000000000004`, bytes, { contentType: '', mode: null, until: null })
      }
      return null
    }
    await expect(a.keep(noteA)).rejects.toThrow('of size 4 that is of another log')
    await other.drop()
  })

  test('an event that was changed in the database is not taken in', async () => {
    await seal(0, 3)
    const note = await noteOf(3)
    await db.admin`alter table event disable trigger all`
    await db.admin`update event set body = replace(body, '"n":1', '"n":7')`
    await expect(open().keep(note)).rejects.toThrow(
      'the event of leaf 1 of test.example/log is not the one that was sealed',
    )
    expect(keys()).toEqual([])
  })
})

describe('a server that heeds no If-None-Match', () => {
  beforeEach(async () => {
    await fake.close()
    fake = await startFakeS3({ heedsConditions: false })
    await seal(0, 4)
  })

  test('another checkpoint of the same size, put meanwhile, is seen all the same', async () => {
    const witness = open()
    await witness.keep(await noteOf(2))
    const forked = Buffer.from(await signCheckpoint(signer, { size: 4, root: Buffer.alloc(32, 9) }))
    fake.store.put(`${FOLDER}checkpoints/0000000000000004`, forked, { contentType: '', mode: null, until: null })
    await expect(witness.keep(await noteOf(4))).rejects.toThrow('it holds another log/')
  })

  test('what was written before a crash is written once more, and is the same', async () => {
    fake.fault = ({ action, key }) => (action === 'PutObject' && key.includes('/checkpoints/') ? 'reset-after' : null)
    await expect(open().keep(await noteOf(4))).rejects.toThrow(WitnessUnreachable)
    fake.fault = () => null
    const witness = open()
    await witness.keep(await noteOf(4))
    expect(await witness.newest(ORIGIN)).toBe(await noteOf(4))
    expect(witness.notices).toEqual([])
  })
})

describe('a bucket that does not do it', () => {
  test.each([
    ['AccessDenied, 403', () => void fake.denied.add('PutObject')],
    ['AccessDenied, 403', () => void fake.denied.add('GetObjectLockConfiguration')],
    ['AccessDenied, 403', () => void fake.denied.add('ListObjectVersions')],
  ])('is unreachable, and says %s', async (words, break_) => {
    await seal(0, 1)
    break_()
    const error = await open()
      .keep(await noteOf(1))
      .catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(WitnessUnreachable)
    expect(String(error)).toContain(words)
    expect(String(error)).toContain('audit-bucket')
  })

  test('throttled and timed out, it is asked again', async () => {
    await seal(0, 1)
    let n = 0
    fake.fault = ({ action }) => (action === 'PutObject' && n++ < 2 ? (n === 1 ? 'slow-down' : 'timeout') : null)
    const witness = open()
    await witness.keep(await noteOf(1))
    expect(n).toBeGreaterThan(2)
    expect(await witness.newest(ORIGIN)).toBe(await noteOf(1))
  })

  test('a clock that is apart is told once', async () => {
    await seal(0, 2)
    fake.skewMs = 5 * 60_000
    const witness = open()
    await witness.keep(await noteOf(1))
    await witness.keep(await noteOf(2))
    expect(witness.notices).toEqual([
      {
        what: 'witness-clock',
        detail: expect.stringMatching(/^s3:audit-bucket\/log: its clock is \d+ s ahead of ours$/),
      },
    ])
    expect((await witness.look(ORIGIN)).faults.join()).toContain('s ahead of ours')
    const { theirs, ours } = witness.clock?.() ?? { theirs: 0, ours: 0 }
    expect(Math.abs(theirs - ours - fake.skewMs)).toBeLessThanOrEqual(2_000)
  })
})

describe('looking at what it is worth', () => {
  test('locked in compliance mode and versioned, it is independent', async () => {
    await seal(0, 2)
    const witness = open()
    expect(await witness.look(ORIGIN)).toMatchObject({ strength: 'weak', newest: null })
    await witness.keep(await noteOf(2))
    const look = await witness.look(ORIGIN)
    expect(look).toMatchObject({ strength: 'independent', faults: [], newest: { size: 2 } })
    expect(look.seen.join('; ')).toMatch(/^locked in compliance mode until 20\d\d-.*; versions are kept$/)
    expect(witness.strengthNow()).toBe('independent')
  })

  test.each([
    [{ lock: false }, /^the bucket has no object lock/],
    [{ lock: false, versioning: false }, /no object lock.*keeps no versions/],
  ])('%o is weak, and still kept', async (options, words) => {
    await fake.close()
    fake = await startFakeS3(options)
    await seal(0, 2)
    const witness = open()
    await witness.keep(await noteOf(2))
    const look = await witness.look(ORIGIN)
    expect(look).toMatchObject({ strength: 'weak', newest: { size: 2 } })
    expect(look.faults.join('; ')).toMatch(words)
  })

  test('a lock that can be lifted, or that cannot be seen, is no lock', async () => {
    await seal(0, 2)
    const witness = open()
    await witness.keep(await noteOf(2))
    fake.denied.add('GetObjectRetention')
    expect(await witness.look(ORIGIN)).toMatchObject({
      strength: 'weak',
      faults: [expect.stringContaining('may not be seen')],
    })
    fake.denied.clear()
    const [version] = fake.store.versionsOf(`${FOLDER}checkpoints/0000000000000002`)
    Object.assign(version ?? {}, { mode: 'GOVERNANCE' })
    expect(await witness.look(ORIGIN)).toMatchObject({
      strength: 'weak',
      faults: [expect.stringContaining('GOVERNANCE')],
    })
  })
})

describe('somebody else writes in the bucket', () => {
  test('a checkpoint that is put back or deleted does not hide the newest', async () => {
    await seal(0, 3)
    const witness = open()
    await witness.keep(await noteOf(2))
    await witness.keep(await noteOf(3))
    fake.store.put(`${FOLDER}checkpoint`, Buffer.from(await noteOf(2)), { contentType: '', mode: null, until: null })
    fake.store.remove(`${FOLDER}checkpoints/0000000000000003`, null, false)
    fake.store.remove(`${FOLDER}checkpoints/0000000000009999`, null, false)
    fake.store.put(`${FOLDER}checkpoints/zzz`, Buffer.from('x'), { contentType: '', mode: null, until: null })
    expect(await open().newest(ORIGIN)).toBe(await noteOf(3))
    expect((await open().look(ORIGIN)).faults).toContain(
      'somebody has deleted the newest checkpoint: its locked version is still there',
    )
  })

  test('what lies in the way of a tile is written over, and told', async () => {
    await seal(0, 3)
    fake.store.put(`${FOLDER}tile/0/000.p/3`, Buffer.from('forged'), { contentType: '', mode: null, until: null })
    const witness = open()
    await witness.keep(await noteOf(3))
    expect(bytesOf('tile/0/000.p/3')).toHaveLength(96)
    expect(witness.notices).toMatchObject([{ what: 'witness-object-replaced' }])
  })

  test('a checkpoint that is none is refused', async () => {
    await seal(0, 3)
    fake.store.put(`${FOLDER}checkpoints/0000000000000900`, Buffer.from('x'), {
      contentType: '',
      mode: null,
      until: null,
    })
    await expect(open().keep(await noteOf(3))).rejects.toThrow(WitnessRefused)
  })
})

test('many checkpoints are found in few questions', async () => {
  await seal(0, 1)
  const witness = open()
  for (let n = 1; n <= 2_500; n++) {
    const note = await signCheckpoint(signer, { size: n * 40, root: Buffer.alloc(32, 1) })
    const key = `${FOLDER}checkpoints/${String(n * 40).padStart(16, '0')}`
    fake.store.put(key, Buffer.from(note), { contentType: '', mode: null, until: null })
  }
  fake.requests.length = 0
  expect(await witness.newest(ORIGIN)).toContain('\n100000\n')
  expect(fake.requests.length).toBeLessThan(20)
  fake.requests.length = 0
  await witness.newest(ORIGIN)
  expect(fake.requests.length).toBeLessThan(5)
})

describe('behind a sealer', () => {
  test('what is committed is soon confirmed, through an outage too, and a second replica takes over', async () => {
    const clock = createTestClock(Date.now())
    const start = () => {
      const replica = createReplica(db, { signer, witnesses: [open()], clock })
      replicas.push(replica)
      replica.sealer.start()
      return replica
    }
    const first = start()
    await append(db, 'request/1', 0, 'asked', 'approved')
    first.sealer.kick()
    await first.sealer.sealed('request/1', 2)
    fake.fault = () => 'slow-down'
    await append(db, 'request/2', 0, 'asked')
    first.sealer.kick()
    await vi.waitFor(() => expect(first.sealer.state()).toMatchObject({ size: 3, witnessed: 2 }), 5_000)
    fake.fault = () => null
    await first.stop()
    replicas.pop()
    const second = start()
    await second.sealer.sealed('request/2', 1)
    expect(second.alarms).toEqual([])
    await vi.waitFor(() => expect(second.sealer.state()).toMatchObject({ status: 'sealing', size: 3, witnessed: 3 }))
  })
})
