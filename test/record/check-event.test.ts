import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createEventCheck } from '../../src/record/check-event.ts'
import { macOf } from '../../src/record/event-mac.ts'
import type { CopiedEvent } from '../../src/record/read-leaves.ts'
import { type EventRow, faultOf } from '../../src/record/recorded-event.ts'
import { canonicalJson, leafHash } from '../../src/record/verify.ts'

const macKey = randomBytes(32)
const checks = [createEventCheck(macKey, 'each'), createEventCheck(macKey, 'different')]

function copied(row: EventRow): CopiedEvent {
  const { stream, seq, type, v, at, body, prev, mac } = row
  const leafInput = Buffer.concat([Buffer.of(0), Buffer.from(body)])
  const prevHex = prev?.toString('hex') ?? null
  return {
    stream,
    seq,
    type,
    v,
    at,
    leafInput,
    prev: prev?.toString('latin1') ?? null,
    prevHex,
    mac: mac.toString('latin1'),
  }
}

const text = fc.string({ unit: fc.constantFrom('a', 'é', '"', '\\', '}', ',', '\u{1f600}', '\n'), maxLength: 6 })
const place = fc.record({
  stream: text.map((name) => `s${name}`),
  seq: fc.integer({ min: 1, max: 5 }),
  type: text.map((name) => `t${name}`),
  v: fc.integer({ min: 1, max: 3 }),
  at: fc.nat(),
  data: fc.dictionary(text, fc.jsonValue({ maxDepth: 2, stringUnit: 'grapheme' })),
})
const CHANGES: readonly ((row: EventRow) => EventRow)[] = [
  (row) => row,
  (row) => ({ ...row, stream: `${row.stream}x` }),
  (row) => ({ ...row, seq: row.seq + 1 }),
  (row) => ({ ...row, type: `${row.type}x` }),
  (row) => ({ ...row, v: row.v + 1 }),
  (row) => ({ ...row, at: row.at * 10 + 1 }),
  (row) => ({ ...row, prev: row.prev === null ? randomBytes(32) : null }),
  (row) => ({ ...row, prev: randomBytes(32) }),
  (row) => ({ ...row, mac: randomBytes(32) }),
  (row) => ({ ...row, body: `${row.body} ` }),
]

test('the quick check finds what the slow one finds, whatever was changed', () => {
  fc.assert(
    fc.property(place, fc.nat(), (given, change) => {
      const prev = given.seq === 1 ? null : randomBytes(32)
      const body = canonicalJson({ ...given, prev: prev?.toString('hex') ?? null })
      const leaf = leafHash(body)
      const good: EventRow = { ...given, body, prev, leafHash: leaf, mac: macOf(macKey, leaf) }
      const row = CHANGES[change % CHANGES.length]?.(good) ?? good
      const expected = faultOf(row, macKey)
      for (const check of checks) expect(check(copied(row), leaf.toString('latin1'))?.what ?? null).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('what carries our MAC and is no event is named, by both', () => {
  for (const body of ['no JSON', 'null', '7', '{"at":1']) {
    const leaf = leafHash(body)
    const row: EventRow = {
      ...{ stream: 's', seq: 1, type: 't', v: 1, at: 1, body, prev: null, leafHash: leaf },
      mac: macOf(macKey, leaf),
    }
    expect(faultOf(row, macKey)).toBe('body-malformed')
    for (const check of checks) {
      expect(check(copied(row), leaf.toString('latin1'))).toEqual({ what: 'body-malformed' })
    }
  }
})
