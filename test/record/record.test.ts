import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DAY } from '../../src/domain/duration.ts'
import { StreamConflict } from '../../src/record/append.ts'
import { BodyTooLarge } from '../../src/record/compose.ts'
import { createRecord } from '../../src/record/record.ts'
import { RecordTampered } from '../../src/record/recorded-event.ts'
import { leafHash, parseBody } from '../../src/record/verify.ts'
import { AT, append, asVandal, createRecordDatabase, type RecordDatabase } from './record-fixture.ts'

let db: RecordDatabase
let lastStream = 0
const newStream = () => `request/R-${++lastStream}`

beforeAll(async () => {
  db = await createRecordDatabase()
})
afterAll(() => db.drop())

test('what is appended is read back, chained and in order', async () => {
  const stream = newStream()
  const first = await append(db, stream, 0, { type: 'asked', data: { for: 'prod-db', hours: 2 } })
  const rest = await append(db, stream, 1, { type: 'approved', v: 2, data: { by: 'P-2' } }, 'planned')
  const events = await db.record.readStream(db.app, stream)
  expect(events).toEqual([...first, ...rest])
  expect(events.map(({ seq, type, v, at, prev }) => ({ seq, type, v, at, prev }))).toEqual([
    { seq: 1, type: 'asked', v: 1, at: AT, prev: null },
    { seq: 2, type: 'approved', v: 2, at: AT, prev: events[0]?.hash },
    { seq: 3, type: 'planned', v: 1, at: AT, prev: events[1]?.hash },
  ])
  for (const event of events) {
    expect(parseBody(event.body)).toMatchObject({ stream, seq: event.seq, data: event.data })
    expect(leafHash(event.body).toString('hex')).toBe(event.hash)
  }
})

test('many streams are read at once, and one without events is empty', async () => {
  const [one, two, none] = [newStream(), newStream(), newStream()]
  await append(db, one, 0, 'asked')
  await append(db, two, 0, 'asked', 'approved')
  const read = await db.record.readStreams(db.app, [two, none, one])
  expect([...read].map(([stream, events]) => [stream, events.length])).toEqual([
    [two, 2],
    [none, 0],
    [one, 1],
  ])
})

test('the newest of a type is found, however long ago it was', async () => {
  const stream = newStream()
  await append(db, stream, 0, { type: 'rare', data: { n: 1 } }, { type: 'rare', data: { n: 2 } })
  for (const days of [0, 1, 6, 400]) {
    expect(await db.record.newestOf(db.app, 'rare', AT + 1 + days * DAY)).toMatchObject({ stream, data: { n: 2 } })
  }
  expect(await db.record.newestOf(db.app, 'rare', AT)).toBeNull()
})

describe('two writers on one stream', () => {
  test('the later one is told where the stream ends, and writes nothing', async () => {
    const stream = newStream()
    await append(db, stream, 0, 'asked')
    await append(db, stream, 1, 'approved')
    for (const expected of [0, 1, 3]) {
      const late = append(db, stream, expected, 'denied')
      await expect(late).rejects.toThrow(StreamConflict)
      await expect(late).rejects.toMatchObject({ stream, expectedSeq: expected, actualSeq: 2 })
    }
    expect(await db.record.readStream(db.app, stream)).toHaveLength(2)
  })

  test('of forty at the same instant, one wins', async () => {
    const stream = newStream()
    await append(db, stream, 0, 'asked')
    const others = Array.from({ length: 40 }, () => createRecord(db.keys))
    const outcomes = await Promise.allSettled(
      others.map((record) => append({ app: db.app, record }, stream, 1, 'approved')),
    )
    const lost = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(lost).toHaveLength(39)
    for (const { reason } of lost) expect(reason).toBeInstanceOf(StreamConflict)
    expect(await db.record.readStream(db.app, stream)).toHaveLength(2)
  })

  test('who does not say where it ends is put behind the others', async () => {
    const stream = newStream()
    await Promise.all(Array.from({ length: 20 }, () => append(db, stream, null, 'clicked')))
    expect((await db.record.readStream(db.app, stream)).map(({ seq }) => seq)).toEqual(
      Array.from({ length: 20 }, (_, place) => place + 1),
    )
  })

  test('after a conflict the transaction can still record why', async () => {
    const [stream, notes] = [newStream(), newStream()]
    await append(db, stream, 0, 'asked')
    await db.app.begin(async (tx) => {
      await expect(db.record.append(tx, stream, 0, [{ type: 'asked', data: {} }], AT)).rejects.toThrow(StreamConflict)
      await db.record.append(tx, notes, null, [{ type: 'refused', data: {} }], AT)
    })
    expect(await db.record.readStream(db.app, notes)).toHaveLength(1)
  })

  test('who is told that the stream has moved on waits for nobody, so two who hold rows of each other do not block', async () => {
    const stream = newStream()
    await append(db, stream, 0, 'asked')
    await append(createOther(), stream, 1, 'approved')
    await db.app.begin(async (ahead) => {
      await createOther().record.append(ahead, stream, 2, [{ type: 'planned', data: {} }], AT)
      await expect(append(db, stream, 1, 'denied')).rejects.toMatchObject({ code: 'STREAM_CONFLICT', actualSeq: 2 })
    })
    expect(await db.record.readStream(db.app, stream)).toHaveLength(3)
  })

  test('an end that was rolled back is forgotten', async () => {
    const stream = newStream()
    await append(db, stream, 0, 'asked')
    const rolledBack = db.app.begin(async (tx) => {
      await db.record.append(tx, stream, 1, [{ type: 'denied', data: {} }], AT)
      throw new Error('the database went away')
    })
    await expect(rolledBack).rejects.toThrow('went away')
    await append(createOther(), stream, 1, 'approved')
    await append(db, stream, 2, 'planned')
    expect((await db.record.readStream(db.app, stream)).map(({ type }) => type)).toEqual([
      'asked',
      'approved',
      'planned',
    ])
  })
})

