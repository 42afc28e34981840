import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createClockGuard } from '../../src/workflow/guard-clock.ts'
import { createTestClock } from '../support/clock.ts'

it('refuses as long as time is more than two seconds behind what is on record, or what was said', () => {
  const span = fc.integer({ min: 0, max: 10_000 })
  fc.assert(
    fc.property(span, span, span, (now, writtenUntil, ahead) => {
      let told = 0
      const guard = createClockGuard({
        ...{ clock: createTestClock(now), writtenUntil, aheadMs: () => ahead },
        onFellBack: () => {
          told += 1
        },
      })
      const behind = Math.max(writtenUntil - now, ahead)
      const expected = behind > 2_000 ? { refused: { code: 'clock-fell-back', byMs: behind } } : null
      expect(guard()).toEqual(expected)
      expect(told).toBe(expected === null ? 0 : 1)
    }),
  )
})
