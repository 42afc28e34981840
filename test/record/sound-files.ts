import { signCheckpoint } from '../../src/record/signer.ts'
import { canonicalJson, EMPTY_ROOT, parseNote, parseVkey, saltedHash } from '../../src/record/verify.ts'
import { firstOfMany, noteOf } from './forged-notes.ts'
import { ENTRY, type Given, good, kept, ORIGIN, POLICY, REVEAL, SALT, salted, signer } from './good-file.ts'
import { createTestSigner } from './record-fixture.ts'
import { signatureLine, signFile, story } from './signed-file.ts'

const json = JSON.stringify(good)
const begun = (text: string): Given => ({ file: json.replace('{', `{${text},`) })
const nested = (levels: number): unknown[] => (levels === 1 ? [] : [nested(levels - 1)])
const log = async (...bodies: (object | string)[]): Promise<Given> => ({ file: await signFile(signer, bodies) })
const [empty = {}] = story('s', { data: { text: '' } })
const { text, signatures } = parseNote(good.checkpoint)
const { id } = parseVkey(signer.vkey)
const ownLine = signatureLine(ORIGIN, id, signatures[0]?.signature ?? Buffer.alloc(0))
const signed = (...lines: string[]): Given => ({ file: { ...good, checkpoint: `${text}\n${lines.join('')}` } })

