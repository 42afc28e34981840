import { describe, expect, it } from 'vitest'
import { helpCard } from '../../src/cards/lists.ts'
import { refusalLine } from '../../src/cards/refusal-line.ts'
import type { Refusal } from '../../src/domain/refusal.ts'
import { wordsOf } from './grant-story.ts'

const said = (refusal: Refusal) => wordsOf(refusalLine(refusal, (id) => id.toUpperCase()))

describe('a refusal', () => {
  it('names the command that puts a held policy into force', () => {
    const words = said({ code: 'policy-held', own: 'a'.repeat(64), active: 'b'.repeat(64) })
    expect(words).toContain(`npm run -s countersign -- policy activate ${'a'.repeat(12)} --as <person>`)
    expect(words).toContain('b'.repeat(12))
  })

  it.each([
    ['pending', 'Wait until it is approved'],
    ['providing', 'Wait until it works'],
    ['removed', 'Ask for a new one with /access.'],
    ['active', 'Ask for a new one with /access.'],
  ])('of what is not an active access but %s says what to do', (status, step) => {
    expect(said({ code: 'not-active', status })).toContain(step)
  })

  it('says that the duration is missing, without quoting nothing', () => {
    const words = said({ code: 'bad-duration', said: '', problem: 'it is missing', accepted: '30m' })
    expect(words).toBe('How long is missing. Write 30m.')
  })

  it('quotes the hint of a policy as a sentence, however it begins', () => {
    const words = (hint: string) => said({ code: 'reason-pattern', hint })
    expect(words('Name the ticket')).toBe('The reason lacks something. Name the ticket. Add it and send again.')
    expect(words('a ticket such as INC-42')).toContain('. A ticket such as INC-42. ')
  })

  it('names who can sign an extension that is open, and nobody when nobody is left to', () => {
    expect(said({ code: 'extension-open', approvers: ['olga'] })).toContain('OLGA can sign it.')
    expect(said({ code: 'extension-open', approvers: [] })).not.toContain('can sign')
  })

  it('does not offer less than a second', () => {
    expect(said({ code: 'extension-too-long', latest: 1, leftMs: 999 })).not.toContain('0s')
  })
})

it('lists every verb that works in the help', () => {
  const words = wordsOf(helpCard())
  for (const verb of [
    'list',
    'mine',
    'status',
    'extend',
    'done',
    'end',
    'cancel',
    'freeze',
    'unfreeze',
    'revoke-all',
    'help',
  ]) {
    expect(words).toContain(`/access ${verb}`)
  }
})
