import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dayAt, dayName, mondayOf, startOfDay, weekName, workingDaysAfter } from '../../src/domain/calendar.ts'
import { HOUR } from '../../src/domain/duration.ts'
import { boundaryOf, readPeriod } from '../../src/domain/period.ts'

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Kiritimati', 'America/Santiago']
const NOW = Date.parse('2026-11-23T08:00:00Z')
const read = (said: string, zone = 'Europe/Berlin', now = NOW) => {
  const period = readPeriod(said, now, zone)
  if ('refused' in period) throw new Error(JSON.stringify(period))
  return period
}

it('a week has as many hours as the clocks of its zone give it', () => {
  const hours = (said: string, zone?: string) => {
    const { from, until } = read(said, zone, Date.parse('2027-01-01T00:00:00Z'))
    return (until - from) / HOUR
  }
  expect(hours('2026-W47')).toBe(168)
  expect(hours('2026-W13')).toBe(167)
  expect(hours('2026-W43')).toBe(169)
  expect(hours('2026-W10', 'America/New_York')).toBe(167)
  expect(hours('2026-W44', 'America/New_York')).toBe(169)
  expect(new Date(read('2026-W43').from).toISOString()).toBe('2026-10-18T22:00:00.000Z')
  expect(new Date(read('2026-W43').until).toISOString()).toBe('2026-10-25T23:00:00.000Z')
})

it('reads a week, the last one, this one, and a period with both its days inside', () => {
  expect(read('').name).toBe('2026-W47')
  expect(read('LAST').name).toBe('2026-W47')
  expect(read('this').name).toBe('2026-W48')
  expect(read('2026-w47')).toEqual(read('last'))
  const days = read('2026-11-01..2026-11-15')
  expect((days.until - days.from) / HOUR).toBe(15 * 24)
  expect(boundaryOf(days)).toContain('2026-11-01 to 2026-11-15')
  // The clock has gone into the new week in Auckland, and not yet in Honolulu.
  expect(read('last', 'Pacific/Auckland', Date.parse('2026-11-22T12:00:00Z')).name).toBe('2026-W47')
  expect(read('last', 'Pacific/Honolulu', Date.parse('2026-11-22T12:00:00Z')).name).toBe('2026-W46')
  expect(read('2020-W53').name).toBe('2020-W53')
})

it.each([
  ...['2026-W00', '2026-W54', '2025-W53', '2026-W7', 'yesterday', '2026-02-29..2026-03-01', '2026-11-15..2026-11-01'],
  ...[
    '2026-11-01',
    '2026-11-01..2026-11-02..2026-11-03',
    '2024-01-01..2025-12-31',
    '2026-W49',
    '2026-11-24..2026-11-30',
  ],
])('refuses %s, and says what it would take', (said) => {
  expect(readPeriod(said, NOW, 'Europe/Berlin')).toMatchObject({ refused: { code: 'malformed' } })
})

it('every moment lies in one day, one week and between their bounds, in any zone', () => {
  const moments = fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2045, 0) })
  fc.assert(
    fc.property(moments, fc.constantFrom(...ZONES), (at, zone) => {
      const day = dayAt(at, zone)
      expect(startOfDay(day, zone)).toBeLessThanOrEqual(at)
      expect(startOfDay(day + 1, zone)).toBeGreaterThan(at)
      expect(dayAt(startOfDay(day, zone), zone)).toBe(day)
      expect(dayAt(startOfDay(day, zone) - 1, zone)).toBe(day - 1)
      const week = read(weekName(mondayOf(day)), zone, at)
      expect([week.from <= at, week.until > at]).toEqual([true, true])
    }),
    { numRuns: 300 },
  )
})

it('two working days after a Monday is Wednesday, and after a Friday Tuesday', () => {
  const monday = mondayOf(dayAt(NOW, 'UTC'))
  expect(dayName(workingDaysAfter(monday, 2))).toBe('2026-11-25')
  expect(dayName(workingDaysAfter(monday + 4, 2))).toBe('2026-12-01')
})
