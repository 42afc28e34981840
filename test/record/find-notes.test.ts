import { expect, test } from 'vitest'
import { findNotes } from '../../src/record/find-notes.ts'
import { kept } from './good-file.ts'
import { signatureLine } from './signed-file.ts'

const [text = '', own = ''] = kept.split('\n\n')
/** As C2SP has it: a time and a signature. */
const witnessLine = signatureLine('witness.example/w', '01020304', Buffer.alloc(72))

test.each([
  ['by the log alone', kept],
  ['by a witness after the log', `${text}\n\n${own}${witnessLine}`],
  ['by a witness before the log', `${text}\n\n${witnessLine}${own}`],
])('a whole note stays as it is, signed %s', (_, note) => {
  expect(findNotes(note)).toEqual([note])
})

test('two notes one after the other are two', () => {
  expect(findNotes(`${kept}\n${kept}`)).toEqual([kept, kept])
})
