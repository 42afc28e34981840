import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import type { Db, Tx } from '../../src/db/transaction.ts'
import type { Job } from '../../src/schedule/run-due-slots.ts'
import { createSchedule, type Schedule } from '../../src/schedule/schedule.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestLog } from '../support/log.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A Monday, 8:30 in Berlin. */
const START = Date.UTC(2026, 10, 23, 7, 30)

let database: TestDatabase
let db: Db
let clock: TestClock

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.appUrl, { applicationName: 'test', role: 'countersign_app' })
})
afterAll(async () => {
  await closeDb(db)
  await database.drop()
})
beforeEach(async () => {
  await db`delete from schedule_slot`
  clock = createTestClock(START)
})

function replica(...jobs: (Pick<Job, 'run'> & Partial<Job>)[]): Schedule & { lines: Record<string, unknown>[] } {
  const { log, lines } = createTestLog()
  const named = jobs.map((job) => ({ name: 'digest', cron: '0 9 * * *', ...job }))
  return { ...createSchedule({ db, clock, timeZone: () => 'Europe/Berlin', jobs: named, log }), lines }
}

const day = (slot: number) => (slot - (START + HOUR / 2)) / DAY

test('a job that is new has missed nothing, and runs at its first slot', async () => {
  const slots: number[] = []
  const schedule = replica({ run: async (_, slot) => void slots.push(day(slot)) })
  await schedule.start()
  expect(slots).toEqual([])
  await clock.advance(HOUR / 2 - 1)
  await schedule.runDue()
  expect(slots).toEqual([])
  await clock.advance(1)
  await schedule.runDue()
  await schedule.runDue()
  expect(slots).toEqual([0])
  await schedule.stop()
})

test('over replicas a slot is run once', async () => {
  const slots: number[] = []
  const run = async (_: Tx, slot: number) => void slots.push(day(slot))
  const replicas = [replica({ run }), replica({ run }), replica({ run })]
  await Promise.all(replicas.map((schedule) => schedule.runDue()))
  for (let n = 0; n < 20; n++) {
    await clock.advance(DAY)
    await Promise.all(replicas.map((schedule) => schedule.runDue()))
  }
  expect(slots).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('a slot of the future that somebody wrote into the table keeps no job from running', async () => {
  const slots: number[] = []
  const schedule = replica({ run: async (_, slot) => void slots.push(day(slot)) })
  await schedule.runDue()
  await db`insert into schedule_slot (job, slot, at) values ('digest', ${START + 10 * DAY + 1}, 0)`
  await clock.advance(2 * DAY)
  await replica({ run: async (_, slot) => void slots.push(day(slot)) }).runDue()
  expect(slots).toEqual([0, 1])
})

test('slots missed while nobody ran are caught up, each once and in order', async () => {
  const slots: number[] = []
  const run = async (_: Tx, slot: number) => void slots.push(day(slot))
  await replica({ run }).runDue()
  await clock.advance(5 * DAY)
  await Promise.all([replica({ run }).runDue(), replica({ run }).runDue()])
  expect(slots).toEqual([0, 1, 2, 3, 4])
})

test('a job that asks for the latest only is run once after a down-time', async () => {
  const slots: number[] = []
  const job = { catchUp: 'latest' as const, run: async (_: Tx, slot: number) => void slots.push(day(slot)) }
  await replica(job).runDue()
  await clock.advance(5 * DAY)
  await Promise.all([replica(job).runDue(), replica(job).runDue()])
  expect(slots).toEqual([4])
  await clock.advance(DAY)
  await replica(job).runDue()
  expect(slots).toEqual([4, 5])
})

test('a run that fails is run again, before later ones, and leaves nothing behind', async () => {
  const tried: number[] = []
  let broken = true
  const schedule = replica({
    run: async (tx, slot) => {
      tried.push(day(slot))
      await tx`insert into schedule_slot (job, slot, at) values ('trace', ${slot}, 0)`
      if (broken) throw Object.assign(new Error('private words'), { code: 'UNREACHABLE' })
    },
  })
  await schedule.runDue()
  await clock.advance(2 * DAY)
  await schedule.runDue()
  expect(tried).toEqual([0])
  expect(await db`select 1 from schedule_slot where job = 'trace'`).toHaveLength(0)
  expect(schedule.lines).toMatchObject([{ level: 'error', job: 'digest', code: 'UNREACHABLE' }])
  expect(JSON.stringify(schedule.lines)).not.toContain('private words')
  broken = false
  await schedule.runDue()
  expect(tried).toEqual([0, 0, 1])
})

test('a job that fails does not hold up another', async () => {
  const slots: number[] = []
  const schedule = replica(
    { name: 'broken', run: () => Promise.reject(new Error('no')) },
    { name: 'sweep', cron: '*/5 * * * *', run: async (_, slot) => void slots.push((slot - START) / 60_000) },
  )
  await schedule.runDue()
  await clock.advance(15 * 60_000)
  await schedule.runDue()
  expect(slots).toEqual([5, 10, 15])
})

test('stopping waits for the job at hand and starts no other; twice is harmless', async () => {
  const finish = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const ended: string[] = []
  const schedule = replica(
    {
      name: 'one',
      run: async () => {
        begun.resolve()
        await finish.promise
        ended.push('one')
      },
    },
    { name: 'two', run: async () => void ended.push('two') },
  )
  await schedule.runDue()
  await clock.advance(DAY)
  const starting = schedule.start()
  await begun.promise
  const stops = [schedule.stop(), schedule.stop()]
  finish.resolve()
  await Promise.all([starting, ...stops])
  expect(ended).toEqual(['one'])
  await schedule.runDue()
  expect(ended).toEqual(['one'])
})

test('two jobs of one name are refused', () => {
  const run = async () => undefined
  expect(() => replica({ run }, { run })).toThrow('the same name')
})
