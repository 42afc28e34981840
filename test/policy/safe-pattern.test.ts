import { describe, expect, it } from 'vitest'
import { faultOfPattern } from '../../src/policy/safe-pattern.ts'

describe('faultOfPattern', () => {
  it.each([
    '\\b[A-Z]{2,10}-[0-9]{1,7}\\b',
    '\\b[A-Z]+-\\d+\\b',
    'INC-?\\d+',
    '^(INC|CHG|PRB)-\\d+$',
    '(?:ticket|case) #\\d{1,8}',
    'https://tickets\\.example\\.com/browse/[A-Z]+-\\d+',
    '(?<id>[A-Z]{3}\\d{4})',
    '[^\\s]+ \\d+',
    'a|b+|c*',
    '(ab){2}c',
    '.{20,}',
  ])('lets %s judge a reason', (source) => {
    expect(faultOfPattern(source)).toBeNull()
  })

  it.each([
    ['(a+)+$', 'repeats a group'],
    ['(a*)*', 'repeats a group'],
    ['([A-Z]+-?)+', 'repeats a group'],
    ['(a|a)*b', 'repeats a group'],
    ['(a|ab)+$', 'repeats a group'],
    ['((a{1,9}){1,9}){1,9}', 'repeats a group'],
    ['(\\w+\\s?){2}', 'repeats a group'],
    ['(?:a?){50}', 'repeats a group'],
    ['((a{99}){99}){99}', 'repeats a group'],
    ['a{99999999}', 'counts beyond 1000'],
    ['.*.*x', 'nothing definite between'],
    ['\\d+\\d+x', 'nothing definite between'],
    ['\\w+\\d\\w+x', 'nothing definite between'],
    ['a+b?a+x', 'nothing definite between'],
    ['a?a?a?aaa', 'nothing definite between'],
    ['\\d+(?:-)?\\d+x', 'nothing definite between'],
    ['(?:ab)+(?:ab)+x', 'nothing definite between'],
    ['(?:\\d+)?\\d+x', 'nothing definite between'],
    ['\\s*\\n*$', 'nothing definite between'],
    ['(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)(a|a)$', 'too many alternatives'],
    ['(a)\\1', 'refers back'],
    ['(?<q>a)\\k<q>', 'refers back'],
    ['(?=a)b', 'looks ahead'],
    ['(?<!a)b', 'looks ahead'],
    ['(INC', 'not a regular expression'],
    ['[z-a]', 'not a regular expression'],
    ['INC-\\d{1,', 'not a regular expression'],
    ['a'.repeat(201), '201 characters'],
  ])('refuses %.40s', (source, why) => {
    expect(faultOfPattern(source)?.message).toContain(why)
  })

  it('judges the longest reason at once with what it let through', () => {
    for (const source of ['\\b[A-Z]+-\\d+\\b', '[^\\s]+ \\d+', 'INC-?\\d+', '^(INC|CHG|PRB)-\\d+$']) {
      expect(faultOfPattern(source)).toBeNull()
      for (const filler of ['A', '1', 'INC-', ' ', 'A-']) {
        expect(new RegExp(source, 'u').test(`${filler.repeat(2000 / filler.length)}!`)).toBeTypeOf('boolean')
      }
    }
  })
})
