import { DAY, HOUR } from '../../src/domain/duration.ts'
import type { Forgery, Given } from './good-file.ts'
import { FROM, OCTOBER, populationFile, UNTIL } from './population-file.ts'

const whole = await populationFile()
const [proof = ''] = whole.tree.flatMap((entry) => ('hash' in entry ? [entry.hash as string] : []))
const top = (change: object): Given => ({ file: { ...whole, ...change } })
const claim = (change: object): Given => top({ population: { ...whole.population, ...change } })
const tree = (...entries: unknown[]): Given => top({ tree: entries })
const without = (name: string, of: object) => Object.fromEntries(Object.entries(of).filter(([other]) => other !== name))
/** The file of all, without this grant among its events. */
const leftOut = async (id: string, put: (body: string) => object[]): Promise<Given> => {
  const is = ({ body }: { body: string }) => JSON.parse(body).stream === `grant:${id}`
  const places = new Map(whole.events.filter(is).map(({ leafIndex, body }) => [leafIndex, body]))
  const entries: object[] = []
  const others = [...whole.tree]
  for (let leaf = 0; leaf < OCTOBER.length; ) {
    if (whole.events.some(({ leafIndex }) => leafIndex === leaf)) {
      const body = places.get(leaf++)
      if (body !== undefined) entries.push(...put(body))
      continue
    }
    const entry = others.shift() ?? {}
    entries.push(entry)
    leaf += 'height' in entry ? 2 ** (entry.height as number) : 1
  }
  return top({ events: whole.events.filter((event) => !is(event)), tree: entries })
}

export const forgedTrees: readonly Forgery[] = [
  ['null as tree', 'malformed', () => top({ tree: null })],
  ['an object as tree', 'malformed', () => top({ tree: {} })],
  ['null as an entry', 'malformed', () => tree(null, ...whole.tree)],
  ['an entry that is empty', 'malformed', () => tree(...whole.tree, {})],
  ['an entry that is both', 'malformed', () => tree({ ...whole.tree[0], body: 'x' }, ...whole.tree.slice(1))],
  ['an entry with a comment', 'malformed', () => tree({ ...whole.tree[0], by: 'P-1' }, ...whole.tree.slice(1))],
  [
    'a leaf with a comment',
    'malformed',
    () => tree(...whole.tree.map((one) => ('body' in one ? { ...one, by: 1 } : one))),
  ],
  ['a subtree without its height', 'malformed', () => tree({ hash: proof }, ...whole.tree.slice(1))],
  ['a subtree without its hash', 'malformed', () => tree({ height: 0 }, ...whole.tree.slice(1))],
  ...[-1, 0.5, '0', null, 53, 2 ** 60].map(
    (height): Forgery => [`${height} as a height`, 'malformed', () => tree(...whole.tree, { height, hash: proof })],
  ),
  ['half a hash', 'malformed', () => tree({ height: 0, hash: proof.slice(4) }, ...whole.tree.slice(1))],
  ['an entry too many', 'tree-wrong', () => tree(...whole.tree, { height: 0, hash: proof })],
  ['an entry too few', 'tree-wrong', () => tree(...whole.tree.slice(0, -1))],
  ['no entries', 'tree-wrong', () => tree()],
  [
    'a subtree that begins between two',
    'tree-wrong',
    () => tree(...whole.tree.slice(0, 1), { height: 1, hash: proof }),
  ],
  ['a subtree over an event', 'tree-wrong', () => tree({ height: 2, hash: proof }, ...whole.tree.slice(1))],
  ['a subtree beyond the end', 'tree-wrong', () => tree({ height: 52, hash: proof }, ...whole.tree.slice(1))],
  ['another hash', 'proof-wrong', () => tree({ height: 0, hash: `B${proof.slice(1)}` }, ...whole.tree.slice(1))],
  [
    'two leaves exchanged',
    'proof-wrong',
    () => tree(...whole.tree.slice(0, 1), ...whole.tree.slice(2, 3), whole.tree[1], ...whole.tree.slice(3)),
  ],
  [
    'another body of a leaf',
    'proof-wrong',
    () => tree(...whole.tree.map((one) => ('body' in one ? { body: String(one.body).replace('said', 'sand') } : one))),
  ],
  [
    'a body that is none',
    'body-malformed',
    () => tree(...whole.tree.map((one) => ('body' in one ? { body: '{}' } : one))),
  ],
  [
    'a proof beside the tree',
    'tree-wrong',
    () => top({ events: whole.events.map((one) => ({ ...one, proof: [proof] })) }),
  ],
  ['no tree, and no proofs', 'malformed', () => top({ tree: undefined })],
]

