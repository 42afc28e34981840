import { describe, expect, it } from 'vitest'
import { diffPolicies } from '../../src/policy/diff.ts'
import { changed, GOOD_POLICY } from './policy-text.ts'

describe('diffPolicies', () => {
  it('shows what changed with the lines around it', () => {
    expect(diffPolicies(GOOD_POLICY, changed('maxDuration: 2h', 'maxDuration: 4h'))).toBe(
      [
        '@@ -44,5 +44,5 @@',
        '         level: write',
        '         grants: ledger_write',
        '-        maxDuration: 2h',
        '+        maxDuration: 4h',
        '         requesters: [E1]',
        '         approvals:',
      ].join('\n'),
    )
  })

  it('is empty when nothing changed', () => {
    expect(diffPolicies(GOOD_POLICY, GOOD_POLICY)).toBe('')
  })

  it('shows the whole of the first policy', () => {
    const lines = diffPolicies('', GOOD_POLICY).split('\n')
    expect(lines.filter((line) => line.startsWith('+'))).toHaveLength(GOOD_POLICY.split('\n').length - 1)
  })

  it('counts what does not fit', () => {
    const after = Array.from({ length: 50 }, (_, index) => `line ${index}\n`).join('')
    const lines = diffPolicies('', after, 10).split('\n')
    expect(lines).toHaveLength(11)
    expect(lines.at(-1)).toBe('… 41 more lines')
  })

  it('says so when a large file was rewritten, instead of comparing for ever', () => {
    const text = (word: string) => Array.from({ length: 20_000 }, (_, index) => `${word} ${index}\n`).join('')
    expect(diffPolicies(text('a'), text('b'))).toBe('Rewritten: 20000 lines before, 20000 after')
  })
})
