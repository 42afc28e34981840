import { createPublicKey, verify as verifySignature } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  canonicalJson,
  EMPTY_ROOT,
  formatVkey,
  isConsistent,
  leafHash,
  openNote,
  parseCheckpoint,
  parseNote,
  parseVkey,
  Refused,
  rootFromInclusion,
} from '../../src/record/verify.ts'
import vectors from '../vectors/tlog.json' with { type: 'json' }
import { createMemoryTree } from './memory-tree.ts'

const { rfc6962, notes, ed25519, jcs } = vectors
const leaves = rfc6962.leaves_hex.map((hex) => leafHash(Buffer.from(hex, 'hex')))
const roots = rfc6962.roots_hex.map((hex) => Buffer.from(hex, 'hex'))
const bytes = (proof: readonly string[]) => proof.map((item) => Buffer.from(item, 'base64'))
const at = <T>(list: readonly T[], place: number): T => {
  const item = list[place]
  if (item === undefined) throw new RangeError(`nothing at ${place}`)
  return item
}

test('the tree has the published roots', () => {
  expect(EMPTY_ROOT).toEqual(roots[0])
  for (let size = 0; size <= leaves.length; size++) {
    expect(createMemoryTree(leaves.slice(0, size)).root()).toEqual(roots[size])
  }
})

test('published inclusion proofs are what we make, and what we accept', () => {
  expect(rfc6962.inclusion).toHaveLength(36)
  for (const { size, index, proof } of rfc6962.inclusion) {
    expect(rootFromInclusion(at(leaves, index), index, size, bytes(proof))).toEqual(at(roots, size))
    expect(createMemoryTree(leaves).inclusion(index, size)).toEqual(bytes(proof))
  }
})

test('published consistency proofs are what we make, and what we accept', () => {
  expect(rfc6962.consistency).toHaveLength(36)
  for (const { old, new: size, proof } of rfc6962.consistency) {
    const [then, now] = [
      { size: old, root: at(roots, old) },
      { size, root: at(roots, size) },
    ]
    expect(isConsistent(then, now, bytes(proof))).toBe(true)
    expect(createMemoryTree(leaves).consistency(old, size)).toEqual(bytes(proof))
  }
})

test('the seven leaves of the RFC have the proofs that it draws', () => {
  const { figure } = rfc6962
  const tree = createMemoryTree(leaves.slice(0, figure.leaves))
  const drawn = (names: string) =>
    names.split(' ').map((name) => {
      const [from = 0, to = 0] = figure.nodes[name as keyof typeof figure.nodes]
      return createMemoryTree(leaves.slice(from, to)).root()
    })
  for (const [index, names] of Object.entries(figure.inclusion)) {
    expect(tree.inclusion(Number(index), figure.leaves)).toEqual(drawn(names))
  }
  for (const [size, names] of Object.entries(figure.consistency)) {
    expect(tree.consistency(Number(size), figure.leaves)).toEqual(drawn(names))
  }
})

test.each(notes.filter((note) => !note.refuse))('a good note is opened: $name', ({ vkeys, note, text, signers }) => {
  expect(openNote(note, vkeys.map(parseVkey))).toEqual({ text, signers })
})

test.each(notes.filter((note) => note.refuse))('a bad note is refused: $name', ({ vkeys, note }) => {
  expect(() => openNote(note, vkeys.map(parseVkey))).toThrow(Refused)
})

test.each(vectors.notes_parse_only)('a note is taken apart: $name', ({ note, text, key, checkpoint }) => {
  const parsed = parseNote(note)
  expect(parsed.text).toBe(text)
  expect(parsed.signatures.map(({ name, id }) => `${name}+${id}`)).toEqual([key])
  if (!checkpoint) return
  expect(parseCheckpoint(text)).toEqual({ ...checkpoint, root: Buffer.from(checkpoint.root, 'base64') })
})

test.each(vectors.vkeys_refused)('a malformed verifier key is refused: $vkey', ({ vkey }) => {
  expect(() => parseVkey(vkey)).toThrow(Refused)
})

test('verifier keys are written as they are read', () => {
  for (const vkey of notes.flatMap((note) => note.vkeys)) {
    const key = parseVkey(vkey)
    expect(formatVkey(key.name, key.publicKey)).toBe(vkey)
  }
})

test.each([
  'ab\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
  'ab\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
  'ab\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
  'ab\n9007199254740993\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
  'ab\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n',
  'ab\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx\n',
  '\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n',
  'ab\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nan extension\n',
])('a checkpoint that is not in form is refused: %j', (text) => {
  expect(() => parseCheckpoint(text)).toThrow(Refused)
})

test('Ed25519 signatures are those of RFC 8032', () => {
  for (const { public: key, message, signature } of ed25519) {
    const material = Buffer.concat([Buffer.of(1), Buffer.from(key, 'hex')]).toString('base64')
    // The name and id of the key play no part in the signature itself.
    const { publicKey } = parseVkey(withKeyId('rfc8032', material))
    const good = Buffer.from(signature, 'hex')
    expect(verifySignature(null, Buffer.from(message, 'hex'), publicKey, good)).toBe(true)
    expect(verifySignature(null, Buffer.from(`${message}00`, 'hex'), publicKey, good)).toBe(false)
  }
})

test('numbers are written as RFC 8785 asks', () => {
  for (const [bits, text] of Object.entries(jcs.numbers)) {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text)
  }
})

test('documents are written as RFC 8785 asks', () => {
  expect(jcs.documents.length).toBeGreaterThan(0)
  for (const { input, canonical } of jcs.documents) {
    expect(canonicalJson(JSON.parse(input))).toBe(canonical)
    expect(canonicalJson(JSON.parse(canonical))).toBe(canonical)
  }
})

test.each([
  [Number.NaN],
  [Number.POSITIVE_INFINITY],
  ['\ud800'],
  [{ '\udc00': 1 }],

  [() => 1],
  [new Date(0)],
  [new Map()],
  [undefined],
])('what JSON cannot say has no canonical form: %s', (value) => {
  expect(() => canonicalJson(value)).toThrow(TypeError)
})

test('a member that is undefined is left out, and deep nesting is refused, not a crash', () => {
  expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}')
  expect(() => canonicalJson(JSON.parse(`${'['.repeat(30_000)}${']'.repeat(30_000)}`))).toThrow(TypeError)
})

function withKeyId(name: string, material: string): string {
  const publicKey = parseVkey(at(at(notes, 0).vkeys, 0)).publicKey
  const der = Buffer.concat([
    publicKey.export({ format: 'der', type: 'spki' }).subarray(0, 12),
    Buffer.from(material, 'base64').subarray(1),
  ])
  return formatVkey(name, createPublicKey({ key: der, format: 'der', type: 'spki' }))
}
