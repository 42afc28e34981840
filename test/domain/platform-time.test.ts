import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '../../src/domain/duration.ts'
import { platformSkew, splitPlatformTime, withPlatformTime } from '../../src/domain/platform-time.ts'

const NOW = 1_800_000_000_000

describe('the platform’s time and ours', () => {
  it.each([
    ['a minute ahead', MINUTE, null],
    ['more than that', MINUTE + 1, { platform: 'ahead', byMs: MINUTE + 1 }],
    ['two minutes ago', -2 * MINUTE, null],
    ['more than that', -2 * MINUTE - 1, { platform: 'behind', byMs: 2 * MINUTE + 1 }],
  ])('%s: %d ms is %o', (_words, differenceMs, skew) => {
    expect(platformSkew(NOW + differenceMs, NOW)).toEqual(skew)
  })

  it('what is at most ten seconds on its way is never skew; a clock that is turned by five minutes always is', () => {
    const lag = fc.integer({ min: 0, max: 10 * SECOND })
    const apart = fc.integer({ min: -50 * SECOND, max: 50 * SECOND })
    const turned = fc.integer({ min: 5 * MINUTE, max: 1_000_000 * MINUTE })
    fc.assert(
      fc.property(lag, apart, turned, fc.boolean(), (lagMs, apartMs, turnedMs, isBack) => {
        const arrived = NOW + lagMs
        expect(platformSkew(NOW + apartMs, arrived)).toBeNull()
        const skew = platformSkew(NOW, arrived + (isBack ? -turnedMs : turnedMs))
        expect(skew?.platform).toBe(isBack ? 'ahead' : 'behind')
        expect(Math.abs((skew?.byMs ?? 0) - turnedMs)).toBeLessThanOrEqual(lagMs)
      }),
    )
  })

  it('is put into what is recorded and comes out of it, and what never had one stays as it was', () => {
    const times = fc.record({ platformAt: fc.nat() }, { requiredKeys: [] })
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), times, (data, time) => {
        fc.pre(!Object.hasOwn(data, 'platformAt') && !Object.hasOwn(data, '__proto__'))
        expect(splitPlatformTime(withPlatformTime(data, time))).toEqual({ data, time })
      }),
    )
  })
})
