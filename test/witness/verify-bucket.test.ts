import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signCheckpoint } from '../../src/record/signer.ts'
import { loadTree } from '../../src/record/tiles.ts'
import { readBundle, writeBundle } from '../../src/record/tlog-tiles.ts'
import { verifyBucket } from '../../src/witness/verify-bucket.ts'
import {
  append,
  asVandal,
  createRecordDatabase,
  createTestSigner,
  type RecordDatabase,
} from '../record/record-fixture.ts'
import { openBucket, openWitness, seal, useCredentials } from './bucket-fixture.ts'
import { type FakeS3, startFakeS3 } from './fake-s3.ts'
import type { Version } from './locked-store.ts'

const FOLDER = 'log/test.example_2Flog/'
const SIZES = [10, 255, 256, 300]

let db: RecordDatabase
let signer: ReturnType<typeof createTestSigner>
let notes: Map<number, string>
let fake: FakeS3

beforeAll(async () => {
  useCredentials()
  db = await createRecordDatabase()
  signer = createTestSigner()
  await seal(db, 0, 300)
  notes = new Map()
  for (const size of SIZES) {
    notes.set(size, await signCheckpoint(signer, { size, root: (await loadTree(db.admin, 1, size)).root() }))
  }
})
afterAll(() => db.drop())
beforeEach(() => fill({}))
afterEach(() => fake.close())

async function fill(options: Parameters<typeof startFakeS3>[0]): Promise<void> {
  fake = await startFakeS3({ pageSize: 7, ...options })
  const witness = openWitness(fake, db)
  for (const size of SIZES) await witness.keep(note(size))
  witness.close()
}

/** A bucket that keeps nothing of what was: whoever writes there can rewrite it. */
async function fillWithoutVersions(): Promise<void> {
  await fake.close()
  await fill({ lock: false, versioning: false })
}

const note = (size: number) => notes.get(size) ?? ''
const bytesOf = (path: string) => fake.store.current(`${FOLDER}${path}`)?.bytes ?? Buffer.alloc(0)

async function verify(vkey = signer.vkey) {
  const bucket = openBucket(fake)
  try {
    return await verifyBucket(bucket, 'log', vkey)
  } finally {
    bucket.close()
  }
}

async function differences() {
  const { ok, differences } = await verify()
  expect(ok).toBe(differences.length === 0)
  return differences.map(({ what, where }) => `${what}: ${where.replace(FOLDER, '')}`)
}

function overwrite(path: string, bytes: Buffer | string, about: Partial<Version> = {}): void {
  const contentType = 'application/octet-stream'
  fake.store.put(`${FOLDER}${path}`, Buffer.from(bytes), { contentType, mode: null, until: null, ...about })
}

function remove(path: string): void {
  fake.store.remove(`${FOLDER}${path}`, null, false)
}

/** A bundle in which one event says something else. */
function forged(path: string, place: number): Buffer {
  const entries = readBundle(bytesOf(path)) ?? []
  return writeBundle(
    entries.map((entry, n) => (n === place ? Buffer.from(String(entry).replace('"asked"', '"never"')) : entry)),
  )
}

test('a record is rebuilt from the bucket alone', async () => {
  const verdict = await verify()
  expect(verdict).toMatchObject({ ok: true, origin: 'test.example/log', size: 300, checkpoints: 4, differences: [] })
  expect(verdict.root).toBe((await loadTree(db.admin, 1, 300)).root().toString('base64'))
  expect(verdict.protection).toEqual({ lock: true, versioning: true })
  expect(verdict.lockedUntil).toBeGreaterThan(Date.now())
})

test('with another key there is no such log; with a key of that name nothing was signed', async () => {
  const other = await verify(createTestSigner('test.example/other').vkey)
  expect(other.differences).toMatchObject([{ what: 'checkpoint-missing' }])
  const { differences } = await verify(createTestSigner().vkey)
  expect(differences.map(({ what }) => what)).toEqual(SIZES.map(() => 'checkpoint-forged'))
})

