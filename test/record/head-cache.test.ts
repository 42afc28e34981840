import { expect, test } from 'vitest'
import { createHeadCache } from '../../src/record/head-cache.ts'

test('of many streams the last ones are remembered, and no more than the limit', () => {
  const heads = createHeadCache(100)
  for (let n = 0; n < 1_000; n++) heads.set({ stream: `s${n}`, seq: n + 1, hash: 'ab' })
  const known = Array.from({ length: 1_000 }, (_, n) => n).filter((n) => heads.get(`s${n}`)?.seq === n + 1)
  expect(known.length).toBeLessThanOrEqual(100)
  expect(known.slice(-50)).toEqual(Array.from({ length: 50 }, (_, n) => 950 + n))
})
