import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import type { Db } from '../../src/db/transaction.ts'
import { createRecord } from '../../src/record/record.ts'
import { createPolicyInForce } from '../../src/workflow/policy-in-force.ts'
import { createTestClock } from '../support/clock.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { testPolicy } from '../support/policy.ts'

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.appUrl, { applicationName: 'test', role: 'countersign_app' })
})
afterAll(async () => {
  await closeDb(db)
  await database.drop()
})

/** A process that read this policy. */
function newProcess(hash: string) {
  const record = createRecord({
    macKey: Buffer.alloc(32, 1),
    seal: (text) => Buffer.from(text),
    open: (sealed) => sealed.toString(),
  })
  const around = { db, record, clock: createTestClock(), changed: async () => {}, committed: () => {} }
  return { record, policy: createPolicyInForce({ policy: testPolicy({ hash }), text: `policy ${hash}` }, around) }
}

test('processes that start at once with one policy put it on record once; with others, each once', async () => {
  const [first, second] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')]
  const processes = [first, first, first, first, second, second].map(newProcess)
  await Promise.all(processes.map(({ policy }) => policy.load()))
  const events = (await processes[0]?.record.readStream(db, 'policy')) ?? []
  const loaded = events.filter(({ type }) => type === 'policy.loaded').map(({ data }) => data.policy)
  expect(loaded.toSorted()).toEqual([first, second].toSorted())
  expect(events.filter(({ type }) => type === 'policy.activated')).toHaveLength(1)
})
