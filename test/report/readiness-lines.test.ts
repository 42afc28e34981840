import { expect, test } from 'vitest'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import { tellKeeping, tellVerification, tellWitness } from '../../src/report/readiness-lines.ts'

/* Lines of /readyz that take days to change. */
const NOW = Date.UTC(2026, 10, 23, 9)
const checked = { ok: true, size: 12, from: 0, checkpoint: 12, differences: 0, tookMs: 1_000 }

test('a record that was never checked is told as such, and is late when its first day is over', () => {
  const since = (ms: number) => tellVerification(null, NOW - ms, NOW)
  expect(since(3 * HOUR)).toMatchObject({ state: 'ok', detail: expect.stringMatching(/^not yet run: .*began 3h ago$/) })
  expect(since(DAY + HOUR)).toMatchObject({ state: 'ok' })
  expect(since(DAY + 2 * HOUR)).toMatchObject({ state: 'degraded', detail: expect.stringContaining('VERIFY_SCHEDULE') })
  expect(tellVerification(null, null, NOW)).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/^not yet run/),
  })
})

test('a check that found something, or is a week old and more, wants somebody to look', () => {
  const after = (ms: number, more = {}) => tellVerification({ ...checked, ...more, at: NOW - ms }, NOW - 99 * DAY, NOW)
  expect(after(HOUR)).toMatchObject({ state: 'ok', detail: expect.stringMatching(/^whole; 12 events; /) })
  expect(after(HOUR, { ok: false, differences: 2 })).toMatchObject({ state: 'degraded' })
  expect(after(8 * DAY)).toMatchObject({ state: 'degraded' })
})

test('a bucket that locks for less time than the policy keeps says so, and what to set', () => {
  const look = { strength: 'independent', faults: [], seen: [], newest: { size: 12, at: NOW - HOUR } } as const
  const line = (lockMs: number | undefined) =>
    tellWitness(
      look,
      { administeredBy: 'Legal', ...(lockMs !== undefined && { lockMs }) },
      { retentionYears: 7, now: NOW },
    )
  const good = { state: 'ok', detail: 'holds 12, kept 1h ago; administered by Legal' }
  for (const lockMs of [undefined, 7 * 365 * DAY, 99 * 365 * DAY]) expect(line(lockMs)).toEqual(good)
  expect(line(7 * 365 * DAY - 1)).toEqual({
    state: 'degraded',
    detail: `locks for 2554 days, shorter than the retention of the policy, 7y: set retention=7y in WITNESSES. What lies there keeps its lock; ${good.detail}`,
  })
})

test('one keeper alone can neither hold nor erase, and the line names who it is', () => {
  const figures = { holds: 1, waiting: 2, erased: 0 }
  const line = (keepers: string[], pruning: Parameters<typeof tellKeeping>[2] = null, counted = true) =>
    tellKeeping(keepers, counted ? figures : null, pruning, NOW)
  expect(line(['carla'])).toEqual({
    state: 'degraded',
    detail:
      'carla alone may hold and erase, which takes two: name keepers; 1 held, 2 erasures wait; nothing was pruned yet',
  })
  expect(line([]).detail).toMatch(/^nobody may hold/)
  expect(line(['carla', 'dirk'])).toMatchObject({ state: 'ok', detail: expect.stringMatching(/^1 held, 2 erasures/) })
  const ran = { pruned: 3, held: 0, due: 0, refused: null, at: NOW - HOUR }
  expect(line(['carla', 'dirk'], ran)).toMatchObject({
    state: 'ok',
    detail: expect.stringMatching(/pruned 3, looked 1h ago$/),
  })
  expect(line(['carla', 'dirk'], { ...ran, due: 2 })).toMatchObject({
    state: 'degraded',
    detail: expect.stringMatching(/^2 grants stay that should be pruned/),
  })
  expect(line(['carla', 'dirk'], null, false).detail).toContain('the record of holds was changed')
})