export const forgedPopulations: readonly Forgery[] = [
  ['null as population', 'malformed', () => top({ population: null })],
  ['a list as population', 'malformed', () => top({ population: [whole.population] })],
  ['another kind', 'malformed', () => claim({ kind: 'requests' })],
  ['a member too many', 'malformed', () => claim({ whole: true })],
  ...Object.keys(whole.population).map(
    (name): Forgery => [`no ${name}`, 'malformed', () => top({ population: without(name, whole.population) })],
  ),
  ['an empty person', 'malformed', () => claim({ person: '' })],
  ['a list of targets', 'malformed', () => claim({ target: ['prod-db'] })],
  ['no zone', 'malformed', () => claim({ zone: null })],
  ['a period of nothing', 'malformed', () => claim({ until: FROM })],
  ['half a millisecond', 'malformed', () => claim({ from: FROM + 0.5 })],
  ['a range of nothing', 'malformed', () => claim({ end: 1 })],
  ['a range beyond the tree', 'population-wrong', () => claim({ end: 16 })],
  ['a range that leaves out what is shown on the left', 'population-wrong', () => claim({ first: 2 })],
  ['a range that leaves out what is shown on the right', 'population-wrong', () => claim({ end: 13 })],
  ['a range that begins within the hour', 'population-wrong', () => populated({ first: 2 })],
  ['a range that ends within the hour', 'population-wrong', () => populated({ end: 13 })],
  ['a period that begins later', 'population-wrong', () => claim({ from: FROM + 1 })],
  ['a period that begins a day earlier', 'population-wrong', () => claim({ from: FROM - DAY })],
  ['a period that begins with what was asked before', 'population-wrong', () => claim({ from: FROM - HOUR })],
  ['a period that ends earlier', 'population-wrong', () => claim({ until: UNTIL - 1 })],
  ['a period that ends with what was asked after', 'population-wrong', () => claim({ until: UNTIL + 1 })],
  ['a period that ends a day later', 'population-wrong', () => claim({ until: UNTIL + DAY })],
  ['one person, and the grants of all', 'population-wrong', () => claim({ person: 'E1' })],
  ['one target, and the grants on all', 'population-wrong', () => claim({ target: 'prod-db' })],
  [
    'all, and the grants of one person',
    'population-wrong',
    async () => {
      const file = await populationFile({ claim: { person: 'E1' } })
      return { file: { ...file, population: { ...file.population, person: null } } }
    },
  ],
  ...['G-B', 'G-C', 'G-D'].flatMap((id): Forgery[] => [
    [`${id} left out, and shown aside`, 'population-wrong', () => leftOut(id, (body) => [{ body }])],
    [`${id} left out, and nothing in its place`, 'tree-wrong', () => leftOut(id, () => [])],
    [
      `${id} left out, and something else in its place`,
      'proof-wrong',
      () =>
        leftOut(id, (body) => [
          { body: body.replace('request.asked', 'request.asket').replaceAll('grant:', 'grunt:') },
        ]),
    ],
  ]),
  [
    'an event of a grant shown aside',
    'population-wrong',
    () => {
      const [last] = whole.events.filter(({ body }) => JSON.parse(body).stream === 'grant:G-C').slice(-1)
      const at = whole.tree.findLastIndex((one) => 'body' in one && JSON.parse(String(one.body)).stream === 'system')
      const before = whole.tree.slice(0, at - 1)
      return top({
        events: whole.events.filter((event) => event !== last),
        tree: [...before, { body: last?.body }, ...whole.tree.slice(at - 1)],
      })
    },
  ],
  [
    'an event swapped for another',
    'order',
    () => top({ events: [whole.events[1], whole.events[0], ...whole.events.slice(2)] }),
  ],
  [
    'an event with another approver',
    'proof-wrong',
    () => top({ events: whole.events.map((one) => ({ ...one, body: one.body.replace('"by":"E2"', '"by":"E3"') })) }),
  ],
]

const populated = async (range: object): Promise<Given> => ({ file: await populationFile({ claim: range }) })

/** Genuine, and not shown to be complete: what is said of each. */
export const incompletePopulations: readonly (readonly [what: string, says: RegExp, make: () => Promise<Given>])[] = [
  [
    'leaves withheld, and a grant among them',
    /^6 of the 13 leaves/,
    async () => ({
      file: await populationFile({
        claim: { person: 'E2' },
        withhold: ({ data, stream }) => data.by === 'E1' || stream === 'system',
      }),
    }),
  ],
  [
    'the edges withheld',
    /^2 of the 13 leaves/,
    async () => ({ file: await populationFile({ withhold: ({ leafIndex }) => [1, 13].includes(leafIndex) }) }),
  ],
  [
    'a log that ends in the period',
    /ends .* less than an hour after the period/,
    async () => ({ file: await populationFile({ log: OCTOBER.slice(0, 11) }) }),
  ],
  [
    'a log that ends within the hour after it',
    /ends .* less than an hour after the period/,
    async () => ({ file: await populationFile({ log: OCTOBER.slice(0, 13) }) }),
  ],
  [
    'a request among those of the month that says August',
    /leaf 9 |time of leaf 9/,
    async () => ({
      file: await populationFile({
        log: OCTOBER.map((body, place) => (place === 9 ? { ...body, at: FROM - 40 * DAY } : body)).filter(
          (_, n) => n !== 10,
        ),
        claim: { end: 13 },
      }),
    }),
  ],
]

/** At the edge of what is complete. */
export const soundPopulations: readonly (readonly [what: string, make: () => Promise<Given>])[] = [
  ['all of them', async () => ({ file: whole })],
  [
    'those of one person, as holder and as who asked',
    async () => ({ file: await populationFile({ claim: { person: 'E1' } }) }),
  ],
  ['those on one target', async () => ({ file: await populationFile({ claim: { target: 'crm' } }) })],
  [
    'those of one person on one target',
    async () => ({ file: await populationFile({ claim: { person: 'E2', target: 'prod-db' } }) }),
  ],
  ['none at all', async () => ({ file: await populationFile({ claim: { person: 'E9' } }) })],
  ['with the whole tree as its range', async () => ({ file: await populationFile({ claim: { first: 0, end: 15 } }) })],
  [
    'with the first leaf of a log that began anew',
    async () => {
      const begin = {
        at: UNTIL + 5 * DAY,
        data: {},
        prev: null,
        seq: 1,
        stream: 'origin/x',
        type: 'origin-started',
        v: 1,
      }
      return { file: await populationFile({ log: [begin, ...OCTOBER], claim: { first: 0, end: 15 } }) }
    },
  ],
]
