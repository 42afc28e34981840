import { hash } from 'node:crypto'
import { leafHash, nodeHash, parseNote, parseVkey } from '../../src/record/verify.ts'
import { type Forgery, type Given, good, ORIGIN, seed, signer } from './good-file.ts'
import { createTestSigner } from './record-fixture.ts'
import { signatureLine, signNote } from './signed-file.ts'

const { vkey } = signer
const [, id = '', material = ''] = /^[^+]+\+([^+]+)\+(.+)$/.exec(vkey) ?? []
const { text, signatures } = parseNote(good.checkpoint)
const own = signatures[0]?.signature ?? Buffer.alloc(0)
const ownLine = signatureLine(ORIGIN, id, own)
const [, size = '', root = ''] = text.split('\n')
const OTHER = 'other.example'

const publicKey = Buffer.from(material, 'base64').subarray(1)
const named = (name: string, bytes = Buffer.from(material, 'base64')) =>
  `${name}+${hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), bytes])).slice(0, 8)}+${bytes.toString('base64')}`

/** All that the key of this text would sign, and that ours did sign: what is wrong with it stands in the text alone. */
async function keyed(verifierKey: string, origin = ORIGIN): Promise<Given> {
  const statement = `${origin}\n${size}\n${root}\n`
  const [keyId = id] = /(?<=\+)[0-9a-f]{8}(?=\+)/.exec(verifierKey) ?? []
  const checkpoint = `${statement}\n${signatureLine(origin, keyId, await signer.sign(statement))}`
  return { file: { ...good, verifierKey, origin, checkpoint }, vkey: verifierKey }
}

const note = (checkpoint: string): Given => ({ file: { ...good, checkpoint } })
const lines = (...more: string[]) => note(`${text}\n${more.join('')}`)
/** A statement that the key did sign. */
const stating = async (statement: string) => note(await signNote(signer, statement))

const L = 2n ** 252n + 27742317777372353535851937790883648493n
const fromBytes = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
const toBytes = (n: bigint) => Buffer.from(n.toString(16).padStart(64, '0'), 'hex').reverse()
const NEUTRAL = toBytes(1n)
const P = 2n ** 255n - 19n
const ORDER_8 = Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex')
const BASE = Buffer.from(`58${'66'.repeat(31)}`, 'hex')

/** A signature by our key whose R is of small order, which RFC 8032 alone lets pass. */
function signedOnNothing(): Buffer {
  const scalar = (fromBytes(hash('sha512', seed, 'buffer').subarray(0, 32)) & (2n ** 254n - 8n)) | (2n ** 254n)
  const k = fromBytes(hash('sha512', Buffer.concat([NEUTRAL, publicKey, Buffer.from(text)]), 'buffer')) % L
  return Buffer.concat([NEUTRAL, toBytes((k * scalar) % L)])
}

/** Under the neutral point as a key, this is a signature of every text, made by nobody; under its likes, of many. */
function signedByNobody(point: Buffer): Given {
  const nobody = named(ORIGIN, Buffer.concat([Buffer.of(1), point]))
  const [, nobodyId = ''] = nobody.split('+')
  const line = signatureLine(ORIGIN, nobodyId, Buffer.concat([BASE, toBytes(1n)]))
  return { file: { ...good, verifierKey: nobody, checkpoint: `${text}\n${line}` }, vkey: nobody }
}

/** The good note, and behind it one more signature with a name that fills it up. */
export function noteOf(bytes: number): string {
  const free = bytes - Buffer.byteLength(good.checkpoint) - Buffer.byteLength('—  AAAAAAA=\n')
  return `${good.checkpoint}— ${'n'.repeat(free)} AAAAAAA=\n`
}

