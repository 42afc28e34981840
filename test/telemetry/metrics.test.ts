import { expect, test } from 'vitest'
import type { HouseFigures } from '../../src/telemetry/house-figures.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { readMetrics } from '../support/read-metrics.ts'

const build = { version: '1.2.3', commit: 'abc', lockFile: 'def' }

function figures(changes: Partial<HouseFigures> = {}): HouseFigures {
  return {
    endings: { unproved: 0, stuck: 0 },
    record: { size: 10, pending: 0, oldestPendingMs: 0, oldestUnwitnessedMs: 0, quarantined: 0 },
    check: null,
    witnesses: [],
    undeliverable: 0,
    freezes: [],
    findings: { open: [], accepted: 0, unreadable: 0 },
    keeping: { holds: 0, waiting: 0, erased: 0 },
    pruning: null,
    chat: { behind: 0, oldestMs: 0 },
    effects: [],
    seen: [],
    ...changes,
  }
}

test('what the process noticed is counted by verb, outcome and what', async () => {
  const metrics = createMetrics(build)
  metrics.act('approve', 'answered', 40)
  metrics.act('approve', 'answered', 60)
  metrics.act('approve', 'refused', 2_500)
  metrics.chatInStep(1_500)
  metrics.alarm('orphan-access')
  const read = readMetrics(await metrics.show(null, []))
  expect(read('act_duration_seconds_count', { verb: 'approve', outcome: 'answered' })).toBe(2)
  expect(read('act_duration_seconds_sum', { verb: 'approve', outcome: 'answered' })).toBeCloseTo(0.1)
  expect(read('act_duration_seconds_bucket', { verb: 'approve', outcome: 'refused', le: '3' })).toBe(1)
  expect(read('act_duration_seconds_bucket', { verb: 'approve', outcome: 'refused', le: '2' })).toBe(0)
  expect(read('notice_lateness_seconds_sum')).toBe(1.5)
  expect(read('alarms_total', { what: 'orphan-access' })).toBe(1)
  expect(read('build_info', { version: '1.2.3', commit: 'abc' })).toBe(1)
})

test('a freeze has a line for as long as it holds', async () => {
  const metrics = createMetrics(build)
  const frozen = readMetrics(await metrics.show(figures({ freezes: [{ target: 'prod-db', forMs: 90_000 }] }), []))
  expect(frozen('frozen_seconds', { target: 'prod-db' })).toBe(90)
  expect(await metrics.show(figures(), [])).not.toContain('countersign_frozen_seconds{')
})

test('findings are counted by severity, and what is accepted is not open', async () => {
  const metrics = createMetrics(build)
  const findings = { open: [{ severity: 'critical', open: 3, overdue: 1 }], accepted: 2, unreadable: 1 }
  const read = readMetrics(await metrics.show(figures({ findings }), []))
  expect(read('findings_open', { severity: 'critical' })).toBe(3)
  expect(read('findings_overdue', { severity: 'critical' })).toBe(1)
  expect([read('findings_accepted'), read('findings_unreadable')]).toEqual([2, 1])
})

test('what is held, erased and pruned is counted; the last pruning has lines once there was one', async () => {
  const metrics = createMetrics(build)
  expect(await metrics.show(figures(), [])).not.toMatch(/^countersign_pruning/m)
  const pruning = { pruned: 3, held: 2, due: 1, refused: true, ageMs: 60_000 }
  const read = readMetrics(await metrics.show(figures({ keeping: { holds: 4, waiting: 5, erased: 6 }, pruning }), []))
  expect([read('holds'), read('erasures_waiting'), read('texts_erased')]).toEqual([4, 5, 6])
  expect([read('pruning_pruned'), read('pruning_held'), read('pruning_due'), read('pruning_refused')]).toEqual([
    3, 2, 1, 1,
  ])
  expect(read('pruning_age_seconds')).toBe(60)
  expect(await metrics.show(figures({ keeping: null }), [])).not.toMatch(/^countersign_holds/m)
})

test('the last check of the record has lines once there was one', async () => {
  const metrics = createMetrics(build)
  expect(await metrics.show(figures(), [])).not.toMatch(/^countersign_record_check/m)
  const check = { ok: false, size: 12, tookMs: 1_500, ageMs: 60_000 }
  const read = readMetrics(await metrics.show(figures({ check }), []))
  expect(read('record_check_ok')).toBe(0)
  expect(read('record_check_size')).toBe(12)
  expect(read('record_check_duration_seconds')).toBe(1.5)
  expect(read('record_check_age_seconds')).toBe(60)
})

test('an ending is counted once, with its cause and how late it was', async () => {
  const metrics = createMetrics(build)
  const seen: HouseFigures['seen'] = [
    { step: 'begun', cause: 'expired', lateMs: 40 },
    { step: 'begun', cause: 'done', lateMs: -3 },
    { step: 'proved', lateMs: 2_000 },
  ]
  await metrics.show(figures({ seen }), [])
  const read = readMetrics(await metrics.show(figures(), []))
  expect(read('endings_total', { step: 'begun' })).toBe(2)
  expect(read('endings_total', { step: 'proved' })).toBe(1)
  expect(read('endings_total', { step: 'stuck' })).toBe(0)
  expect(read('ending_lateness_seconds_sum', { cause: 'expired' })).toBe(0.04)
  expect(read('ending_lateness_seconds_sum', { cause: 'done' })).toBe(0)
  expect(read('ending_proof_seconds_bucket', { le: '2.5' })).toBe(1)
})

test('old figures of the house never stand for new ones', async () => {
  const metrics = createMetrics(build)
  const effects = [{ kind: 'announce', waiting: 3, running: 1, stuck: 0, givenUp: 0, lateByMs: -500 }]
  const witnesses = [{ witness: 'file', ageMs: 1_000, lagMs: 30 }]
  const checks = [
    { name: 'database', state: 'ok' },
    { name: 'target prod-db', state: 'failed' },
  ]
  const first = readMetrics(await metrics.show(figures({ effects, witnesses }), checks))
  expect(first('effects_waiting', { kind: 'announce' })).toBe(3)
  expect(first('effects_late_seconds', { kind: 'announce' })).toBe(0)
  expect(first('witness_age_seconds', { witness: 'file' })).toBe(1)
  expect(first('record_size')).toBe(10)
  expect(first('ready', { check: 'database' })).toBe(1)
  expect(first('ready', { check: 'target prod-db' })).toBe(0)
  expect(first('house_read')).toBe(1)

  const second = readMetrics(await metrics.show(figures(), []))
  expect(second('effects_waiting', { kind: 'announce' })).toBeNull()
  expect(second('ready', { check: 'target prod-db' })).toBeNull()

  const away = readMetrics(await metrics.show(null, checks))
  expect(away('house_read')).toBe(0)
  expect(away('record_size')).toBeNull()
  expect(away('endings_unproved')).toBeNull()
})

test('names of alarms without end become one', async () => {
  const metrics = createMetrics(build)
  for (let n = 0; n < 100; n++) metrics.alarm(`alarm-${n}`)
  metrics.alarm('alarm-1')
  const read = readMetrics(await metrics.show(null, []))
  expect(read('alarms_total', { what: 'alarm-1' })).toBe(2)
  expect(read('alarms_total', { what: 'other' })).toBe(36)
})

test('two in one process do not share their counts', async () => {
  const [one, two] = [createMetrics(build), createMetrics(build)]
  one.alarm('orphan-access')
  expect(readMetrics(await two.show(null, []))('alarms_total', { what: 'orphan-access' })).toBeNull()
})
