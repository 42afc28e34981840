import { canonicalJson, leafHash } from '../../src/record/verify.ts'
import { type Forgery, type Given, good, signer } from './good-file.ts'
import { signFile, story } from './signed-file.ts'

/** A log that was signed with these bodies in it. */
const log = async (...bodies: (object | string)[]): Promise<Given> => ({ file: await signFile(signer, bodies) })
const [first = {}] = story('s', { data: { text: 'a/b', n: 1 } })
const written = canonicalJson(first)
/** A log with a single event that has this wrong. */
const event = (change: object) => log(...story('s', change))
const without = (name: string) => log(Object.fromEntries(Object.entries(first).filter(([other]) => other !== name)))
const spelled = (from: string, to: string) => log(written.replace(from, to))
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

/** The good file, with this changed in its second event. */
const second = (change: object): Given => ({
  file: { ...good, events: good.events.map((one, place) => (place === 1 ? { ...one, ...change } : one)) },
})
const proof = good.events[1]?.proof ?? []
const listed = (...events: unknown[]): Given => ({ file: { ...good, events } })
const hashOf = (body: object = {}) => leafHash(canonicalJson(body)).toString('hex')

export const forgedBodies: readonly Forgery[] = [
  ['a space', 'body-not-canonical', () => spelled(',', ', ')],
  ['a line feed at the end', 'body-not-canonical', () => log(`${written}\n`)],
  ['names in another order', 'body-not-canonical', () => log(JSON.stringify(first))],
  ['names in the order of code points', 'body-not-canonical', () => spelled('"n":1', '"\ufb33":1,"\u{1f600}":1')],
  ['a name twice', 'body-not-canonical', () => spelled('"n":1', '"n":1,"n":1')],
  ...[
    '1.0',
    '1e0',
    '10e-1',
    '-0',
    '0.10',
    '1E21',
    '1e21.0',
    '9007199254740993',
    '1000000000000000000000',
    '1e400',
    '01',
    '+1',
    'NaN',
  ].map(
    (odd): Forgery => [
      `the number ${odd}`,
      odd === '1e21.0' || odd === '01' || odd === '+1' || odd === 'NaN' ? 'not-json' : 'body-not-canonical',
      () => spelled('"n":1', `"n":${odd}`),
    ],
  ),
  ...['\\u0061/b', 'a\\/b', '\\u000A', '\\u001F', '\\ud83d\\ude00', '\\ud800', '\\u007f'].map(
    (odd): Forgery => [`the spelling ${odd}`, 'body-not-canonical', () => spelled('a/b', odd)],
  ),
  ['a control character as it is', 'not-json', () => spelled('a/b', '\u001f')],
  ['nested deeper than 64', 'body-not-canonical', () => spelled('"n":1', `"n":${nested(64)}`)],
  ['nested to the ground', 'body-not-canonical', () => log(nested(30_000))],
  ['no JSON', 'not-json', () => log('null and void')],
  ['a list', 'body-malformed', () => log('[]')],
  ['null', 'body-malformed', () => log('null')],
  [
    '61,441 bytes',
    'body-too-large',
    () => {
      const [empty = {}] = story('s', { data: { text: '' } })
      return event({ data: { text: 'x'.repeat(61_441 - canonicalJson(empty).length) } })
    },
  ],
  ...Object.keys(first).map((name): Forgery => [`no ${name}`, 'body-malformed', () => without(name)]),
  ['a member too many', 'body-malformed', () => event({ approvedBy: 'P-1' })],
  ['a member __proto__', 'body-malformed', () => log(written.replace('{', '{"__proto__":null,'))],
  ...(
    [
      ['stream', ''],
      ['stream', 1],
      ['type', ''],
      ['type', null],
      ['seq', 0],
      ['seq', '1'],
      ['seq', 1.5],
      ['seq', null],
      ['seq', 2 ** 53],
      ['seq', true],
      ['v', 0],
      ['v', -1],
      ['v', 1.5],
      ['v', '1'],
      ['at', -1],
      ['at', 1.5],
      ['at', 2 ** 53],
      ['at', '5'],
      ['data', null],
      ['data', []],
      ['data', 'x'],
      ['cleaned', null],
      ['cleaned', 'data'],
      ['cleaned', [1]],
      ['prev', ''],
      ['prev', 0],
      ['prev', hashOf(first)],
    ] as const
  ).map(
    ([name, value]): Forgery => [
      `${name} is ${JSON.stringify(value)}`,
      'body-malformed',
      () => event({ [name]: value }),
    ],
  ),
]

