import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Signer, signCheckpoint } from '../../src/record/signer.ts'
import { loadTree } from '../../src/record/tiles.ts'
import { KEYS_STREAM, parseCheckpoint, parseNote, SIGNER_APPOINTED } from '../../src/record/verify.ts'
import { verifyBucket } from '../../src/witness/verify-bucket.ts'
import { append, createRecordDatabase, createTestSigner, type RecordDatabase } from '../record/record-fixture.ts'
import { openBucket, openWitness, seal, useCredentials } from './bucket-fixture.ts'
import { type FakeS3, startFakeS3 } from './fake-s3.ts'

/* A log in a bucket that came to another signing key: checked from the bucket alone, by who has either key. */
const FOLDER = 'log/test.example_2Flog/'
const [first, second, third] = [createTestSigner(), createTestSigner(), createTestSigner()]
let db: RecordDatabase
let fake: FakeS3

beforeAll(async () => {
  useCredentials()
  db = await createRecordDatabase()
  await seal(db, 0, 10)
  await append(db, KEYS_STREAM, 0, { type: SIGNER_APPOINTED, data: { from: first.vkey, to: second.vkey } })
  await seal(db, 10, 0)
  await seal(db, 10, 5)
})
afterAll(() => db.drop())
beforeEach(async () => {
  fake = await startFakeS3({ pageSize: 7 })
  const witness = openWitness(fake, db)
  await witness.keep(await noteOf(10, first))
  await witness.keep(await noteOf(11, first, second))
  await witness.keep(await noteOf(16, second))
  witness.close()
})
afterEach(() => fake.close())

async function noteOf(size: number, signer: Signer, next?: Signer): Promise<string> {
  return signCheckpoint(signer, { size, root: (await loadTree(db.admin, 1, size)).root() }, next)
}

async function verify(signer: Signer, earlier: string[] = []) {
  const bucket = openBucket(fake)
  const kept = earlier.map((note) => ({ file: 'kept.txt', note, size: parseCheckpoint(parseNote(note).text).size }))
  try {
    return await verifyBucket(bucket, 'log', signer.vkey, kept)
  } finally {
    bucket.close()
  }
}

async function put(path: string, note: string): Promise<void> {
  const bucket = openBucket(fake)
  await bucket.put(`${FOLDER}${path}`, Buffer.from(note), { contentType: 'text/plain', lockedUntil: null })
  bucket.close()
}

test('is whole for who has the old key and for who has the new one, and for nobody else', async () => {
  for (const signer of [first, second]) {
    expect(await verify(signer)).toMatchObject({ ok: true, size: 16, checkpoints: 3, differences: [] })
  }
  expect((await verify(third)).ok).toBe(false)
})

test('the old key after the hand-over, and a hand-over that one key signed, are named', async () => {
  await put('checkpoints/0000000000000015', await noteOf(15, first))
  await put('hand-overs/0000000000000010', await noteOf(10, first))
  for (const signer of [first, second]) {
    expect((await verify(signer)).differences.filter(({ what }) => what !== 'not-locked')).toMatchObject([
      { what: 'hand-over-forged', where: `${FOLDER}hand-overs/0000000000000010` },
      { what: 'checkpoint-forged', where: `${FOLDER}checkpoints/0000000000000015` },
    ])
  }
})

test('continues what somebody kept, by the key of its time; another past, a longer log and another key are named', async () => {
  const right = [await noteOf(7, first), await noteOf(10, first), await noteOf(11, second), await noteOf(16, second)]
  for (const signer of [first, second]) expect(await verify(signer, right)).toMatchObject({ ok: true, differences: [] })
  const root = Buffer.alloc(32, 7)
  const other = [
    await signCheckpoint(first, { size: 10, root }),
    await noteOf(12, first),
    await signCheckpoint(second, { size: 17, root }),
  ]
  expect((await verify(first, other)).differences).toMatchObject([
    { what: 'earlier-forged', where: 'kept.txt, size 12' },
    { what: 'earlier-differs', where: 'kept.txt, size 10' },
    { what: 'earlier-differs', where: 'kept.txt, size 17, and the bucket has 16' },
  ])
})
