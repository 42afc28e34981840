import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { missingSignatures } from '../../src/domain/quorum.ts'

const rule = (need: number, ...persons: string[]) => ({ need, persons: new Set(persons) })

describe('counting signatures', () => {
  it('counts a person in two groups once', () => {
    expect(missingSignatures([rule(1, 'ana', 'bo'), rule(1, 'ana', 'cy')], ['ana'])).toBe(1)
    expect(missingSignatures([rule(1, 'ana', 'bo'), rule(1, 'ana', 'cy')], ['ana', 'cy'])).toBe(0)
  })

  it('gives a person who could serve two rules to the one that needs them', () => {
    expect(missingSignatures([rule(1, 'ana', 'bo'), rule(1, 'ana')], ['ana', 'bo'])).toBe(0)
    expect(missingSignatures([rule(1, 'ana', 'bo'), rule(1, 'ana')], ['bo', 'ana'])).toBe(0)
  })

  it('counts one person who signed three times once', () => {
    expect(missingSignatures([rule(2, 'ana', 'bo')], ['ana', 'ana', 'ana'])).toBe(1)
  })

  it('does not count a stranger', () => {
    expect(missingSignatures([rule(1, 'ana')], ['mallory'])).toBe(1)
  })

  it('agrees with trying every way of seating the signers', () => {
    const people = fc.subarray(['a', 'b', 'c', 'd', 'e'])
    const rules = fc.array(fc.record({ need: fc.integer({ min: 1, max: 2 }), persons: people }), { maxLength: 3 })
    fc.assert(
      fc.property(rules, people, (drawn, signers) => {
        const resolved = drawn.map(({ need, persons }) => ({ need, persons: new Set(persons) }))
        expect(missingSignatures(resolved, signers)).toBe(fewestEmptySeats(resolved, signers))
      }),
      { numRuns: 500 },
    )
  })
})

/** The slow and obvious way: every signer takes each seat in turn, or none. */
function fewestEmptySeats(rules: { need: number; persons: Set<string> }[], signers: string[]): number {
  const seats = rules.flatMap((one) => Array.from({ length: one.need }, () => one.persons))
  const most = (left: string[], free: Set<string>[]): number => {
    const [person, ...others] = left
    if (person === undefined) return 0
    const taken = free.flatMap((seat, index) =>
      seat.has(person)
        ? [
            1 +
              most(
                others,
                free.filter((_, other) => other !== index),
              ),
          ]
        : [],
    )
    return Math.max(most(others, free), ...taken)
  }
  return seats.length - most(signers, seats)
}