describe('private texts', () => {
  test('only a salted hash is in the body; the text comes back beside it', async () => {
    const stream = newStream()
    const draft = { type: 'asked', data: { for: 'prod-db' }, private: { reason: 'fix ledger', note: 'née Müller 😀' } }
    const [appended] = await append(db, stream, 0, draft)
    const [event] = await db.record.readStream(db.app, stream)
    expect(event).toEqual(appended)
    expect(event?.texts).toEqual(draft.private)
    expect(event?.data).toEqual({
      for: 'prod-db',
      reason: { salted: expect.stringMatching(/^[0-9a-f]{64}$/) },
      note: { salted: expect.any(String) },
    })
    expect(JSON.stringify(await db.admin`select * from event, private_text`)).not.toMatch(/ledger|ller/)
  })

  test('the same text twice has two hashes', async () => {
    const stream = newStream()
    await append(db, stream, 0, ...[1, 2].map(() => ({ type: 'said', data: {}, private: { text: 'yes' } })))
    const [one, two] = await db.record.readStream(db.app, stream)
    expect(one?.data.text).not.toEqual(two?.data.text)
  })

  test('an erased text is missing, and nothing else', async () => {
    const stream = newStream()
    await append(db, stream, 0, { type: 'asked', data: {}, private: { reason: 'fix ledger' } })
    await db.admin`delete from private_text p using event e where p.leaf_hash = e.leaf_hash and e.stream = ${stream}`
    const [event] = await db.record.readStream(db.app, stream)
    expect(event?.texts).toEqual({})
  })

  test('another text in its place is refused', async () => {
    const stream = newStream()
    await append(db, stream, 0, { type: 'asked', data: {}, private: { reason: 'fix ledger' } })
    await db.admin`update private_text p set sealed = ${db.keys.seal('something else')} from event e
      where p.leaf_hash = e.leaf_hash and e.stream = ${stream}`
    await expect(db.record.readStream(db.app, stream)).rejects.toMatchObject({
      fault: 'private text reason is another',
    })
    await db.admin`update private_text p set sealed = 'scribble' from event e
      where p.leaf_hash = e.leaf_hash and e.stream = ${stream}`
    await expect(db.record.readStream(db.app, stream)).rejects.toThrow(RecordTampered)
  })
})

