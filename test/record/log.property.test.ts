import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { composeEvents, type NewEvent } from '../../src/record/compose.ts'
import { signCheckpoint } from '../../src/record/signer.ts'
import { EVIDENCE_FORMAT, isConsistent, rootFromInclusion, verifyEvidence } from '../../src/record/verify.ts'
import { createMemoryTree } from './memory-tree.ts'
import { createTestSigner } from './record-fixture.ts'

/*
 * Random logs, made by our own code: any number of streams of any length, their events in any order that keeps each
 * stream's own. Every proof out of them verifies, and no change of it does.
 */
const signer = createTestSigner()
const keys = {
  macKey: randomBytes(32),
  seal: (text: string) => Buffer.from(text),
  open: (sealed: Buffer) => sealed.toString(),
}

const log = fc
  .record({
    streams: fc.array(fc.array(fc.jsonValue({ maxDepth: 1, stringUnit: 'grapheme' }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 6,
    }),
    turns: fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
  })
  .map(({ streams, turns }) => {
    const waiting = streams.map((values, n) =>
      composeEvents(
        keys,
        { stream: `s${n}`, seq: 0, hash: null },
        values.map((value) => ({ type: 'said', data: { value } })),
        n,
      ),
    )
    const events: NewEvent[] = []
    for (let turn = 0; waiting.some((some) => some.length > 0); turn++) {
      const left = waiting.filter((some) => some.length > 0)
      const next = left[(turns[turn % turns.length] ?? 0) % left.length]?.shift()
      if (next) events.push(next)
    }
    return events
  })

test('every inclusion proof and every consistency proof of a log verifies, and for no other place, leaf or size', () => {
  fc.assert(
    fc.property(log, fc.nat({ max: 255 }), (events, bit) => {
      const leaves = events.map(({ event }) => Buffer.from(event.hash, 'hex'))
      const heads = leaves.map((_, n) => ({ size: n + 1, root: createMemoryTree(leaves.slice(0, n + 1)).root() }))
      const tree = createMemoryTree(leaves)
      for (const { size, root } of heads) {
        for (let index = 0; index < size; index++) {
          const leaf = leaves[index] ?? Buffer.alloc(0)
          const proof = tree.inclusion(index, size)
          const leads = (at: number, from: Buffer, by: readonly Buffer[]) =>
            rootFromInclusion(from, at, size, by)?.equals(root) ?? false
          expect(leads(index, leaf, proof)).toBe(true)
          expect(leads(index, flipped(leaf, bit), proof)).toBe(false)
          for (let other = 0; other < size; other++) if (other !== index) expect(leads(other, leaf, proof)).toBe(false)
          for (const changed of changesOf(proof, bit)) expect(leads(index, leaf, changed)).toBe(false)
        }
        for (const then of heads.slice(0, size)) {
          const now = { size, root }
          const proof = tree.consistency(then.size, size)
          expect(isConsistent(then, now, proof)).toBe(true)
          expect(isConsistent({ ...then, root: flipped(then.root, bit) }, now, proof)).toBe(false)
          expect(isConsistent(then, { ...now, root: flipped(root, bit) }, proof)).toBe(false)
          for (const changed of changesOf(proof, bit)) expect(isConsistent(then, now, changed)).toBe(false)
        }
      }
    }),
    { numRuns: 40 },
  )
})

test('the evidence of every stream of a log verifies, and after no change does it say anything else', async () => {
  await fc.assert(
    fc.asyncProperty(log, fc.nat(), fc.nat({ max: 255 }), async (events, pick, bit) => {
      const leaves = events.map(({ event }) => Buffer.from(event.hash, 'hex'))
      const tree = createMemoryTree(leaves)
      const size = leaves.length
      const stream = events[pick % size]?.event.stream
      const own = events.flatMap(({ event }, leafIndex) => (event.stream === stream ? [{ event, leafIndex }] : []))
      const file = {
        ...{ format: EVIDENCE_FORMAT, origin: 'test.example/log', verifierKey: signer.vkey, reveals: [] },
        checkpoint: await signCheckpoint(signer, { size, root: tree.root() }),
        events: own.map(({ event: { body }, leafIndex }) => ({
          ...{ leafIndex, body },
          proof: tree.inclusion(leafIndex, size).map((hash) => hash.toString('base64')),
        })),
      }
      const verdictOf = (changed: object) => verifyEvidence(JSON.stringify(changed), { vkey: signer.vkey }).verdict
      expect(verdictOf(file)).toBe('verified')
      const [first] = file.events
      if (!first) throw new Error('no event')
      const withFirst = (change: object) => ({ ...file, events: [{ ...first, ...change }, ...file.events.slice(1)] })
      const proof = first.proof.map((hash) => Buffer.from(hash, 'base64'))
      const changes: object[] = [
        withFirst({ body: first.body.replace('"said"', '"done"') }),
        withFirst({ body: first.body.replace(`"stream":"${stream}"`, '"stream":"other"') }),
        withFirst({ leafIndex: first.leafIndex + 1 }),
        ...changesOf(proof, bit).map((changed) => withFirst({ proof: changed.map((hash) => hash.toString('base64')) })),
        { ...file, events: [...file.events, first] },
        { ...file, checkpoint: file.checkpoint.replace(`\n${size}\n`, `\n${size + 1}\n`) },
        { ...file, checkpoint: await signCheckpoint(signer, { size, root: flipped(tree.root(), bit) }) },
        { ...file, checkpoint: await signCheckpoint(createTestSigner(), { size, root: tree.root() }) },
        ...(file.events.length > 1 ? [{ ...file, events: file.events.slice(1) }] : []),
        ...(file.events.length > 2 ? [{ ...file, events: file.events.toSpliced(1, 1) }] : []),
      ]
      for (const changed of changes) expect(verdictOf(changed)).toBe('refused')
    }),
    { numRuns: 100 },
  )
})

/** Each hash changed by a bit, each left out, one more, and neighbours exchanged. */
function changesOf(proof: readonly Buffer[], bit: number): Buffer[][] {
  return [
    [...proof, Buffer.alloc(32, bit)],
    ...proof.map((hash, place) => proof.toSpliced(place, 1, flipped(hash, bit))),
    ...proof.map((_, place) => proof.toSpliced(place, 1)),
    ...proof.slice(1).map((hash, place) => proof.toSpliced(place, 2, hash, proof[place] ?? hash)),
  ]
}

function flipped(hash: Buffer, bit: number): Buffer {
  const copy = Buffer.from(hash)
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
  return copy
}
