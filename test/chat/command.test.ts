import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../src/chat/command.ts'
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
    ['end G-7K3QFO', { verb: 'end', grant: 'G-7K3QF0' }],
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
    ['extend G-7K3QF0 soon', 'bad-duration'],
    ['freeze prod-db', 'unknown-command'],
    ['x'.repeat(4_001), 'malformed'],
  ])('refuses %j as %s', (said, code) => {
    expect(parseCommand(said)).toMatchObject({ refused: { code } })
  })

  it('never throws, whatever is typed', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (said) => void parseCommand(said)))
  })
})
