import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { metricNames, readMetrics } from '../support/read-metrics.ts'

/*
 * What an operator sees of a whole process: an access is asked for, given, ended and proved, and /metrics tells of each.
 */
let house: House
let replica: Replica

beforeAll(async () => {
  house = await openHouse()
  replica = await house.startReplica()
})
afterAll(() => house.close())

const read = async (from = replica) => readMetrics(await (await fetch(`${from.url}/metrics`)).text())

test('the story of an access can be read from the metrics of any process', async () => {
  const other = await house.startReplica()
  await Promise.all([read(), read(other)])
  const id = idOn(await replica.command('ana', 'prod-db 2s fix the ledger'))
  await replica.press('ana', 'approve', id)
  await replica.press('marcus', 'approve', id)
  await until('it is proved', async () => ((await read(other))('endings_total', { step: 'proved' }) ?? 0) === 1)

  const here = await until('this one shows it too, with all that was sealed', async () => {
    const [record] = await house.db<{ leaves: number; pending: number }[]>`
      select (select count(*) from leaf)::int as leaves, (select count(*) from event_pending)::int as pending`
    const seen = await read()
    const isShown =
      seen('endings_total', { step: 'proved' }) === 1 && seen('effects_waiting', { kind: 'announce' }) === null
    return isShown && record?.pending === 0 && seen('record_size') === record.leaves ? seen : null
  })
  expect(here('act_duration_seconds_count', { verb: 'ask for access', outcome: 'answered' })).toBe(1)
  expect(here('act_duration_seconds_count', { verb: 'approve', outcome: 'answered' })).toBe(1)
  expect(here('act_duration_seconds_count', { verb: 'approve', outcome: 'refused' })).toBe(1)
  expect((await read(other))('act_duration_seconds_count', { verb: 'approve' })).toBeNull()

  expect(here('endings_total', { step: 'begun' })).toBe(1)
  expect(here('endings_unproved')).toBe(0)
  expect(here('endings_stuck')).toBe(0)
  expect(here('ending_lateness_seconds_count', { cause: 'expired' })).toBe(1)
  expect(here('ending_proof_seconds_sum')).toBeGreaterThanOrEqual(
    here('ending_lateness_seconds_sum', { cause: 'expired' }) ?? Number.POSITIVE_INFINITY,
  )
  expect(here('record_quarantined')).toBe(0)
  expect(here('sealing_oldest_unwitnessed_seconds')).toBe(0)
  expect(here('witness_age_seconds', { witness: 'file' })).not.toBeNull()
  expect(here('sealing_lag_seconds', { witness: 'file' })).not.toBeNull()
  expect(here('notices_undeliverable')).toBe(0)
  expect(here('ready', { check: 'policy' })).toBe(1)
  expect(here('ready', { check: 'witness file' })).toBe(0)
  expect(here('house_read')).toBe(1)
  const told =
    ((await read())('notice_lateness_seconds_count') ?? 0) + ((await read(other))('notice_lateness_seconds_count') ?? 0)
  expect(told).toBeGreaterThan(0)
  await other.stop()
})

test('no id and no text of a person is in a label', async () => {
  await replica.command('ana', 'prod-db 1h INC-4711 the reason')
  await replica.command('bo', 'nonsense 1h INC-4711 the reason')
  const text = await (await fetch(`${replica.url}/metrics`)).text()
  expect(text).not.toMatch(/G-[0-9A-Z]{6}|INC-4711|nonsense|\bana\b/)
})

test('an ending that the target does not let happen is seen as not proved', async () => {
  await fetch(`${replica.url}/metrics`)
  const id = idOn(await replica.command('bo', 'prod-db 1h fix the ledger'))
  await replica.press('marcus', 'approve', id)
  await until('it is active', async () => {
    const [row] = await house.db`select from grant_state where id = ${id} and status = 'active'`
    return row !== undefined
  })
  const release = Promise.withResolvers<void>()
  const held = house.targetDb.begin(async (tx) => {
    await tx`select from jit.account where grant_id = ${id} for update`
    await release.promise
  })
  try {
    await replica.press('bo', 'done', id)
    await until('it is seen', async () => (await read())('endings_unproved') === 1)
  } finally {
    release.resolve()
    await held
  }
  await until('it is proved', async () => (await read())('endings_unproved') === 0)
})

test('every metric is explained in docs/metrics.md, and no other', async () => {
  const names = metricNames(await (await fetch(`${replica.url}/metrics`)).text())
  const docs = await readFile('docs/metrics.md', 'utf8')
  const explained = [...docs.matchAll(/^\| `(countersign_\w+)/gm)].map(([, name]) => name)
  expect(explained.toSorted()).toEqual(names.toSorted())
})

test('without its database it still tells what it knows, and that it is blind', async () => {
  await house.cluster.stop()
  const here = await until('it says so', async () => {
    const seen = await read()
    return seen('house_read') === 0 ? seen : null
  })
  expect(here('record_size')).toBeNull()
  expect(here('ready', { check: 'database' })).toBe(0)
  expect(here('act_duration_seconds_count', { verb: 'ask for access' })).not.toBeNull()
  await house.cluster.start()
  await until('it sees again', async () => (await read())('house_read') === 1)
})
