import { type Signer, signCheckpoint } from '../../src/record/signer.ts'
import { canonicalJson, KEYS_STREAM, SIGNER_APPOINTED } from '../../src/record/verify.ts'
import { type Forgery, type Given, ORIGIN, signer } from './good-file.ts'
import { createTestSigner } from './record-fixture.ts'
import { base64, signFile, story, treeOf } from './signed-file.ts'

/** The log's first key, and two that came after it. */
const second = createTestSigner(ORIGIN)
const third = createTestSigner(ORIGIN)
const stranger = createTestSigner(ORIGIN)

/** What is to be another thing than it should be. */
interface Changes {
  readonly data?: readonly object[]
  readonly event?: object
  /** Who signs the checkpoints at the hand-overs. */
  readonly signers?: readonly (readonly [Signer, Signer?])[]
  /** Further leaves under the first of them. */
  readonly late?: number
}

const appoint = (from: Signer, to: Signer) => ({ by: 'ada', from: from.vkey, to: to.vkey })

/** Evidence of a log of eight events that came to a second key at leaf 3 and to a third at leaf 5. */
async function handedOver({ data = [], event = {}, signers = [], late = 0 }: Changes = {}) {
  const [first, next] = [data[0] ?? appoint(signer, second), data[1] ?? appoint(second, third)]
  const [one, two] = story(
    KEYS_STREAM,
    { type: SIGNER_APPOINTED, data: first, ...event },
    { type: SIGNER_APPOINTED, data: next },
  )
  const grant = story('grant:1', {}, {}, {}, {}, {}, { type: 'closed', data: { count: 6 } })
  const bodies = [...grant.slice(0, 3), one ?? {}, ...grant.slice(3, 4), two ?? {}, ...grant.slice(4)]
  const file = await signFile(third, bodies)
  const texts = bodies.map((body) => canonicalJson(body))
  const tree = treeOf(texts)
  const entry = async (leafIndex: number, [by, also]: readonly [Signer, Signer?], more = 0) => {
    const size = leafIndex + 1 + more
    const then = treeOf(texts.slice(0, size))
    return {
      ...{ leafIndex, body: texts[leafIndex] ?? '' },
      proof: base64(then.inclusion(leafIndex, size)),
      checkpoint: await signCheckpoint(by, { size, root: then.root() }, also),
      consistency: base64(tree.consistency(size, texts.length)),
    }
  }
  const handOvers = [
    await entry(3, signers[0] ?? [signer, second], late),
    await entry(5, signers[1] ?? [second, third]),
  ] as const
  const keptOf = async (by: Signer, size: number) =>
    signCheckpoint(by, { size, root: treeOf(texts.slice(0, size)).root() })
  const proofOf = (size: number) => ({ size, proof: base64(tree.consistency(size, texts.length)) })
  return { file: { ...file, handOvers: [...handOvers] }, handOvers, keptOf, proofOf }
}

const made = await handedOver()
const [toSecond, toThird] = made.handOvers
const withHandOvers = (...handOvers: readonly object[]): Given => ({ file: { ...made.file, handOvers } })
const changed = (change: object): Given => withHandOvers({ ...toSecond, ...change }, toThird)

/** Files of a log that changed its key, and the keys and notes that an auditor may bring. */
export const soundHandOvers: readonly (readonly [what: string, make: () => Given | Promise<Given>])[] = [
  ['by who trusts the last key', () => ({ file: made.file, vkey: third.vkey })],
  ['by who trusts the second key', () => ({ file: made.file, vkey: second.vkey })],
  ['by who trusts the first key', () => ({ file: made.file, vkey: signer.vkey })],
  ['from the second on, by who trusts the second', () => ({ ...withHandOvers(toThird), vkey: second.vkey })],
  ['with no hand-over, by who trusts the last', () => ({ ...withHandOvers(), vkey: third.vkey })],
  [
    'with checkpoints that each key signed in its time',
    async () => ({
      file: { ...made.file, consistency: [2, 4, 6].map(made.proofOf) },
      vkey: third.vkey,
      earlier: [
        ...[await made.keptOf(signer, 2), await made.keptOf(signer, 4), await made.keptOf(second, 4)],
        ...[await made.keptOf(second, 6), await made.keptOf(third, 6), toSecond.checkpoint],
      ],
    }),
  ],
]

