import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canSign } from '../../src/policy/check-approvals.ts'

describe('canSign', () => {
  it.each([
    ['one of one', [{ need: 1, eligible: ['a'] }], true],
    ['one of none', [{ need: 1, eligible: [] }], false],
    ['two of one person listed twice', [{ need: 2, eligible: ['a', 'a'] }], false],
    [
      'two rules with one person',
      [
        { need: 1, eligible: ['a'] },
        { need: 1, eligible: ['a'] },
      ],
      false,
    ],
    [
      'two rules, the second bound to whom the first would take',
      [
        { need: 1, eligible: ['a', 'b'] },
        { need: 1, eligible: ['a'] },
      ],
      true,
    ],
    [
      'a chain of moves',
      [
        { need: 1, eligible: ['a', 'b'] },
        { need: 1, eligible: ['b', 'c'] },
        { need: 1, eligible: ['a'] },
      ],
      true,
    ],
  ])('%s', (_, rules, expected) => {
    expect(canSign(rules)).toBe(expected)
  })

  it('agrees with trying every choice', () => {
    const rule = fc.record({
      need: fc.integer({ min: 1, max: 2 }),
      eligible: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')),
    })
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 3 }), (rules) => {
        const seats = rules.flatMap(({ need, eligible }) => Array.from({ length: need }, () => eligible))
        expect(canSign(rules)).toBe(someChoice(seats, new Set()))
      }),
    )
  })
})

function someChoice([seat, ...rest]: string[][], used: ReadonlySet<string>): boolean {
  if (seat === undefined) return true
  return seat.some((person) => !used.has(person) && someChoice(rest, new Set([...used, person])))
}
