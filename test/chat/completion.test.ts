import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../src/chat/command.ts'
import { completionFor, exampleFor } from '../../src/chat/completion.ts'
import { checkReason } from '../../src/domain/check-reason.ts'
import { MINUTE } from '../../src/domain/duration.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'

const withRead = (overrides: Parameters<typeof testEntitlement>[0]) =>
  testPolicy({
    targets: {
      closed: testTarget({ name: 'closed', entitlements: { read: testEntitlement({ requesters: ['bo'] }) } }),
      bare: testTarget({ name: 'bare', defaultEntitlement: null }),
      reports: testTarget({ name: 'reports', entitlements: { read: testEntitlement(overrides) } }),
    },
  })

describe('the words that are completed', () => {
  it('have every verb that works', () => {
    const words = completionFor(testPolicy(), 'ana').map((one) => one.word)
    expect(words).toEqual(
      expect.arrayContaining(['list', 'mine', 'status', 'extend', 'done', 'end', 'cancel', 'help', 'prod-db']),
    )
  })
})

describe('the verbs of an emergency', () => {
  const wordsFor = (person: string) => completionFor(testPolicy(), person)

  it('are offered to those who may use them, with what they may name', () => {
    const freeze = wordsFor('olga').find(({ word }) => word === 'freeze')
    expect(freeze?.next.map(({ word }) => word)).toEqual(['everywhere', 'prod-db'])
    expect(wordsFor('carla').map(({ word }) => word)).toEqual(expect.arrayContaining(['unfreeze', 'revoke-all']))
    expect(wordsFor('ana').map(({ word }) => word)).not.toContain('freeze')
  })
})

describe('the example', () => {
  it('is of the first target that this person may ask for by its bare name', () => {
    expect(exampleFor(withRead({}), 'ana')).toBe('/access reports 2m fix ledger INC-42')
    expect(exampleFor(withRead({}), 'bo')).toBe('/access closed 2m fix ledger INC-42')
  })

  it('meets the limits of that target, and hints at what the reason needs', () => {
    const pattern = { source: 'CHG-[0-9]+', hint: 'a change such as CHG-7' }
    const reason = { minLength: 3, maxLength: 500, pattern }
    const example = exampleFor(withRead({ maxDurationMs: MINUTE, reason }), 'ana')
    expect(example).toBe('/access reports 1m a change such as CHG-7')
    const command = parseCommand((example ?? '').replace('/access ', ''))
    expect('reason' in command && checkReason(command.reason, reason)).toBeNull()
  })

  it('is none where there is nothing to ask for', () => {
    expect(exampleFor(testPolicy({ targets: {} }), 'ana')).toBeNull()
  })
})
