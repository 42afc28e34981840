import { type Forgery, type Given, good, POLICY, REVEAL, salted, signer } from './good-file.ts'
import { populationFile } from './population-file.ts'
import { signFile, story } from './signed-file.ts'

const [, , , first = { leafIndex: 0, body: '', proof: [] }, last = first] = good.events
/** The stream grant:1 whole, and events of grant:2 alone. */
const beside = (...singles: unknown[]): Given => ({ file: { ...good, events: good.events.slice(0, 3), singles } })

/** The event of another stream that `change` makes of it, alone, in a log in which all else is right. */
async function alone(change: object, more: object = {}): Promise<Given> {
  const file = await signFile(signer, [...story('grant:1', {}), ...story('system', {}, change)])
  return { file: { ...file, events: file.events.slice(0, 1), singles: file.events.slice(2), ...more } }
}

export const soundSingles: readonly (readonly [what: string, make: () => Given | Promise<Given>])[] = [
  ['one that stands alone', () => beside(last)],
  ['two of one stream', () => beside(first, last)],
  ['an empty list of them', () => beside()],
  ['one that closes a stream that is not here', () => alone({ type: 'closed', data: { count: 9 } })],
  [
    'one before the first event',
    () => ({ file: { ...good, events: good.events.slice(3), singles: good.events.slice(0, 1) } }),
  ],
]

export const forgedSingles: readonly Forgery[] = [
  ['another text', 'proof-wrong', () => beside({ ...last, body: last.body.replace('"at":5', '"at":6') })],
  ['another place', 'proof-wrong', () => beside({ ...last, leafIndex: 3 })],
  ['a place beyond the tree', 'proof-wrong', () => beside({ ...last, leafIndex: 9 })],
  ['no proof', 'proof-wrong', () => beside({ ...last, proof: [] })],
  ['the proof of another', 'proof-wrong', () => beside({ ...last, proof: first.proof })],
  ['one twice', 'order', () => beside(last, last)],
  ['two exchanged', 'order', () => beside(last, first)],
  [
    'one of a stream that is here',
    'single-wrong',
    () => ({ file: { ...good, events: good.events.slice(0, 4), singles: [last] } }),
  ],
  ['one that is not in canonical form', 'body-not-canonical', () => beside({ ...last, body: ` ${last.body}` })],
  ['one that is no event', 'body-malformed', () => alone({ by: 'P-1' })],
  ['a second one without the one before', 'body-malformed', () => alone({ prev: null })],
  ['a first one after another', 'body-malformed', () => alone({ seq: 1 })],
  ['one that claims a passkey', 'single-wrong', () => alone({ data: { assurance: 'passkey' } })],
  ['one with an assertion', 'single-wrong', () => alone({ data: { assertion: {} } })],
  [
    'the text of one',
    'reveal-wrong',
    () => alone({ data: { reason: salted } }, { reveals: [{ ...REVEAL, leafIndex: 2 }] }),
  ],
  [
    'a policy that one alone names',
    'policy-wrong',
    () => alone({ data: { policy: POLICY.hash } }, { policies: [POLICY] }),
  ],
  ['null in their place', 'malformed', () => ({ file: { ...good, singles: null } })],
  ['one with a comment', 'malformed', () => beside({ ...last, by: 'P-1' })],
  ['one without a proof', 'malformed', () => beside({ leafIndex: 4, body: last.body })],
  [
    'one beside a tree',
    'single-wrong',
    async () => {
      const file = await populationFile()
      const [event] = file.events
      return { file: { ...file, singles: [event] } }
    },
  ],
]