/** What stands at the edge of the form, and inside: a verifier that refuses one of these is too strict. */
export const sound: readonly (readonly [what: string, make: () => Given | Promise<Given>])[] = [
  ['as it is', () => ({ file: good })],
  ['with white space', () => ({ file: `\r\n\t ${JSON.stringify(good, null, 2)}\n` })],
  [
    'with every letter escaped',
    () => ({
      file: json.replace(/[a-z](?=[^"\\]*":)/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
    }),
  ],
  ['with numbers in another spelling', () => ({ file: json.replace('"leafIndex":3', '"leafIndex":0.3e+1') })],
  ['with minus nothing', () => ({ file: json.replace('"leafIndex":0', '"leafIndex":-0.0') })],
  ['with a further member', () => begun('"n":[1e308,{"a":null,"b":[true,false]},{"a":"\\ud83d\\ude00\\u0000"}]')],
  ['with a further member named __proto__', () => begun('"__proto__":{"format":1}')],
  ['with a further member, 64 deep', () => begun(`"n":${JSON.stringify(nested(64))}`)],
  ['with an empty list of consistency', () => ({ file: { ...good, consistency: [] } })],
  [
    'with a proof that nobody asked for',
    () => ({ file: { ...good, consistency: [{ size: 2 ** 53 - 1, proof: [] }] } }),
  ],
  ['with a checkpoint that was kept', () => ({ file: { ...good, consistency: [ENTRY] }, earlier: [kept] })],
  ['with the same checkpoint kept twice', () => ({ file: { ...good, consistency: [ENTRY] }, earlier: [kept, kept] })],
  ['with its own checkpoint kept', () => ({ file: good, earlier: [good.checkpoint] })],
  [
    'with a checkpoint kept from before the first event',
    async () => ({
      file: good,
      earlier: [await signCheckpoint(signer, { size: 0, root: EMPTY_ROOT })],
    }),
  ],
  ['with a reveal', () => ({ file: { ...good, reveals: [REVEAL] } })],
  ['with a policy', () => ({ file: { ...good, policies: [POLICY] } })],
  ['with an empty list of policies', () => ({ file: { ...good, policies: [] } })],
  ['with one stream of two', () => ({ file: { ...good, events: good.events.slice(3) } })],
  ['with the beginning of a stream', () => ({ file: { ...good, events: good.events.slice(0, 2) } })],
  ['a witness signed too', () => signed(signatureLine('a.example', id, Buffer.alloc(76)), ownLine)],
  ['another of that name signed too', () => signed(signatureLine(ORIGIN, '00000000', Buffer.alloc(64)), ownLine)],
  ['the key signed twice', () => signed(ownLine, ownLine)],
  ['100 signed', () => signed(...Array(99).fill(signatureLine('a', '00000000', Buffer.of(1))), ownLine)],
  ['a name of other letters signed too', () => signed('— \u00e9\ufeff\u200b\u{1f600} AAAAAAA=\n', ownLine)],
  [
    'a log of another name',
    async () => {
      const other = createTestSigner('журнал.example/\u{1f600}\ufeff')
      return { file: await signFile(other, story('s', {})), vkey: other.vkey }
    },
  ],
  ['61,440 bytes', () => log(...story('s', { data: { text: 'x'.repeat(61_440 - canonicalJson(empty).length) } }))],
  [
    '61,440 bytes of three each',
    () => {
      const rest = 61_440 - canonicalJson(empty).length
      return log(...story('s', { data: { text: '\u20ac'.repeat(rest / 3) + 'x'.repeat(rest % 3) } }))
    },
  ],
  ['64 deep', () => log(...story('s', { data: { n: nested(63) } }))],
  [
    'all that canonical JSON escapes, and what it does not',
    () =>
      log(
        ...story('s\u0000\ufb33', {
          data: { n: '\b\t\n\f\r"\\/\u0000\u001f\u007f\u2028\ufeff\ufffe\u{1f600}\u{10ffff}' },
        }),
      ),
  ],
  [
    'names in the order of UTF-16',
    () =>
      log(
        ...story('s', {
          data: {
            '': 0,
            '\u{1f600}': 1,
            '\ufb33': 2,
            '\u20ac': 3,
            '\r': 4,
            1: 5,
            10: 6,
            2: 7,
            '\u0080': 8,
            ö: 9,
            o: 10,
            __proto_: 11,
          },
        }),
      ),
  ],
  [
    'numbers of every form',
    () =>
      log(
        ...story('s', {
          data: {
            n: [
              0,
              1e21,
              1e20,
              123456789012345680000,
              1e-6,
              1e-7,
              1.5e-7,
              5e-324,
              1.7976931348623157e308,
              2 ** 53,
              2 ** 53 + 2,
              2 ** 64,
              0.1,
              1 / 3,
              -1 / 3,
              333333333.3333332,
              1e23,
              9.999999999999997e22,
              4.35,
              100,
              1e100,
              2.5,
              295147905179352830000,
              -1e-9,
            ],
          },
        }),
      ),
  ],
  ['what was replaced is named', () => log(...story('s', { cleaned: ['data/reason', ''] }))],
  ['nothing was replaced', () => log(...story('s', { cleaned: [] }))],
  ['the earliest time, the latest version', () => log(...story('s', { at: 0, v: 2 ** 53 - 1 }))],
  ['an end with more to say', () => log(...story('s', {}, { type: 'closed', data: { count: 2, by: 'P-1' } }))],
  ...[{}, { lostKey: 'k' }].map((why): (typeof sound)[number] => [
    `a log that began ${'lostKey' in why ? 'without its key' : 'after a restore'}, told in what is no text`,
    () => {
      const odd = { toString: null }
      const data = { ...why, by: odd, previousOrigin: [odd], notes: [null, { note: odd }] }
      return log(...story('origin/test.example', { type: 'origin-started', data }))
    },
  ]),
  [
    'a text of every kind',
    async () => {
      const value = '理由: naïve \u{1f600}\u0000\r\n\u2028"\\'
      const file = await signFile(signer, story('s', { data: { 'a.b/ü': { salted: saltedHash(SALT, value) } } }))
      return { file: { ...file, reveals: [{ ...REVEAL, path: 'a.b/ü', value }] } }
    },
  ],
  [
    'an empty text, and two of one event',
    async () => {
      const data = { reason: salted, '': { salted: saltedHash(SALT, '') } }
      const file = await signFile(signer, story('s', { data }))
      return { file: { ...file, reveals: [REVEAL, { ...REVEAL, path: '', value: '' }] } }
    },
  ],
  ['a note of 1,000,000 bytes', () => ({ file: { ...good, checkpoint: noteOf(1_000_000) } })],
  ['a tree as large as it may be', () => firstOfMany('9007199254740991')],
]
