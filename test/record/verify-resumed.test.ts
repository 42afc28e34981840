import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chainKey, createChainSum } from '../../src/record/chain-sum.ts'
import { type VerifyOptions, verifyLog } from '../../src/record/verify-log.ts'
import { type Progress, readProgress, writeProgress } from '../../src/record/verify-progress.ts'
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
} from './record-fixture.ts'

const RANGE = 256
const ORIGIN = 'test.example/log'
const clock = createTestClock()
const signer = createTestSigner()
let db: RecordDatabase
let witness: FakeWitness

/** One stream over three ranges, and a checkpoint in the middle of the first. */
beforeEach(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  const replica = createReplica(db, { signer, witnesses: [witness], clock })
  replica.sealer.start()
  await append(db, 'a', 0, ...Array.from({ length: 100 }, () => 'said'))
  replica.sealer.kick()
  await replica.sealer.sealed('a', 100)
  await append(db, 'a', 100, ...Array.from({ length: 700 }, () => 'said'))
  replica.sealer.kick()
  await replica.sealer.sealed('a', 800)
  await replica.stop()
})
afterEach(() => db.drop())

const verify = (options: VerifyOptions = {}) =>
  verifyLog(db.app, db.keys.macKey, createWitnessed(signer.vkey, [witness]), { range: RANGE, ...options })

/** What a check has kept that was broken off after so many ranges, by way of its file. */
async function brokenOffAfter(ranges: number): Promise<Progress> {
  let text = ''
  let left = ranges
  const breaking = verify({
    now: () => 7,
    onProgress(progress) {
      text = writeProgress(db.keys.macKey, progress)
      if (--left === 0) throw new Error('broken off')
    },
  })
  await expect(breaking).rejects.toThrow('broken off')
  return readProgress(db.keys.macKey, ORIGIN, text)
}

test('a check that was broken off goes on where it came to, and says since when', async () => {
  const resume = await brokenOffAfter(2)
  expect(resume.tree.size).toBe(2 * RANGE)
  const verdict = await verify({ resume })
  expect(verdict).toEqual({
    ok: true,
    size: 800,
    witnesses: [{ witness: 'fake', size: 800 }],
    differences: [],
    resumed: { size: 512, readAt: 7 },
  })
})

describe('a check that goes on finds', () => {
  test('what was changed after the part that was read, and what does not follow it', async () => {
    const resume = await brokenOffAfter(1)
    await asVandal(db.admin, (sql) => sql`update event set type = 'denied' where seq = 600`)
    await db.admin`update stream_head set seq = 799`
    const { differences } = await verify({ resume })
    expect(differences).toContainEqual(
      expect.objectContaining({ what: 'column-changed', where: 'a #600, leaf 599', column: 'type' }),
    )
    expect(differences).toContainEqual(expect.objectContaining({ what: 'head-differs' }))
  })

  test('a tree that was changed in the part that was read', async () => {
    const resume = await brokenOffAfter(2)
    await db.admin`update tile set hashes = set_byte(hashes, 40, (get_byte(hashes, 40) + 1) % 256) where level = 1`
    expect((await verify({ resume })).differences).toContainEqual(expect.objectContaining({ what: 'progress-differs' }))
  })

  test('a record that is shorter than what was read', async () => {
    const resume = await brokenOffAfter(2)
    await asVandal(db.admin, async (sql) => {
      await sql`delete from leaf where leaf_index >= 300`
      await sql`delete from tile`
      await sql`delete from checkpoint where size > 100`
    })
    expect((await verify({ resume })).differences).toContainEqual(expect.objectContaining({ what: 'progress-differs' }))
  })

  test('a witness that has seen another beginning', async () => {
    const resume = await brokenOffAfter(2)
    const other = await createRecordDatabase()
    const liar = createFakeWitness()
    const accomplice = createReplica(other, { signer, witnesses: [liar], clock })
    accomplice.sealer.start()
    await append(other, 'b', 0, ...Array.from({ length: 100 }, () => 'denied'))
    accomplice.sealer.kick()
    await accomplice.sealer.sealed('b', 100)
    await accomplice.stop()
    await other.drop()
    witness = liar
    expect((await verify({ resume })).differences).toEqual([
      { what: 'witness-differs', where: 'witness fake, size 100', since: null },
    ])
  })
})

test('what was read is not read again: a check from the beginning finds what was changed there since', async () => {
  const resume = await brokenOffAfter(2)
  await asVandal(db.admin, (sql) => sql`update event set body = replace(body, 'said', 'done') where seq = 5`)
  expect(await verify({ resume })).toMatchObject({ ok: true })
  expect((await verify()).differences).toContainEqual(expect.objectContaining({ what: 'body-changed' }))
})

test('after a doubt nothing more is kept, so that whoever goes on comes to it again', async () => {
  await asVandal(db.admin, (sql) => sql`update event set type = 'denied' where seq = 300`)
  const kept: number[] = []
  await verify({ onProgress: ({ tree }) => void kept.push(tree.size) })
  expect(kept).toEqual([RANGE])
})

test('a file of progress that was changed, or is of another key or log, is refused', async () => {
  const progress = await brokenOffAfter(1)
  const text = writeProgress(db.keys.macKey, progress)
  const refused = (file: string, key = db.keys.macKey, origin = ORIGIN) =>
    expect(() => readProgress(key, origin, file)).toThrow(/it /)
  expect(readProgress(db.keys.macKey, ORIGIN, text)).toEqual(progress)
  refused(text.replace('256', '512'))
  refused(text, Buffer.alloc(32))
  refused(text, db.keys.macKey, 'test.example/other')
  refused('{}')
  refused('nothing')
})

test('the sum over chains is zero for whole chains in any order and any cut, and for nothing else', () => {
  const key = chainKey(Buffer.alloc(32, 1), 'salt')
  const leafOf = (stream: number, seq: number) => String.fromCharCode(stream + 1, seq + 1).padEnd(32, 'x')
  const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(lengths, fc.nat(), fc.nat(), (streams, cut, drop) => {
      const events = streams.flatMap((length, stream) => Array.from({ length }, (_, seq) => ({ stream, seq: seq + 1 })))
      const sumOf = (some: typeof events) => {
        const sums = [createChainSum(key), createChainSum(key)] as const
        for (const [place, { stream, seq }] of some.entries()) {
          const sum = sums[place < cut % some.length ? 0 : 1]
          sum.add(`s${stream}`, seq, leafOf(stream, seq))
          if (seq > 1) sum.subtract(`s${stream}`, seq - 1, leafOf(stream, seq - 1))
        }
        for (const [stream, length] of streams.entries()) sums[0].subtract(`s${stream}`, length, leafOf(stream, length))
        sums[0].plus(sums[1].value())
        return sums[0].isZero()
      }
      expect(sumOf(events)).toBe(true)
      expect(sumOf(events.toReversed())).toBe(true)
      const without = events.filter((_, place) => place !== drop % events.length)
      if (without.length > 0) expect(sumOf(without)).toBe(false)
      expect(sumOf([...events, ...events.slice(0, 1)])).toBe(false)
    }),
  )
})
