import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Append } from '../../src/record/append.ts'
import { createRecord } from '../../src/record/record.ts'
import { AT, append, createRecordDatabase, type RecordDatabase } from './record-fixture.ts'

let db: RecordDatabase
let lastStream = 0
const newStream = () => `request/T-${++lastStream}`
const step = (stream: string, expectedSeq: number, ...types: string[]): Append => ({
  ...{ stream, expectedSeq, at: AT },
  drafts: types.map((type) => ({ type, data: {}, private: { reason: `why ${type}` } })),
})
const together = (...appends: Append[]) => db.app.begin((tx) => db.record.appendTogether(tx, appends))
const typesOf = async (stream: string) =>
  (await createRecord(db.keys).readStream(db.app, stream)).map(({ type, texts }) => `${type}: ${texts.reason ?? ''}`)

beforeAll(async () => {
  db = await createRecordDatabase()
})
afterAll(() => db.drop())

test('new streams and old ones take their events, chained, with their texts', async () => {
  const [old, fresh] = [newStream(), newStream()]
  await append(db, old, 0, 'asked')
  expect(await together(step(old, 1, 'ending', 'disabled'), step(fresh, 0, 'asked'))).toEqual(new Set([old, fresh]))
  expect(await together(step(fresh, 1, 'signed'))).toEqual(new Set([fresh]))
  expect(await typesOf(old)).toEqual(['asked: ', 'ending: why ending', 'disabled: why disabled'])
  expect(await typesOf(fresh)).toEqual(['asked: why asked', 'signed: why signed'])
})

test('a stream that moved on, or that another began, is left out and holds up no other', async () => {
  const [moved, begun, good] = [newStream(), newStream(), newStream()]
  for (const stream of [moved, good]) await append(db, stream, 0, 'asked')
  const other = createRecord(db.keys)
  await append({ app: db.app, record: other }, moved, 1, 'cancelled')
  await append({ app: db.app, record: other }, begun, 0, 'asked')
  expect(await together(step(moved, 1, 'ending'), step(begun, 0, 'asked'), step(good, 1, 'ending'))).toEqual(
    new Set([good]),
  )
  expect(await typesOf(moved)).toHaveLength(2)
  expect(await typesOf(begun)).toHaveLength(1)
  expect(await typesOf(good)).toHaveLength(2)
})

test('a stream that this process never read is left out', async () => {
  const stream = newStream()
  await append({ app: db.app, record: createRecord(db.keys) }, stream, 0, 'asked')
  expect(await together(step(stream, 1, 'ending'))).toEqual(new Set())
})

test('a stream that somebody is writing to is not waited for', async () => {
  const [held, free] = [newStream(), newStream()]
  for (const stream of [held, free]) await append(db, stream, 0, 'asked')
  await db.app.begin(async (tx) => {
    await createRecord(db.keys).append(tx, held, 1, [{ type: 'cancelled', data: {} }], AT)
    expect(await together(step(held, 1, 'ending'), step(free, 1, 'ending'))).toEqual(new Set([free]))
  })
})

test('of two who write the same many, each stream has one winner', async () => {
  const streams = Array.from({ length: 40 }, newStream)
  for (const stream of streams) await append(db, stream, 0, 'asked')
  const others = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const record = createRecord(db.keys)
      await record.readStreams(db.app, streams)
      return record
    }),
  )
  const won = await Promise.all(
    others.map((record) =>
      db.app.begin((tx) =>
        record.appendTogether(
          tx,
          streams.map((stream) => step(stream, 1, 'ending')),
        ),
      ),
    ),
  )
  expect(won.flatMap((some) => [...some]).toSorted()).toEqual(streams.toSorted())
})