/** The first leaf of a tree that is larger than all others can be. Its size takes part in the proof by its length alone. */
export async function firstOfMany(size: string): Promise<Given> {
  const [event] = good.events
  const proof = Array.from({ length: 53 }, (_, place) => Buffer.alloc(32, place))
  const top = proof.reduce((left, right) => nodeHash(left, right), leafHash(event?.body ?? ''))
  const checkpoint = await signNote(signer, `${ORIGIN}\n${size}\n${top.toString('base64')}\n`)
  return { file: { ...good, checkpoint, events: [{ ...event, proof: proof.map((one) => one.toString('base64')) }] } }
}

export const forgedKeys: readonly Forgery[] = [
  ['a key that is not the one in the file', 'key-differs', () => ({ file: good, vkey: createTestSigner().vkey })],
  ['a key that is nothing', 'key-malformed', () => keyed('')],
  ['a key of two parts', 'key-malformed', () => keyed(`${ORIGIN}+${id}`)],
  ['a key id of another key', 'key-malformed', () => keyed(`${ORIGIN}+00000000+${material}`)],
  ['a key id in capitals', 'key-malformed', () => keyed(`${ORIGIN}+${id.toUpperCase()}+${material}`)],
  ['a key without a name', 'key-malformed', () => keyed(named(''), '')],
  ...[' ', '\u0085', '\u00a0', '\u3000', '+'].map((odd): Forgery => {
    const name = `test${odd}log`
    return [`a name with U+${odd.charCodeAt(0).toString(16)}`, 'key-malformed', () => keyed(named(name), name)]
  }),
  ['another algorithm', 'key-malformed', () => keyed(named(ORIGIN, Buffer.concat([Buffer.of(2), publicKey])))],
  ['a key of 31 bytes', 'key-malformed', () => keyed(named(ORIGIN, Buffer.alloc(32, 1)))],
  ['a key in base64 for URLs', 'key-malformed', () => keyed(`${ORIGIN}+${id}+${material.replaceAll('/', '_')}`)],
  ['a key with a space at its end', 'key-malformed', () => keyed(`${vkey} `)],
  ...[NEUTRAL, toBytes(1n + (1n << 255n)), toBytes(P + 1n), toBytes(0n), toBytes(P - 1n), ORDER_8].map(
    (point): Forgery => [
      `a key of small order, ${point.toString('hex')}`,
      'key-malformed',
      () => signedByNobody(point),
    ],
  ),
  [
    'a key that is no point of the curve',
    'signature-wrong',
    () => {
      const pointless = named(ORIGIN, Buffer.concat([Buffer.of(1), toBytes(2n)]))
      return {
        file: {
          ...good,
          verifierKey: pointless,
          checkpoint: `${text}\n${signatureLine(ORIGIN, parseVkey(pointless).id, own)}`,
        },
        vkey: pointless,
      }
    },
  ],
  ['another origin', 'origin-differs', () => ({ file: { ...good, origin: 'test.example/other' } })],
]

