import { createHash } from 'node:crypto'
import { signCheckpoint } from '../../src/record/signer.ts'
import { saltedHash } from '../../src/record/verify.ts'
import {
  bytesOf,
  ENTRY,
  type Forgery,
  type Given,
  GOOD_ROOT,
  good,
  KEPT_ROOT,
  kept,
  POLICY,
  REVEAL,
  SALT,
  salted,
  signer,
} from './good-file.ts'
import { createTestSigner } from './record-fixture.ts'
import { signFile, story } from './signed-file.ts'

const json = JSON.stringify(good)
const top = (change: object): Given => ({ file: { ...good, ...change } })
/** Text put in as the first member of the file. */
const begun = (text: string): Given => ({ file: json.replace('{', `{${text},`) })
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const event = (change: object): Given => top({ events: [{ ...good.events[0], ...change }, ...good.events.slice(1)] })
const [hash = ''] = good.events[0]?.proof ?? []

export const forgedForms: readonly Forgery[] = [
  ['nothing', 'not-json', () => ({ file: '' })],
  ['half a file', 'not-json', () => ({ file: json.slice(0, -2) })],
  ['two files', 'not-json', () => ({ file: json + json })],
  ['a list', 'malformed', () => ({ file: '[]' })],
  ['a byte order mark', 'not-json', () => ({ file: `\ufeff${json}` })],
  ['UTF-16', 'not-json', () => ({ file: Buffer.from(json, 'utf16le') })],
  [
    'bytes that are not UTF-8',
    'malformed',
    () => ({ file: Buffer.from(bytesOf(begun('"n":"@"').file)).fill(0xff, 6, 7) }),
  ],
  [
    'a surrogate in UTF-8',
    'malformed',
    () => ({
      file: Buffer.concat([Buffer.from('{"n":"'), Buffer.from('eda080', 'hex'), Buffer.from(`",${json.slice(1)}`)]),
    }),
  ],
  ['a comma too many', 'not-json', () => begun('"n":[1,]')],
  ['a comment', 'not-json', () => begun('/* n */"n":1')],
  ['white space that is none in JSON', 'not-json', () => ({ file: `\u00a0${json}` })],
  ...[
    'NaN',
    'Infinity',
    '-Infinity',
    '01',
    '+1',
    '.5',
    '1.',
    '0x1',
    '1_0',
    '١',
    'True',
    "'x'",
    '"\t"',
    '"\\x41"',
    '"\\u00"',
  ].map((odd): Forgery => [`${odd} as a value`, 'not-json', () => begun(`"n":${odd}`)]),
  ['a number beyond a double', 'malformed', () => begun('"n":1e400')],
  ['half a pair in a further member', 'malformed', () => begun('"n":"\\ud800"')],
  ['half a pair in a further name', 'malformed', () => begun('"\\udc00":1')],
  ['nested deeper than 64', 'malformed', () => begun(`"n":${nested(65)}`)],
  ['nested to the ground', 'malformed', () => begun(`"n":${nested(100_000)}`)],
  ['a name twice', 'malformed', () => begun('"origin":"other.example"')],
  ['a name twice, spelled otherwise', 'malformed', () => begun('"\\u006frigin":"test.example/log"')],
  [
    'a name twice in an event',
    'malformed',
    () => ({ file: json.replace('"leafIndex":0', '"leafIndex":0,"leafIndex":0') }),
  ],
  ['a name twice deep in a further member', 'malformed', () => begun('"n":[{"a":{"b":1,"b":1}}]')],
  ['another format', 'unknown-format', () => top({ format: 'countersign-evidence/2' })],
  ['no format', 'unknown-format', () => top({ format: undefined })],
  ...['origin', 'verifierKey', 'checkpoint', 'events', 'reveals'].flatMap((name): Forgery[] => [
    [`no ${name}`, 'malformed', () => top({ [name]: undefined })],
    [`null as ${name}`, 'malformed', () => top({ [name]: null })],
    [`an object as ${name}`, 'malformed', () => top({ [name]: {} })],
  ]),
  ['null as consistency', 'malformed', () => top({ consistency: null })],
  ['null as an event', 'malformed', () => top({ events: [...good.events, null] })],
  ...['leafIndex', 'body', 'proof'].map(
    (name): Forgery => [`an event without ${name}`, 'malformed', () => event({ [name]: undefined })],
  ),
  ['an event with a comment', 'malformed', () => event({ approvedBy: 'P-1' })],
  ...[-1, 0.5, '0', null, true, 2 ** 53, 1e300].map(
    (odd): Forgery => [`${JSON.stringify(odd)} as leafIndex`, 'malformed', () => event({ leafIndex: odd })],
  ),
  ['an object as a body', 'malformed', () => event({ body: JSON.parse(good.events[0]?.body ?? '') })],
  ['a text as a proof', 'malformed', () => event({ proof: hash })],
  ...[
    null,
    '',
    hash.replace('=', ''),
    `${hash}\n`,
    ` ${hash}`,
    `${hash}AAAA`,
    hash.replace(/.=$/, '==='),
    hash.slice(4),
    hash.replace(/.=$/, '/='),
  ].map(
    (odd): Forgery => [
      `${JSON.stringify(odd)} as a hash`,
      'malformed',
      () => event({ proof: [odd, ...(good.events[0]?.proof.slice(1) ?? [])] }),
    ],
  ),
]

