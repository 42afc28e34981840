import type { EvidenceFile } from '../../src/record/evidence.ts'
import { type Signer, signCheckpoint } from '../../src/record/signer.ts'
import { canonicalJson, EVIDENCE_FORMAT, leafHash, parseVkey } from '../../src/record/verify.ts'
import { createMemoryTree } from './memory-tree.ts'

/** Evidence of a log that holds these bodies and no others, faults and all: its proofs and signature are right. */
export async function signFile(signer: Signer, bodies: readonly (object | string)[]): Promise<EvidenceFile> {
  const texts = bodies.map((body) => (typeof body === 'string' ? body : canonicalJson(body)))
  const tree = treeOf(texts)
  const size = texts.length
  return {
    format: EVIDENCE_FORMAT,
    origin: parseVkey(signer.vkey).name,
    verifierKey: signer.vkey,
    checkpoint: await signCheckpoint(signer, { size, root: tree.root() }),
    events: texts.map((body, leafIndex) => ({ leafIndex, body, proof: base64(tree.inclusion(leafIndex, size)) })),
    reveals: [],
  }
}

/** The bodies of a stream, each naming the one before. What `changes` say of an event wins. */
export function story(stream: string, ...changes: readonly object[]): object[] {
  let prev: string | null = null
  return changes.map((change, place) => {
    const body = { at: 5, data: {}, prev, seq: place + 1, stream, type: 'said', v: 1, ...change }
    prev = leafHash(canonicalJson(body)).toString('hex')
    return body
  })
}

export function treeOf(texts: readonly string[]) {
  return createMemoryTree(texts.map((text) => leafHash(text)))
}

/** A note of any text, with a genuine signature of it. */
export async function signNote(signer: Signer, text: string): Promise<string> {
  const { name, id } = parseVkey(signer.vkey)
  return `${text}\n${signatureLine(name, id, await signer.sign(text))}`
}

export function signatureLine(name: string, id: string, signature: Buffer): string {
  return `— ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`
}

export function base64(proof: readonly Buffer[]): string[] {
  return proof.map((hash) => hash.toString('base64'))
}
