import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signCheckpoint } from '../../src/record/signer.ts'
import { consistencyProof, inclusionProof, rangeRoot } from '../../src/record/tree.ts'
import {
  canonicalJson,
  EVIDENCE_FORMAT,
  isConsistent,
  leafHash,
  nodeHash,
  rootFromInclusion,
  verifyEvidence,
} from '../../src/record/verify.ts'
import { createMemoryTree } from './memory-tree.ts'
import { createTestSigner } from './record-fixture.ts'

const sizes = fc.integer({ min: 1, max: 300 })
const leavesOf = (size: number) => Array.from({ length: size }, (_, index) => leafHash(`leaf ${index}`))
const all = leavesOf(300)
const tree = createMemoryTree(all)
const rootOf = (size: number) => createMemoryTree(all.slice(0, size)).root()

/** One of the small changes that a forger would try. */
const damage = fc.record({
  how: fc.constantFrom('flip', 'drop', 'double', 'swap', 'append'),
  place: fc.nat(),
  bit: fc.nat({ max: 255 }),
})
type Damage = { how: string; place: number; bit: number }

function damaged(proof: readonly Buffer[], { how, place, bit }: Damage): Buffer[] {
  const copy = proof.map((hash) => Buffer.from(hash))
  const at = copy.length === 0 ? 0 : place % copy.length
  const [hash, next] = [copy[at], copy[at + 1]]
  if (how === 'append' || !hash) return [...copy, Buffer.alloc(32, bit)]
  if (how === 'drop') copy.splice(at, 1)
  else if (how === 'double') copy.splice(at, 0, hash)
  else if (how === 'swap' && next) [copy[at], copy[at + 1]] = [next, hash]
  else hash[bit >> 3] = (hash[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

test('every inclusion proof verifies, and no change of it does', () => {
  fc.assert(
    fc.property(sizes, fc.nat(), damage, (size, n, change) => {
      const index = n % size
      const root = rootOf(size)
      const leaf = all[index] ?? Buffer.alloc(32)
      const proof = tree.inclusion(index, size)
      expect(rootFromInclusion(leaf, index, size, proof)).toEqual(root)
      const other = rootFromInclusion(leaf, index, size, damaged(proof, change))
      expect(other?.equals(root) ?? false).toBe(false)
      const wrongLeaf = rootFromInclusion(leafHash('another'), index, size, proof)
      expect(wrongLeaf?.equals(root) ?? false).toBe(false)
      for (const wrong of [index + 1, index - 1, index + size]) {
        const elsewhere = wrong < 0 ? null : rootFromInclusion(leaf, wrong, size, proof)
        expect(elsewhere?.equals(root) ?? false).toBe(false)
      }
    }),
  )
})

test('every consistency proof verifies, and no change of it does', () => {
  fc.assert(
    fc.property(sizes, sizes, damage, (a, b, change) => {
      const [old, size] = [Math.min(a, b), Math.max(a, b)]
      const then = { size: old, root: rootOf(old) }
      const now = { size, root: rootOf(size) }
      const proof = tree.consistency(old, size)
      expect(isConsistent(then, now, proof)).toBe(true)
      expect(isConsistent(then, now, damaged(proof, change))).toBe(false)
      expect(isConsistent({ ...then, root: leafHash('another') }, now, proof)).toBe(false)
      expect(isConsistent(then, { ...now, root: leafHash('another') }, proof)).toBe(false)
      expect(isConsistent({ ...then, size: old + 1 }, now, proof)).toBe(false)
      if (old < size) expect(isConsistent(now, then, proof)).toBe(false)
    }),
  )
})

test('a tree beyond 32 bits is proved in', () => {
  const size = 2 ** 40 + 12_345
  const index = 2 ** 39 + 7
  // All leaves are alike, so a node depends on its height alone.
  const heights = [leafHash('same')]
  for (let height = 0; height < 41; height++) {
    const below = heights[height] ?? Buffer.alloc(0)
    heights.push(nodeHash(below, below))
  }
  const read = (height: number) => heights[height] ?? Buffer.alloc(0)
  const root = (leaves: number) => rangeRoot(0, leaves, read)
  expect(rootFromInclusion(leafHash('same'), index, size, inclusionProof(index, size, read))).toEqual(root(size))
  const then = { size: 2 ** 33 + 1, root: root(2 ** 33 + 1) }
  expect(isConsistent(then, { size, root: root(size) }, consistencyProof(then.size, size, read))).toBe(true)
})

test('canonical JSON is read back as it was, and is the same whatever the order', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const normal = JSON.parse(JSON.stringify(value))
      fc.pre(JSON.stringify(value).isWellFormed() && !/\\ud[89a-f]/i.test(JSON.stringify(value)))
      const text = canonicalJson(normal)
      expect(JSON.parse(text)).toEqual(normal)
      expect(canonicalJson(reversed(normal))).toBe(text)
    }),
  )
})

test('no change of a byte in an evidence file is verified as something else, and none crashes the verifier', async () => {
  const signer = createTestSigner()
  const bodies = [1, 2, 3].map((seq) => ({ at: 5, data: { n: seq }, seq, stream: 's', type: 'said', v: 1 }))
  let prev: string | null = null
  const texts = bodies.map((body) => {
    const text = canonicalJson({ ...body, prev })
    prev = leafHash(text).toString('hex')
    return text
  })
  const small = createMemoryTree(texts.map((text) => leafHash(text)))
  const file = {
    format: EVIDENCE_FORMAT,
    origin: 'test.example/log',
    verifierKey: signer.vkey,
    checkpoint: await signCheckpoint(signer, { size: 3, root: small.root() }),
    events: texts.map((body, leafIndex) => ({
      leafIndex,
      body,
      proof: small.inclusion(leafIndex, 3).map((hash) => hash.toString('base64')),
    })),
    reveals: [],
  }
  const text = JSON.stringify(file)
  const good = verifyEvidence(text, { vkey: signer.vkey })
  expect(good.verdict).toBe('verified')
  fc.assert(
    fc.property(
      fc.nat({ max: text.length - 1 }),
      fc.string({ maxLength: 2, unit: 'binary' }),
      fc.nat({ max: 2 }),
      (at, put, cut) => {
        const changed = text.slice(0, at) + put + text.slice(at + cut)
        const verdict = verifyEvidence(changed, { vkey: signer.vkey })
        // White space between tokens, or an escape of the same character, changes nothing that is read.
        if (verdict.verdict === 'verified') expect({ ...verdict, limits: [] }).toEqual({ ...good, limits: [] })
        else expect(verdict.verdict).toBe('refused')
      },
    ),
    { numRuns: 3_000 },
  )
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  )
}
