import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DAY,
  DURATION_PATTERN,
  formatDuration,
  HOUR,
  LONGEST_MS,
  MINUTE,
  parseDuration,
} from '../../src/domain/duration.ts'

describe('parseDuration', () => {
  it.each([
    ['30m', 30 * MINUTE],
    ['2h', 2 * HOUR],
    ['1h30m', 90 * MINUTE],
    ['1d', DAY],
    ['90s', 90_000],
    ['1d2h3m4s', DAY + 2 * HOUR + 3 * MINUTE + 4000],
    ['2H', 2 * HOUR],
    ['007m', 7 * MINUTE],
    ['1h90m', 150 * MINUTE],
    ['0h5m', 5 * MINUTE],
    ['3650d', LONGEST_MS],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: ms })
  })

  it.each([
    ['', 'empty'],
    ['0m', 'zero'],
    ['0d0h', 'zero'],
    ['-2h', 'negative'],
    ['−2h', 'negative'],
    ['30', 'no-unit'],
    ['1.5h', 'fractional'],
    ['1,5h', 'fractional'],
    ['2x', 'bad-unit'],
    ['2hours', 'bad-unit'],
    ['2ms', 'bad-unit'],
    ['1h1h', 'repeated-unit'],
    ['30m1h', 'unit-order'],
    ['h', 'malformed'],
    ['2 h', 'malformed'],
    [' 2h', 'malformed'],
    ['2h\n', 'malformed'],
    ['1h30', 'malformed'],
    ['1e3h', 'bad-unit'],
    ['٢h', 'malformed'],
    ['3651d', 'overflow'],
    ['99999999999999999999d', 'overflow'],
    ['9'.repeat(1_000_000), 'too-long-text'],
  ])('refuses %.20j as %s and says what would be accepted', (text, code) => {
    const reading = parseDuration(text)
    expect(reading).toMatchObject({ code })
    expect('accepted' in reading && reading.accepted).toMatch(/\d/)
  })

  it('names the limit when the time is over it', () => {
    expect(parseDuration('6h', { maxMs: 2 * HOUR })).toEqual({ code: 'over-limit', accepted: 'at most 2h' })
    expect(parseDuration('2h', { maxMs: 2 * HOUR })).toEqual({ ok: 2 * HOUR })
  })

  it('offers both readings of a bare number', () => {
    expect(parseDuration('30')).toEqual({ code: 'no-unit', accepted: '30m or 30h' })
  })

  it('offers no reading that it would refuse itself', () => {
    expect(parseDuration('90000')).toEqual({ code: 'no-unit', accepted: '90000m' })
    expect(parseDuration('9'.repeat(26))).toEqual({
      code: 'no-unit',
      accepted: 'a time such as 30m, 2h, 1h30m or 1d',
    })
  })

  it('is not widened by a limit above the longest of all', () => {
    expect(parseDuration('4000d', { maxMs: Number.MAX_SAFE_INTEGER })).toMatchObject({ code: 'overflow' })
  })

  it('never throws and never returns a time that is not positive, whole and within bounds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9dhms.-]{0,12}$/)), (text) => {
        const reading = parseDuration(text)
        if (!('ok' in reading)) return
        expect(reading.ok).toBeGreaterThan(0)
        expect(reading.ok).toBeLessThanOrEqual(LONGEST_MS)
        expect(Number.isInteger(reading.ok)).toBe(true)
        expect(text.toLowerCase()).toMatch(new RegExp(DURATION_PATTERN))
      }),
    )
  })
})

describe('formatDuration', () => {
  it('is read back as the same time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: LONGEST_MS / 1000 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toEqual({ ok: seconds * 1000 })
      }),
    )
  })

  it.each([
    [90_000, '1m30s'],
    [2 * HOUR, '2h'],
    [26 * HOUR, '1d2h'],
    [1999, '1s'],
    [999, '0s'],
    [-5, '0s'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text)
  })
})