export const forgedNotes: readonly Forgery[] = [
  ['a note without signatures', 'note-malformed', () => note(text)],
  ['a note whose signatures are nothing', 'note-malformed', () => note(`${text}\n`)],
  ['a note without an empty line', 'note-malformed', () => note(text + ownLine)],
  ['a note that ends without a line feed', 'note-malformed', () => note(good.checkpoint.trimEnd())],
  ['a note with an empty line behind', 'note-malformed', () => note(`${good.checkpoint}\n`)],
  ['a note with carriage returns', 'note-malformed', () => note(good.checkpoint.replaceAll('\n', '\r\n'))],
  ...['\0', '\t', '\u000b', '\u001f'].map(
    (odd): Forgery => [
      `a note with U+${odd.charCodeAt(0).toString(16)}`,
      'note-malformed',
      () => lines(ownLine, signatureLine(odd, id, own)),
    ],
  ),
  ['a note that ends with something else', 'note-malformed', () => note(good.checkpoint.replace(/\n$/, 'x'))],
  ['101 signatures', 'note-malformed', () => lines(ownLine, ...Array(100).fill(signatureLine(OTHER, id, own)))],
  ['a note of 1,000,001 bytes', 'note-malformed', () => note(noteOf(1_000_001))],
  ['a hyphen for the dash', 'note-malformed', () => lines(ownLine, ownLine.replace('—', '-'))],
  ['two spaces in a signature line', 'note-malformed', () => lines(ownLine, ownLine.replace(' ', '  '))],
  ['a fourth part in a signature line', 'note-malformed', () => lines(ownLine, ownLine.replace('\n', ' x\n'))],
  ['a signature line of a name with a plus', 'note-malformed', () => lines(ownLine, '— a+b AAAAAAA=\n')],
  ['a signature line of a name with white space', 'note-malformed', () => lines(ownLine, '— a\u2003b AAAAAAA=\n')],
  ['a signature line without a name', 'note-malformed', () => lines(ownLine, '—  AAAAAAA=\n')],
  ['a signature line of four bytes', 'note-malformed', () => lines(ownLine, '— a AAAAAA==\n')],
  ['a signature line in another base64', 'note-malformed', () => lines(ownLine, '— a AAAAAAB=\n')],
  ['a signature line without padding', 'note-malformed', () => lines(ownLine, '— a AAAAAAA\n')],
  ['no signature of the key', 'signature-wrong', () => lines(signatureLine(OTHER, id, own))],
  ['a signature under another key id', 'signature-wrong', () => lines(signatureLine(ORIGIN, '00000000', own))],
  ['a signature of another text', 'signature-wrong', () => note(good.checkpoint.replace('\n5\n', '\n6\n'))],
  [
    'a right and a wrong signature of the key',
    'signature-wrong',
    () => lines(ownLine, signatureLine(ORIGIN, id, Buffer.from(own).fill(7, 0, 8))),
  ],
  ['a signature of 63 bytes', 'signature-wrong', () => lines(signatureLine(ORIGIN, id, own.subarray(0, 63)))],
  [
    'a signature of 65 bytes',
    'signature-wrong',
    () => lines(signatureLine(ORIGIN, id, Buffer.concat([own, Buffer.of(0)]))),
  ],
  [
    'a signature with S above L',
    'signature-wrong',
    () =>
      lines(signatureLine(ORIGIN, id, Buffer.concat([own.subarray(0, 32), toBytes(fromBytes(own.subarray(32)) + L)]))),
  ],
  [
    'a signature whose R is of small order',
    'signature-wrong',
    () => lines(signatureLine(ORIGIN, id, signedOnNothing())),
  ],
  ['a checkpoint of another origin', 'origin-differs', () => stating(`other.example\n${size}\n${root}\n`)],
  ['a checkpoint of two lines', 'checkpoint-malformed', () => stating(`${ORIGIN}\n${size}\n`)],
  ['a checkpoint of four lines', 'checkpoint-malformed', () => stating(`${text}more\n`)],
  ['a checkpoint with an empty line in it', 'checkpoint-malformed', () => stating(`${ORIGIN}\n\n${size}\n${root}\n`)],
  ...['05', '+5', '-5', '5.0', '5e0', ' 5', '٥', '', '9'.repeat(5_000)].map(
    (odd): Forgery => [
      `the size ${odd.slice(0, 20)}`,
      'checkpoint-malformed',
      () => stating(`${ORIGIN}\n${odd}\n${root}\n`),
    ],
  ),
  ['the size 2^53', 'checkpoint-malformed', () => firstOfMany('9007199254740992')],
  [
    'a root hash of 31 bytes',
    'checkpoint-malformed',
    () => stating(`${ORIGIN}\n${size}\n${Buffer.alloc(31).toString('base64')}\n`),
  ],
  [
    'a root hash without padding',
    'checkpoint-malformed',
    () => stating(`${ORIGIN}\n${size}\n${root.replace('=', '')}\n`),
  ],
  ['another root hash', 'proof-wrong', () => stating(`${ORIGIN}\n${size}\n${Buffer.alloc(32).toString('base64')}\n`)],
  ['another size', 'proof-wrong', () => stating(`${ORIGIN}\n50\n${root}\n`)],
]