const forged = (what: string, changes: Changes): Forgery => [
  what,
  'hand-over-wrong',
  async () => ({ file: (await handedOver(changes)).file }),
]
const unsigned = (what: string, changes: Changes): Forgery => [
  what,
  'signature-wrong',
  async () => ({ file: (await handedOver(changes)).file }),
]
const keptBy = (what: string, by: Signer, size: number): Forgery => [
  what,
  'signature-wrong',
  async () => ({
    file: { ...made.file, consistency: [made.proofOf(size)] },
    vkey: third.vkey,
    earlier: [await made.keptOf(by, size)],
  }),
]

export const forgedHandOvers: readonly Forgery[] = [
  unsigned('a hand-over that the old key alone has signed', { signers: [[signer]] }),
  unsigned('a hand-over that the new key alone has signed', { signers: [[second]] }),
  unsigned('a hand-over that the old key and a stranger have signed', { signers: [[signer, stranger]] }),
  ['a hand-over that was taken out', 'hand-over-wrong', () => withHandOvers(toSecond)],
  ['all of them taken out', 'key-differs', () => withHandOvers()],
  ['the first of two taken out', 'key-differs', () => withHandOvers(toThird)],
  ['the two in the other order', 'hand-over-wrong', () => withHandOvers(toThird, toSecond)],
  ['one of them twice', 'hand-over-wrong', () => withHandOvers(toSecond, toSecond, toThird)],
  forged('two hand-overs of one key', {
    data: [appoint(signer, second), appoint(signer, third)],
    signers: [
      [signer, second],
      [signer, third],
    ],
  }),
  forged('a hand-over back to the first key', {
    data: [appoint(third, second), appoint(second, third)],
    signers: [[third, second]],
  }),
  forged('a hand-over to itself', { data: [appoint(signer, signer)], signers: [[signer]] }),
  forged('a hand-over that is not the last leaf of its checkpoint', { late: 1 }),
  forged('a hand-over in another stream', { event: { stream: 'grant:2' } }),
  forged('an event of another type', { event: { type: 'said' } }),
  forged('a hand-over that names no next key', { data: [{ from: signer.vkey }] }),
  forged('the hand-over of another log', {
    data: [appoint(createTestSigner('other.example/log'), second)],
  }),
  [
    'a key that is none',
    'key-malformed',
    async () => ({ file: (await handedOver({ data: [{ from: 'a', to: 'b' }] })).file }),
  ],
  ['another leaf', 'hand-over-wrong', () => changed({ leafIndex: 2 })],
  ['a proof of another place', 'hand-over-wrong', () => changed({ proof: toThird.proof })],
  ['no proof', 'hand-over-wrong', () => changed({ proof: [] })],
  [
    'a checkpoint that this one does not continue',
    'hand-over-wrong',
    () => changed({ consistency: toThird.consistency }),
  ],
  ['no proof that this one continues it', 'hand-over-wrong', () => changed({ consistency: [] })],
  ['another body', 'signature-wrong', () => changed({ body: toThird.body })],
  ['a body that is not canonical', 'body-not-canonical', () => changed({ body: ` ${toSecond.body}` })],
  ['a further member', 'malformed', () => changed({ note: '' })],
  ['nothing in place of the list', 'malformed', () => ({ file: { ...made.file, handOvers: null } })],
  keptBy('a checkpoint that the first key signed after it was retired', signer, 5),
  keptBy('a checkpoint that the second key signed before it was appointed', second, 3),
  keptBy('a checkpoint that the second key signed after it was retired', second, 7),
]
