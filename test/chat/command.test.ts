import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCommand, readAsk, readDuration } from '../../src/chat/command.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'

describe('reading a command', () => {
  it.each([
    [
      'prod-db 2h fix ledger INC-42',
      { target: 'prod-db', entitlement: null, durationMs: 2 * HOUR, reason: 'fix ledger INC-42' },
    ],
    [
      '  prod-db:write   30m\n line one\nline two ',
      { target: 'prod-db', entitlement: 'write', durationMs: 30 * MINUTE, reason: 'line one\nline two' },
    ],
    ['prod-db 2h', { target: 'prod-db', entitlement: null, durationMs: 2 * HOUR, reason: '' }],
    ['constructor 1h why', { target: 'constructor', entitlement: null, durationMs: HOUR, reason: 'why' }],
  ])('reads %j as an ask', (said, ask) => {
    expect(parseCommand(said)).toEqual({ verb: 'ask', ...ask })
  })

  it.each([
    ['', { verb: 'form' }],
    ['   ', { verb: 'form' }],
    ['HELP', { verb: 'help' }],
    ['list please', { verb: 'list' }],
    ['status g-7k3qf0', { verb: 'status', grant: 'G-7K3QF0' }],
    ['evidence g-7k3qf0', { verb: 'evidence', id: 'G-7K3QF0' }],
    ['evidence r-7k3qfo', { verb: 'evidence', id: 'R-7K3QF0' }],
    ['evidence F-7K3QF0', { verb: 'evidence', id: 'F-7K3QF0' }],
    ['evidence Freeze:Prod-DB', { verb: 'evidence', id: 'freeze:prod-db' }],
    ['evidence freeze:*', { verb: 'evidence', id: 'freeze:*' }],
    ['evidence @ana 2026-Q4', { verb: 'evidence-of', subject: '@ana', period: '2026-Q4', grant: null }],
    ['evidence prod-db', { verb: 'evidence-of', subject: 'prod-db', period: '', grant: null }],
    ['evidence orders', { verb: 'evidence-of', subject: 'orders', period: '', grant: 'G-0RDERS' }],
    ['end G-7K3QFO', { verb: 'end', grant: 'G-7K3QF0' }],
    ['freeze', { verb: 'freeze', scope: '', reason: '' }],
    ['Freeze prod-db  odd logins\nsince two', { verb: 'freeze', scope: 'prod-db', reason: 'odd logins\nsince two' }],
    ['unfreeze everywhere now', { verb: 'unfreeze', scope: 'everywhere' }],
    ['revoke-all @E1001 laptop stolen', { verb: 'revoke-all', subject: '@E1001', reason: 'laptop stolen' }],
    ['revoke-all prod-db', { verb: 'revoke-all', subject: 'prod-db', reason: '' }],
    ['status r-7k3qfo', { verb: 'order-status', order: 'R-7K3QF0' }],
    ['status f-7k3qf0', { verb: 'findings', finding: 'F-7K3QF0' }],
    ['findings', { verb: 'findings', finding: null }],
    ['findings f-7k3qfo', { verb: 'findings', finding: 'F-7K3QF0' }],
    [
      'findings F-7K3QF0 due 3d parts come',
      { verb: 'finding-due', finding: 'F-7K3QF0', inMs: 72 * HOUR, reason: 'parts come' },
    ],
    ['cancel R-7K3QF0', { verb: 'order-cancel', order: 'R-7K3QF0' }],
    [
      'extend G-7K3QF0 1h the job is slow',
      { verb: 'extend', grant: 'G-7K3QF0', durationMs: HOUR, reason: 'the job is slow' },
    ],
  ])('reads %j', (said, command) => {
    expect(parseCommand(said)).toEqual(command)
  })

  it.each([
    ['prod-db', 'bad-duration'],
    ['prod-db two hours', 'bad-duration'],
    ['prod-db 0m why', 'bad-duration'],
    ['prod-db -1h why', 'bad-duration'],
    ['prod-db 99999999999999d why', 'bad-duration'],
    ['prod-db:a:b 1h why', 'malformed'],
    [':read 1h why', 'malformed'],
    ['prod-db: 1h why', 'malformed'],
    [`${'x'.repeat(65)} 1h why`, 'malformed'],
    ['status', 'unknown-grant'],
    ['status G-1', 'unknown-grant'],
    ['evidence', 'unknown-grant'],
    ['evidence R-7K3', 'unknown-order'],
    ['evidence F-7K3', 'unknown-finding'],
    ['evidence freeze:', 'unknown-grant'],
    ['extend G-7K3QF0 soon', 'bad-duration'],
    ['findings G-7K3QF0', 'unknown-finding'],
    ['findings F-7K3QF0 close', 'malformed'],
    ['findings F-7K3QF0 due later', 'bad-duration'],
    ['everywhere 1h why', 'unknown-command'],
    ['revoke-all', 'malformed'],
    ['x'.repeat(4_001), 'malformed'],
  ])('refuses %j as %s', (said, code) => {
    expect(parseCommand(said)).toMatchObject({ refused: { code } })
  })

  it.each([
    ['prod-db 1h 30m fix ledger', '1h 30m', '1h30m'],
    ['extend G-7K3QF0 1h 30m the job is slow', '1h 30m', '1h30m'],
    ['prod-db 30m 2h of ledger work', '30m 2h', '30m, and begin the reason with a word'],
  ])('does not guess what %j means', (said, quoted, accepted) => {
    expect(parseCommand(said)).toMatchObject({ refused: { code: 'bad-duration', said: quoted, accepted } })
  })

  it('lets a reason begin with a number', () => {
    expect(parseCommand('prod-db 2h 30 rows to mend')).toMatchObject({
      durationMs: 2 * HOUR,
      reason: '30 rows to mend',
    })
  })

  it.each([
    ['1h 30m', 'fix ledger', { said: '1h 30m', accepted: '1h30m' }],
    ['', '2h of ledger work', { said: '', problem: 'it is missing' }],
    ['2h please', 'fix ledger', { said: '2h please' }],
  ])('never takes the duration %j of a form from its reason', (duration, reason, refusal) => {
    expect(readAsk('prod-db', duration, reason)).toMatchObject({ refused: { code: 'bad-duration', ...refusal } })
  })

  it('takes the reason of a form as it is, whatever it begins with', () => {
    expect(readAsk('prod-db:read', ' 2h ', '30m were not enough')).toEqual({
      ...{ verb: 'ask', target: 'prod-db', entitlement: 'read', durationMs: 2 * HOUR, reason: '30m were not enough' },
    })
    expect(readDuration(' 90m ')).toBe(90 * MINUTE)
  })

  it('never throws, whatever is typed', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (said) => void parseCommand(said)))
  })
})
