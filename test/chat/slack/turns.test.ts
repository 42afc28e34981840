import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createTurns, type Turns } from '../../../src/chat/slack/turns.ts'
import { closeDb, openDb } from '../../../src/db/client.ts'
import { APP_ROLE } from '../../../src/db/roles.ts'
import type { Db } from '../../../src/db/transaction.ts'
import type { Priority } from '../../../src/ports/chat.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let db: Db
/** Two processes. */
let here: Turns
let there: Turns
let place: string
let places = 0
const each = { spacingMs: 1_000, burst: 1 }
const NOW = 1_800_000_000_000

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.appUrl, { applicationName: 'test turns', role: APP_ROLE, max: 3 })
})
afterAll(async () => {
  await closeDb(db)
  await database.drop()
})
beforeEach(() => {
  here = createTurns(db)
  there = createTurns(db)
  places += 1
  place = `C${places}`
})

/** How long it has to wait; 0: it goes now. */
const take = (turns: Turns, key: string, afterMs: number, priority: Priority = 3, limit = each) =>
  turns.take({ place, key, priority, limit, now: NOW + afterMs }).then(
    () => 0,
    (error: { code: string; retryAfterMs: number }) => (error.code === 'throttled' ? error.retryAfterMs : error),
  )

it('gives each its own second, over two processes, and keeps it for who comes back', async () => {
  expect(await take(here, 'a', 0)).toBe(0)
  expect(await take(there, 'b', 0)).toBe(1_000)
  expect(await take(here, 'c', 100)).toBe(1_900)
  expect(await take(here, 'b', 500)).toBe(500)
  expect(await take(here, 'b', 1_000)).toBe(0)
  expect(await take(there, 'c', 2_100)).toBe(0)
  expect(await take(there, 'd', 9_000)).toBe(0)
})

it('gives the next turn to what is more urgent, and who had it queues again', async () => {
  for (const key of ['a', 'b', 'c', 'd']) await take(here, key, 0)
  expect(await take(there, 'urgent', 100, 0)).toBe(900)
  expect(await take(there, 'urgent too', 100, 1)).toBe(1_900)
  expect(await take(here, 'b', 1_000)).toBe(3_000)
  expect(await take(there, 'urgent', 1_000, 0)).toBe(0)
})

it('moves up what has become more urgent while it waited', async () => {
  for (const key of ['a', 'b', 'c', 'd']) await take(here, key, 0)
  expect(await take(here, 'd', 100, 2)).toBe(900)
})

it('gives a turn that was missed to nobody, so that the next one is not too close', async () => {
  for (const key of ['a', 'b', 'c']) await take(here, key, 0)
  expect(await take(here, 'b', 1_500)).toBe(1_500)
  expect(await take(here, 'c', 2_000)).toBe(0)
})

it('lets several go at once after a pause, and then one by one', async () => {
  const limit = { spacingMs: 1_000, burst: 3 }
  const waits = []
  for (const key of ['a', 'b', 'c', 'd', 'e']) waits.push(await take(here, key, 0, 3, limit))
  expect(waits).toEqual([0, 0, 0, 1_000, 2_000])
})

it('sends nobody there before Slack wants it, after it said no', async () => {
  for (const key of ['a', 'b', 'c']) await take(here, key, 0)
  await here.refused(place, each, NOW + 30_000)
  expect(await take(there, 'b', 1_000)).toBe(29_000)
  expect(await take(here, 'c', 2_000)).toBe(29_000)
})

it('counts what is sent to the name of a channel and to its id as one', async () => {
  expect(await here.conversationOf(`#${place}`)).toBe(`#${place}`)
  const wish = { place: `#${place}`, key: 'a', priority: 3, limit: each, now: NOW } as const
  await here.take(wish)
  await here.learn(`#${place}`, place)
  expect(await there.conversationOf(`#${place}`)).toBe(place)
  expect(await take(there, 'b', 0)).toBe(1_000)
})

it('says that it is unreachable when the database is', async () => {
  const gone = openDb(database.appUrl, { applicationName: 'test turns', role: APP_ROLE, max: 1 })
  await closeDb(gone)
  const wish = { place, key: 'a', priority: 3, limit: each, now: NOW } as const
  await expect(createTurns(gone).take(wish)).rejects.toMatchObject({ name: 'ChatError', code: 'unreachable' })
})
