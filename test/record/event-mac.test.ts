import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { macOf } from '../../src/record/event-mac.ts'

test('the MAC of an event is the HMAC-SHA-256 that everybody computes, for keys of any length', () => {
  const bytes = (lengths: { minLength: number; maxLength: number }) => fc.uint8Array(lengths).map((x) => Buffer.from(x))
  fc.assert(
    fc.property(bytes({ minLength: 1, maxLength: 200 }), bytes({ minLength: 32, maxLength: 32 }), (key, leafHash) => {
      expect(macOf(key, leafHash)).toEqual(createHmac('sha256', key).update(leafHash).digest())
    }),
  )
})