describe('in a locked bucket, whoever may write', () => {
  test.each<[string, () => void, string[]]>([
    ['deletes a bundle', () => remove('tile/entries/000'), ['file-deleted: tile/entries/000']],
    ['deletes a tile', () => remove('tile/0/001.p/44'), ['file-deleted: tile/0/001.p/44']],
    ['deletes an open file', () => remove('tile/entries/000.p/10'), ['file-deleted: tile/entries/000.p/10']],
    [
      'deletes a checkpoint',
      () => remove('checkpoints/0000000000000256'),
      ['file-deleted: checkpoints/0000000000000256'],
    ],
    [
      'forges an entry',
      () => overwrite('tile/entries/000', forged('tile/entries/000', 17)),
      ['file-rewritten: tile/entries/000'],
    ],
    [
      'forges an entry where the bundle was open',
      () => overwrite('tile/entries/000.p/255', forged('tile/entries/000.p/255', 17)),
      ['file-rewritten: tile/entries/000.p/255'],
    ],
    ['writes over a tile', () => overwrite('tile/1/000.p/1', Buffer.alloc(32)), ['file-rewritten: tile/1/000.p/1']],
    [
      'puts an older checkpoint',
      () => overwrite('checkpoint', note(255)),
      ['pointer-differs: checkpoint is the one of 255, while 300 is the newest'],
    ],
    [
      'writes over checkpoint',
      () => overwrite('checkpoint', 'anything'),
      ['pointer-differs: checkpoint is not signed by the key'],
    ],
    [
      'writes over the checkpoint of a size',
      () => overwrite('checkpoints/0000000000000256', note(255)),
      ['file-rewritten: checkpoints/0000000000000256'],
    ],
    [
      'invents a larger checkpoint',
      () => overwrite('checkpoints/0000000000000999', note(300).replace('\n300\n', '\n999\n')),
      ['checkpoint-forged: checkpoints/0000000000000999'],
    ],
  ])('%s: named, and what was locked is still whole', async (_, attack, expected) => {
    attack()
    expect(await differences()).toEqual([...expected, ...(await unlocked())])
    expect(await verify()).toMatchObject({ size: 300, checkpoints: 4 })
  })

  /** What the attacker wrote is not locked, and says so where it is read. */
  async function unlocked(): Promise<string[]> {
    return (await verify()).differences
      .filter(({ what }) => what === 'not-locked')
      .map(({ what, where }) => `${what}: ${where}`)
  }

  test('what lay in the way before, from a process that died, is no doubt', async () => {
    await fake.close()
    fake = await startFakeS3()
    overwrite('tile/entries/000.p/10', 'left over', { mode: 'COMPLIANCE', until: Date.now() + 60_000 })
    overwrite('tile/entries/001.p/99', 'beyond every checkpoint', { mode: 'COMPLIANCE', until: Date.now() + 60_000 })
    const witness = openWitness(fake, db)
    for (const size of SIZES) await witness.keep(note(size))
    witness.close()
    expect(await differences()).toEqual([])
  })

  test('an object that is not locked is named', async () => {
    const [version] = fake.store.versionsOf(`${FOLDER}tile/entries/000`)
    Object.assign(version ?? {}, { mode: 'GOVERNANCE' })
    expect(await differences()).toEqual([expect.stringMatching(/^not-locked: 1 of \d+ objects$/)])
  })
})

