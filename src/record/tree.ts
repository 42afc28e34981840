import { EMPTY_ROOT, nodeHash } from './verify.ts'

/**
 * The RFC 6962 tree: growing it at its right edge, and proofs out of it. Hashes are asked for by place, so that it
 * does not matter where they lie. A node is (height, index): the root of the complete subtree over the leaves
 * [index · 2^height, (index + 1) · 2^height).
 */
export type ReadNode = (height: number, index: number) => Buffer

/** Proof that leaf `index` is in the tree of `size` leaves. RFC 6962 section 2.1.1. */
export function inclusionProof(index: number, size: number, read: ReadNode): Buffer[] {
  if (index < 0 || index >= size) throw new RangeError(`leaf ${index} is not in a tree of ${size}`)
  return pathFrom(index, 0, size, read)
}

function pathFrom(index: number, begin: number, end: number, read: ReadNode): Buffer[] {
  if (end - begin === 1) return []
  const middle = begin + splitOf(end - begin)
  return index < middle
    ? [...pathFrom(index, begin, middle, read), rangeRoot(middle, end, read)]
    : [...pathFrom(index, middle, end, read), rangeRoot(begin, middle, read)]
}

/** Proof that the tree of `then` leaves is a prefix of the tree of `now` leaves. RFC 6962 section 2.1.2. */
export function consistencyProof(then: number, now: number, read: ReadNode): Buffer[] {
  if (then < 0 || then > now) throw new RangeError(`a tree of ${then} is no prefix of one of ${now}`)
  return then === 0 || then === now ? [] : prefixProof(then, 0, now, true, read)
}

function prefixProof(then: number, begin: number, end: number, known: boolean, read: ReadNode): Buffer[] {
  if (begin + then === end) return known ? [] : [rangeRoot(begin, end, read)]
  const half = splitOf(end - begin)
  const middle = begin + half
  return then <= half
    ? [...prefixProof(then, begin, middle, known, read), rangeRoot(middle, end, read)]
    : [...prefixProof(then - half, middle, end, false, read), rangeRoot(begin, middle, read)]
}

/** Root over the leaves [begin, end), where `begin` is a multiple of a power of two that is no smaller than the range. */
export function rangeRoot(begin: number, end: number, read: ReadNode): Buffer {
  const size = end - begin
  if (size === 0) return EMPTY_ROOT
  const height = Math.log2(size)
  if (Number.isInteger(height)) return read(height, begin / size)
  const middle = begin + splitOf(size)
  return nodeHash(rangeRoot(begin, middle, read), rangeRoot(middle, end, read))
}

/** The complete subtrees that stand for the leaves [begin, end), none larger than its place allows, from left to right. */
export function subtreesOf(begin: number, end: number): { height: number; index: number }[] {
  const found: { height: number; index: number }[] = []
  for (let at = begin; at < end; ) {
    let height = 0
    while (at % 2 ** (height + 1) === 0 && at + 2 ** (height + 1) <= end) height++
    found.push({ height, index: at / 2 ** height })
    at += 2 ** height
  }
  return found
}

/** The largest power of two below `size`. The logarithms here are exact up to 2^48 leaves. */
function splitOf(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1)
}

/** A tree that only grows, in memory: the roots of its complete subtrees, largest first. */
export function growTree(size: number, read: ReadNode): GrowingTree {
  const edge: Subtree[] = []
  for (let begin = 0; begin < size; ) {
    const height = Math.floor(Math.log2(size - begin))
    edge.push({ height, hash: read(height, begin / 2 ** height) })
    begin += 2 ** height
  }
  return growFrom(edge, size)
}

function growFrom(edge: Subtree[], size: number): GrowingTree {
  let leaves = size
  return {
    size: () => leaves,
    append(leaf, onNode) {
      let node = { height: 0, hash: leaf }
      onNode(0, leaves, leaf)
      for (let left = edge.at(-1); left?.height === node.height; left = edge.at(-1)) {
        edge.pop()
        node = { height: node.height + 1, hash: nodeHash(left.hash, node.hash) }
        onNode(node.height, (leaves + 1) / 2 ** node.height - 1, node.hash)
      }
      edge.push(node)
      leaves++
    },
    root: () =>
      edge.reduceRight<Buffer | null>((right, { hash }) => (right ? nodeHash(hash, right) : hash), null) ?? EMPTY_ROOT,
    edge: () => edge.map(({ hash }) => hash),
    copy: () => growFrom([...edge], leaves),
  }
}

interface Subtree {
  readonly height: number
  readonly hash: Buffer
}

export interface GrowingTree {
  size(): number
  /** @param onNode called for the leaf and for every subtree that it completes */
  append(leaf: Buffer, onNode: (height: number, index: number, hash: Buffer) => void): void
  root(): Buffer
  /** The roots of the complete subtrees, largest first: with them and the size it can be grown on. */
  edge(): Buffer[]
  /** Another one of the same leaves, that grows by itself. */
  copy(): GrowingTree
}