export const forgedPlaces: readonly Forgery[] = [
  ['no events', 'malformed', () => listed()],
  ['an event twice', 'order', () => listed(good.events[0], ...good.events)],
  ['events in another order', 'order', () => listed(good.events[3], ...good.events.slice(0, 3), good.events[4])],
  ['the index of another leaf', 'proof-wrong', () => listed({ ...good.events[0], leafIndex: 1 })],
  ['an index behind the tree', 'proof-wrong', () => listed({ ...good.events[0], leafIndex: 5 })],
  ['an index far behind the tree', 'proof-wrong', () => listed({ ...good.events[0], leafIndex: 2 ** 53 - 1 })],
  ['another body', 'proof-wrong', () => second({ body: good.events[1]?.body.replace('said', 'sand') })],
  ['the proof of another leaf', 'proof-wrong', () => second({ proof: good.events[2]?.proof })],
  ['no proof', 'proof-wrong', () => second({ proof: [] })],
  ['a proof with its first hash missing', 'proof-wrong', () => second({ proof: proof.slice(1) })],
  ['a proof with its last hash missing', 'proof-wrong', () => second({ proof: proof.slice(0, -1) })],
  ['a proof with a hash too many', 'proof-wrong', () => second({ proof: [...proof, proof[0]] })],
  ['a proof in another order', 'proof-wrong', () => second({ proof: proof.toReversed() })],
  ['a proof with another hash', 'proof-wrong', () => second({ proof: [...proof.slice(0, -1), proof[0]] })],
  [
    'an index behind a tree of one',
    'proof-wrong',
    async () => {
      const file = await signFile(signer, [first])
      return { file: { ...file, events: [{ ...file.events[0], leafIndex: 1 }] } }
    },
  ],
  [
    'a proof in a tree of one',
    'proof-wrong',
    async () => {
      const file = await signFile(signer, [first])
      return { file: { ...file, events: [{ ...file.events[0], proof: [proof[0]] }] } }
    },
  ],
  ['a node passed off as a leaf', 'body-too-large', () => second({ body: '\u0001'.repeat(61_441) })],
]

export const forgedStreams: readonly Forgery[] = [
  ['a stream that begins at 2', 'chain-broken', () => log(...story('s', {}, {}).slice(1))],
  [
    'a stream that lacks its middle',
    'chain-broken',
    () => log(...story('s', {}, {}, {}).filter((_, place) => place !== 1)),
  ],
  ['a number twice', 'chain-broken', () => log(...story('s', {}, {}, { seq: 2 }))],
  ['a number left out', 'chain-broken', () => log(...story('s', {}, { seq: 3 }))],
  ['a second event that names none', 'body-malformed', () => log(...story('s', {}, { prev: null }))],
  [
    'a third event that names the first',
    'chain-broken',
    () => log(...story('s', {}, {}, { prev: hashOf(story('s', {})[0]) })),
  ],
  [
    'an event that names one of another stream',
    'chain-broken',
    () => log(...story('t', {}), ...story('s', {}, { prev: hashOf(story('t', {})[0]) })),
  ],
  [
    'a hash in capitals',
    'body-malformed',
    () => log(...story('s', {}, { prev: hashOf(story('s', {})[0]).toUpperCase() })),
  ],
  ['an event after the end', 'closed-wrong', () => log(...story('s', { type: 'closed', data: { count: 1 } }, {}))],
  [
    'a second end',
    'closed-wrong',
    () => log(...story('s', { type: 'closed', data: { count: 1 } }, { type: 'closed', data: { count: 2 } })),
  ],
  ...[0, 3, '2', null, true, undefined].map(
    (count): Forgery => [
      `an end that counts ${JSON.stringify(count)}`,
      'closed-wrong',
      () => log(...story('s', {}, { type: 'closed', data: { count } })),
    ],
  ),
  ['an end of one that counts true', 'closed-wrong', () => event({ type: 'closed', data: { count: true } })],
  [
    'an end of one that counts what is no text',
    'closed-wrong',
    () => event({ type: 'closed', data: { count: { toString: null } } }),
  ],
]