const revealed = (...reveals: unknown[]) => top({ reveals })
/** A log whose first event has this in its data, with a reveal of it. */
const placed = async (data: object, reveal: object = {}): Promise<Given> => ({
  file: { ...(await signFile(signer, story('s', { data }))), reveals: [{ ...REVEAL, ...reveal }] },
})

const policies = (...policies: unknown[]) => top({ policies })

export const forgedPolicies: readonly Forgery[] = [
  ['null as policies', 'malformed', () => top({ policies: null })],
  ['a policy without its text', 'malformed', () => policies({ hash: POLICY.hash })],
  ['a policy with a comment', 'malformed', () => policies({ ...POLICY, by: 'P-1' })],
  ['a hash in capitals', 'malformed', () => policies({ ...POLICY, hash: POLICY.hash.toUpperCase() })],
  ['a hash cut short', 'malformed', () => policies({ ...POLICY, hash: POLICY.hash.slice(2) })],
  ['a text that is none', 'malformed', () => policies({ ...POLICY, text: null })],
  ['another text', 'policy-wrong', () => policies({ ...POLICY, text: `${POLICY.text} ` })],
  ['a policy twice', 'policy-wrong', () => policies(POLICY, POLICY)],
  [
    'a policy that no event names',
    'policy-wrong',
    () => policies({ hash: createHash('sha256').update('x').digest('hex'), text: 'x' }),
  ],
  [
    'a policy whose event is not there',
    'policy-wrong',
    () => top({ policies: [POLICY], events: good.events.slice(0, 1) }),
  ],
]

export const forgedReveals: readonly Forgery[] = [
  ['another text', 'reveal-wrong', () => revealed({ ...REVEAL, value: 'fix ledgers' })],
  ['another salt', 'reveal-wrong', () => revealed({ ...REVEAL, salt: '0'.repeat(32) })],
  ['a salt in capitals', 'malformed', () => revealed({ ...REVEAL, salt: SALT.toUpperCase() })],
  [
    'a salt of 15 bytes',
    'malformed',
    async () => {
      const short = SALT.slice(2)
      return placed({ reason: { salted: saltedHash(short, 'x') } }, { salt: short, value: 'x' })
    },
  ],
  [
    'a character moved from text to salt',
    'malformed',
    () => revealed({ ...REVEAL, salt: `${SALT}66`, value: 'ix ledger' }),
  ],
  ['a text twice', 'reveal-wrong', () => revealed(REVEAL, REVEAL)],
  ['a text of no event here', 'reveal-wrong', () => revealed({ ...REVEAL, leafIndex: 9 })],
  ['a text of another event', 'reveal-wrong', () => revealed({ ...REVEAL, leafIndex: 1 })],
  ...['', 'ticket', 'for', 'reason.salted', 'data/reason', '__proto__', 'constructor', 'toString'].map(
    (path): Forgery => [`the path "${path}"`, 'reveal-wrong', () => revealed({ ...REVEAL, path })],
  ),
  ...['leafIndex', 'path', 'salt', 'value'].flatMap((name): Forgery[] => [
    [`no ${name}`, 'malformed', () => revealed({ ...REVEAL, [name]: undefined })],
    [`null as ${name}`, 'malformed', () => revealed({ ...REVEAL, [name]: null })],
  ]),
  ['a reveal with a comment', 'malformed', () => revealed({ ...REVEAL, by: 'P-1' })],
  ['half a pair', 'malformed', () => revealed({ ...REVEAL, value: '\ud800' })],
  ['a place that says more', 'reveal-wrong', () => placed({ reason: { ...salted, by: 'P-1' } })],
  ['a place that holds the hash alone', 'reveal-wrong', () => placed({ reason: salted.salted })],
  ['a place in a list', 'reveal-wrong', () => placed({ reason: [salted] })],
  ['a hash in capitals', 'reveal-wrong', () => placed({ reason: { salted: salted.salted.toUpperCase() } })],
  ['a place deeper down', 'reveal-wrong', () => placed({ more: { reason: salted } })],
]