describe('what may be in an event', () => {
  test('NUL and lone surrogates are replaced, and the body says where', async () => {
    const stream = newStream()
    await append(db, stream, 0, {
      type: 'asked',
      data: { a: ['fine', 'n\0ul', { 'k\ud800': 1 }] },
      private: { reason: 'half \udc00 pair' },
    })
    const [event] = await db.record.readStream(db.app, stream)
    expect(event?.data.a).toEqual(['fine', 'n\ufffdul', { 'k\ufffd': 1 }])
    expect(event?.texts.reason).toBe('half \ufffd pair')
    expect(JSON.parse(event?.body ?? '').cleaned).toEqual(['data/a/1', 'data/a/2', 'data/reason'])
  })

  test('a body may be 60 KiB, and not a byte more', async () => {
    const stream = newStream()
    const [empty] = await append(db, stream, 0, { type: 'said', data: { text: '' } })
    const room = 60 * 1024 - Buffer.byteLength(empty?.body ?? '') - 62 // a hash in place of null, in quotes
    await append(db, stream, 1, { type: 'said', data: { text: 'x'.repeat(room) } })
    await expect(append(db, stream, 2, { type: 'said', data: { text: 'x'.repeat(room + 1) } })).rejects.toThrow(
      BodyTooLarge,
    )
    await expect(append(db, stream, 2, { type: 'said', data: { text: 'é'.repeat(room / 2 + 1) } })).rejects.toThrow(
      BodyTooLarge,
    )
  })

  test('a closed stream counts its events', async () => {
    const stream = newStream()
    await append(db, stream, 0, 'asked', 'denied', { type: 'closed', data: { count: 9 } })
    const events = await db.record.readStream(db.app, stream)
    expect(events.at(-1)?.data).toEqual({ count: 3 })
  })
})

describe('somebody changes the tables', () => {
  const changed = {
    'body-changed': (sql, stream) =>
      sql`update event set body = replace(body, 'prod-db', 'mail') where stream = ${stream}`,
    'mac-wrong': (sql, stream) => sql`update event set mac = sha256(mac) where stream = ${stream} and seq = 2`,
    'column-changed': (sql, stream) => sql`update event set type = 'denied' where stream = ${stream} and seq = 2`,
    'chain-broken': (sql, stream) => sql`delete from event where stream = ${stream} and seq = 1`,
    'its head stands at 3': (sql, stream) => sql`delete from event where stream = ${stream} and seq = 3`,
    'its head stands at 2': (sql, stream) => sql`update stream_head set seq = 2 where stream = ${stream}`,
    'its head stands at nothing': (sql, stream) => sql`delete from stream_head where stream = ${stream}`,
    'its events are missing': (sql, stream) => sql`delete from event where stream = ${stream}`,
  } satisfies Record<string, (sql: RecordDatabase['admin'], stream: string) => Promise<unknown>>

  test.each(Object.entries(changed))('%s: the stream is refused, and the fault is named', async (fault, change) => {
    const stream = newStream()
    await append(db, stream, 0, { type: 'asked', data: { for: 'prod-db' } }, 'approved', 'planned')
    await asVandal(db.admin, (sql) => change(sql, stream))
    const read = db.record.readStream(db.app, stream)
    await expect(read).rejects.toThrow(RecordTampered)
    await expect(read).rejects.toMatchObject({ stream, fault })
  })

  test('an event without our MAC is refused, whatever its hash', async () => {
    const stream = newStream()
    const forger = createRecord({ ...db.keys, macKey: Buffer.alloc(32) })
    await append({ app: db.app, record: forger }, stream, 0, 'approved')
    await expect(db.record.readStream(db.app, stream)).rejects.toMatchObject({ fault: 'mac-wrong' })
  })

  test('the owner is refused while the triggers stand, the application by its rights', async () => {
    const stream = newStream()
    await append(db, stream, 0, 'asked')
    await expect(db.admin`update event set type = 'x'`).rejects.toThrow('the record is only added to')
    await expect(db.admin`delete from event where stream = 'none'`).rejects.toThrow('the record is only added to')
    await expect(db.admin`truncate event`).rejects.toThrow('the record is only added to')
    for (const sql of [db.app, db.sealer]) {
      await expect(sql`update event set type = 'x'`).rejects.toMatchObject({ code: '42501' })
      await expect(sql`delete from event`).rejects.toMatchObject({ code: '42501' })
    }
    await expect(db.sealer`insert into event select * from event`).rejects.toMatchObject({ code: '42501' })
    await expect(db.app`insert into leaf values (1, 0, '')`).rejects.toMatchObject({ code: '42501' })
    await expect(db.app`delete from event_pending`).rejects.toMatchObject({ code: '42501' })
  })
})

function createOther() {
  return { app: db.app, record: createRecord(db.keys) }
}
