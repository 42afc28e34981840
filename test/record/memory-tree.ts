import { consistencyProof, growTree, inclusionProof } from '../../src/record/tree.ts'

/** A tree whose nodes all lie in a map. */
export function createMemoryTree(leaves: readonly Buffer[]) {
  const nodes = new Map<string, Buffer>()
  const tree = growTree(0, () => Buffer.alloc(0))
  for (const leaf of leaves) tree.append(leaf, (height, index, hash) => nodes.set(`${height}/${index}`, hash))
  const read = (height: number, index: number) => {
    const hash = nodes.get(`${height}/${index}`)
    if (!hash) throw new RangeError(`no node ${height}/${index}`)
    return hash
  }
  return {
    root: () => tree.root(),
    read,
    inclusion: (index: number, size: number) => inclusionProof(index, size, read),
    consistency: (then: number, now: number) => consistencyProof(then, now, read),
  }
}