const { proof } = ENTRY
const earlierOf = (size: number, root: Buffer, by = signer) => signCheckpoint(by, { size, root })
const consistent = (consistency: unknown, earlier = kept): Given => ({ ...top({ consistency }), earlier: [earlier] })

export const forgedConsistency: readonly Forgery[] = [
  ['no proof at all', 'consistency-wrong', () => ({ file: good, earlier: [kept] })],
  ['a proof from another size', 'consistency-wrong', () => consistent([{ size: 2, proof }])],
  ['an empty proof', 'consistency-wrong', () => consistent([{ size: ENTRY.size, proof: [] }])],
  [
    'a proof with its first hash missing',
    'consistency-wrong',
    () => consistent([{ size: ENTRY.size, proof: proof.slice(1) }]),
  ],
  [
    'a proof with its last hash missing',
    'consistency-wrong',
    () => consistent([{ size: ENTRY.size, proof: proof.slice(0, -1) }]),
  ],
  [
    'a proof with a hash too many',
    'consistency-wrong',
    () => consistent([{ size: ENTRY.size, proof: [...proof, hash] }]),
  ],
  [
    'a proof with another hash',
    'consistency-wrong',
    () => consistent([{ size: ENTRY.size, proof: [...proof.slice(0, -1), hash] }]),
  ],
  [
    'an earlier tree with another root',
    'consistency-wrong',
    async () => consistent([ENTRY], await earlierOf(ENTRY.size, Buffer.alloc(32, 7))),
  ],
  [
    'an empty proof from a power of two',
    'consistency-wrong',
    async () => consistent([{ size: 4, proof: [] }], await earlierOf(4, GOOD_ROOT)),
  ],
  [
    'another tree of the same size',
    'consistency-wrong',
    async () => consistent([ENTRY], await earlierOf(5, KEPT_ROOT)),
  ],
  ['a larger tree', 'consistency-wrong', async () => consistent([{ size: 6, proof }], await earlierOf(6, KEPT_ROOT))],
  [
    'an empty tree with another root',
    'consistency-wrong',
    async () => consistent([{ size: 0, proof: [] }], await earlierOf(0, KEPT_ROOT)),
  ],
  ['the same size twice', 'consistency-wrong', () => consistent([ENTRY, ENTRY])],
  ['the same size twice, where nobody asks', 'consistency-wrong', () => top({ consistency: [ENTRY, ENTRY] })],
  ['an entry with a comment', 'malformed', () => consistent([{ ...ENTRY, by: 'P-1' }])],
  ['an entry without a proof', 'malformed', () => consistent([ENTRY, { size: 2 }])],
  ['an entry of no size', 'malformed', () => consistent([ENTRY, { size: -1, proof }])],
  ['an entry with half a hash', 'malformed', () => top({ consistency: [{ size: 2, proof: [hash.slice(4)] }] })],
  [
    'an earlier checkpoint that another key signed',
    'signature-wrong',
    async () => consistent([ENTRY], await earlierOf(ENTRY.size, KEPT_ROOT, createTestSigner())),
  ],
  [
    'an earlier checkpoint that was changed',
    'signature-wrong',
    () => consistent([ENTRY], kept.replace('\n3\n', '\n2\n')),
  ],
  ['an earlier checkpoint that is none', 'note-malformed', () => consistent([ENTRY], 'never mind')],
]