describe('when the locks of what was pruned have ended', () => {
  beforeAll(async () => {
    for (const [seq, leaves] of [
      [1, '0-199'],
      [2, '200-255'],
    ] as const) {
      const data = { origin: 'test.example/log', leaves, cutoff: 0, retentionYears: 7 }
      await append(db, 'pruned', seq - 1, { type: 'record.pruned', data })
      await seal(db, 300, 0)
      const root = (await loadTree(db.admin, 1, 300 + seq)).root()
      notes.set(300 + seq, await signCheckpoint(signer, { size: 300 + seq, root }))
    }
  })

  async function fillUntil(size: number): Promise<void> {
    const witness = openWitness(fake, db)
    for (let next = 301; next <= size; next++) await witness.keep(note(next))
    witness.close()
  }

  /** As a rule of the bucket does: of all that the bundle ever was. */
  function expire(path: string): void {
    for (const key of fake.store.keys().filter((one) => one.startsWith(`${FOLDER}${path}`))) {
      for (const version of [...fake.store.versionsOf(key)]) {
        Object.assign(version, { until: 0 })
        expect(fake.store.remove(key, version.id, false)).toBe(true)
      }
    }
  }

  test('what an event says was pruned is no difference, deleted or gone, and the event is named', async () => {
    await fillUntil(302)
    remove('tile/entries/000')
    expect(await verify()).toMatchObject({ ok: true, pruned: { leaves: 256, gone: 0 } })
    expire('tile/entries/000')
    expect(await verify()).toMatchObject({
      ...{ ok: true, size: 302, differences: [] },
      pruned: { leaves: 256, gone: 256, said: [{ by: 'pruned #1', leaves: 'leaf 0 to 199' }, { by: 'pruned #2' }] },
    })
  })

  test('a bucket that is begun afterwards is filled with what there is', async () => {
    const pruned = 'request/7'
    const [gone] = await db.admin<{ leaf_hash: Buffer }[]>`select * from event where stream = ${pruned}`
    await asVandal(db.admin, (sql) => sql`delete from event where stream = ${pruned}`)
    await fake.close()
    fake = await startFakeS3()
    const witness = openWitness(fake, db)
    await witness.keep(note(302))
    witness.close()
    expect(await verify()).toMatchObject({ ok: true, size: 302, pruned: { leaves: 256, gone: 1 } })
    await asVandal(db.admin, (sql) => sql`insert into event ${sql(gone ?? {})}`)
  })

  test('what no event says was pruned is missing, beside it too', async () => {
    await fillUntil(301)
    remove('tile/entries/000')
    expect(await differences()).toEqual(['file-deleted: tile/entries/000'])
    expire('tile/entries/000')
    expect(await verify()).toMatchObject({
      ...{ ok: false, differences: [{ what: 'entry-missing', where: 'leaf 200 to 255' }] },
      pruned: { leaves: 200, gone: 200 },
    })
    expire('tile/entries/001')
    expect(await differences()).toEqual(['entry-missing: leaf 0 to 300'])
  })
})

describe('in a bucket without lock and versions, whoever may write', () => {
  test.each<[string, () => void, (string | RegExp)[]]>([
    [
      'forges an entry',
      () => overwrite('tile/entries/000', forged('tile/entries/000', 17)),
      ['entry-differs: leaf 17'],
    ],
    [
      'forges an entry of the open bundle',
      () => overwrite('tile/entries/001.p/44', forged('tile/entries/001.p/44', 3)),
      ['entry-differs: leaf 259'],
    ],
    [
      'forges a tile',
      () => overwrite('tile/0/000', Buffer.concat([bytesOf('tile/0/000').subarray(0, 8_160), Buffer.alloc(32)])),
      ['tile-differs: leaf 255'],
    ],
    ['deletes a bundle', () => remove('tile/entries/000'), ['entry-missing: leaf 255']],
    ['deletes the last bundle', () => remove('tile/entries/001.p/44'), ['entry-missing: leaf 256 to 299']],
    ['deletes a tile', () => remove('tile/0/000'), ['file-missing: tile/0/000']],
    ['writes over a tile above', () => overwrite('tile/1/000.p/1', Buffer.alloc(32)), ['file-differs: tile/1/000.p/1']],
    [
      'deletes the last bundle and its tile',
      () => {
        remove('tile/entries/001.p/44')
        remove('tile/0/001.p/44')
      },
      [
        'entry-missing: leaf 256 to 299',
        'checkpoint-differs: checkpoint of size 300, of which 256 entries can be read',
      ],
    ],
    [
      'forges an entry and its tile',
      () => {
        overwrite('tile/entries/001.p/44', writeBundle((readBundle(bytesOf('tile/entries/001.p/44')) ?? []).reverse()))
        remove('tile/0/001.p/44')
      },
      ['checkpoint-differs: checkpoint of size 300'],
    ],
  ])('%s: named, with the place', async (_, attack, expected) => {
    await fillWithoutVersions()
    attack()
    const found = await differences()
    for (const one of expected) expect(found).toContainEqual(one)
    const verdict = await verify()
    expect(verdict.ok).toBe(false)
    expect(verdict.lockedUntil).toBeNull()
  })

  test('takes the newest checkpoints and all that they cover away: that cannot be seen here', async () => {
    await fillWithoutVersions()
    for (const path of ['checkpoints/0000000000000300', 'tile/entries/001.p/44', 'tile/0/001.p/44']) remove(path)
    overwrite('checkpoint', note(256))
    expect(await verify()).toMatchObject({ ok: true, size: 256, protection: { lock: false, versioning: false } })
  })
})
