import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LogVerdict } from '../../src/record/verify-log.ts'
import { ProgressRefused, writeProgress } from '../../src/record/verify-progress.ts'
import { type Checking, checkRecord } from '../../src/workflow/check-record.ts'
import type { Alarm } from '../../src/workflow/context.ts'
import { AT, createRecordDatabase, type RecordDatabase } from '../record/record-fixture.ts'
import { createTestClock } from '../support/clock.ts'

const DAY_MS = 24 * 60 * 60_000
const macKey = Buffer.alloc(32, 1)
let db: RecordDatabase
beforeAll(async () => {
  db = await createRecordDatabase()
})
afterAll(() => db.drop())

const good: LogVerdict = { ok: true, size: 9, witnesses: [{ witness: 'a', size: 9 }], differences: [] }
const bad = (differences: LogVerdict['differences']): LogVerdict => ({ ...good, ok: false, differences })
const progressOf = (readAt: number) =>
  writeProgress(macKey, {
    ...{ origin: 'test.example/log', tree: { size: 0, edge: [], open: [] }, events: 0 },
    ...{ chains: '00'.repeat(32), salt: 'ab', readAt, pruned: 0 },
  })

/** Runs one check, and says what it raised, what it read from, and what it put on record. */
async function check(verify: (progress: string | null) => LogVerdict, kept: string | null = null) {
  const alarms: Alarm[] = []
  const asked: (string | null)[] = []
  const clock = createTestClock(AT)
  const context: Checking = {
    ...{ db: db.app, record: db.record, clock, committed: () => undefined },
    alarm: (alarm) => alarms.push(alarm),
  }
  const verifyFrom = async (progress: string | null) => {
    asked.push(progress)
    return verify(progress)
  }
  await checkRecord(context, verifyFrom, { read: async () => kept })
  return { alarms, asked, event: (await db.record.readStream(db.app, 'system')).at(-1) }
}

test('a record that is as it was recorded alarms nobody, and that it was checked is on record', async () => {
  const { alarms, event } = await check(() => good)
  expect(alarms).toEqual([])
  expect(event).toMatchObject({
    type: 'record.checked',
    data: { ok: true, size: 9, from: 0, checkpoint: 9, differences: 0, tookMs: 0 },
  })
})

test('each difference is named, and of very many how many more there are', async () => {
  const difference = { what: 'column-changed', where: 'grant:G-7K3QF2 #3', column: 'type', since: null } as const
  const { alarms, event } = await check(() => bad([difference]))
  expect(alarms).toEqual([{ what: 'record-differs', detail: 'column-changed: grant:G-7K3QF2 #3 (type)', grant: null }])
  expect(event).toMatchObject({ type: 'record.checked', data: { ok: false, differences: 1 } })
  const many = await check(() => bad(Array.from({ length: 25 }, () => difference)))
  expect(many.alarms).toHaveLength(21)
  expect(many.alarms.at(-1)?.detail).toBe('5 more: run verify --log')
})

test('it goes on from what the last check kept, and reads everything again after a week', async () => {
  const [recent, old] = [progressOf(AT - DAY_MS), progressOf(AT - 7 * DAY_MS)]
  const resumed = { ...good, resumed: { size: 4, readAt: AT - DAY_MS } }
  const second = await check(() => resumed, recent)
  expect(second.asked).toEqual([recent])
  expect(second.event?.data.from).toBe(4)
  expect((await check(() => good, old)).asked).toEqual([null])
})

test('what was kept and is refused is not used: everything is read', async () => {
  const kept = progressOf(AT)
  const { asked, event } = await check((progress) => {
    if (progress !== null) throw new ProgressRefused('it was changed')
    return good
  }, kept)
  expect(asked).toEqual([kept, null])
  expect(event?.data).toMatchObject({ ok: true, from: 0 })
  expect((await check(() => good, 'no progress at all')).asked).toEqual([null])
})
