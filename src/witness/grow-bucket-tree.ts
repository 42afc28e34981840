import { TILE_WIDTH, tilePath, writeBundle } from '../record/tlog-tiles.ts'
import { type GrowingTree, growTree } from '../record/tree.ts'
import { leafHash, type TreeHead } from '../record/verify.ts'
import type { FoundInBucket, LogInBucket } from './bucket-difference.ts'
import { checkFile } from './check-file.ts'
import type { BucketLeaves } from './read-bucket-leaves.ts'

const TILE_HEIGHT = 8

/** Takes in leaves up to a checkpoint, and compares the roots. Where bundle and tile disagree, the checkpoint says which is right. */
export async function growTo(
  head: TreeHead,
  given: BucketTree,
  leaves: BucketLeaves,
  found: FoundInBucket,
): Promise<BucketTree> {
  let [tree, byTiles]: [BucketTree, BucketTree | null] = [given, null]
  const suspects: number[] = []
  while (tree.size() < head.size) {
    const index = tree.size()
    const leaf = await leaves.next(index)
    if (leaf === null) {
      found('checkpoint-differs', `checkpoint of size ${head.size}, of which ${index} entries can be read`)
      return tree
    }
    if (!leaf.fromTile.equals(leaf.fromEntry)) {
      byTiles ??= tree.copy()
      suspects.push(index)
    }
    await tree.add(leaf.fromEntry, leaf.entry, suspects.at(-1) === index)
    await byTiles?.add(leaf.fromTile, null, true)
  }
  const isRight = tree.root().equals(head.root)
  const isRightByTiles = byTiles?.root().equals(head.root) ?? false
  for (const index of suspects) found(isRight ? 'tile-differs' : 'entry-differs', `leaf ${index}`)
  if (isRight) return tree
  if (byTiles && isRightByTiles) return byTiles
  found('checkpoint-differs', `checkpoint of size ${head.size}`)
  return tree
}

/** The tree with the tiles and bundles at its edge: what is full is compared with all that the bucket holds for it. */
export function growBucketTree(ground: Ground, from?: BucketTreeState): BucketTree {
  const { bucket, folder, filesOf, found } = ground
  const state: BucketTreeState = from ?? {
    tree: growTree(0, () => Buffer.alloc(0)),
    levels: new Map(),
    entries: [],
    isDoubted: false,
  }
  const { tree, levels } = state

  async function check(level: number | 'entries', index: number, parts: readonly Buffer[]): Promise<void> {
    const files = await filesOf(level, index)
    const isThere = files.has(parts.length) || files.has(TILE_WIDTH)
    if (!isThere) found('file-missing', `${folder}${tilePath(level, index, parts.length)}`)
    await checkFile(bucket, files, parts, found)
  }

  /** Bundles whose leaves were named already are not named again. */
  async function checkEntries(index: number): Promise<void> {
    const { entries, isDoubted } = state
    state.entries = []
    state.isDoubted = false
    const whole = entries.filter((entry) => entry !== null)
    if (isDoubted || whole.length < entries.length) return
    await check(
      'entries',
      index,
      whole.map((entry) => writeBundle([entry])),
    )
    await check(0, index, whole.map(leafHash))
  }

  return {
    size: tree.size,
    root: tree.root,
    async add(hash, entry, isDoubted) {
      const full: { level: number; index: number; hashes: Buffer[] }[] = []
      tree.append(hash, (height, node, nodeHash) => {
        const level = height / TILE_HEIGHT
        if (!Number.isInteger(level) || level === 0) return
        const hashes = [...(levels.get(level) ?? []), nodeHash]
        levels.set(level, hashes.length === TILE_WIDTH ? [] : hashes)
        if (hashes.length === TILE_WIDTH) full.push({ level, index: Math.floor(node / TILE_WIDTH), hashes })
      })
      state.entries.push(entry)
      state.isDoubted ||= isDoubted
      if (state.entries.length === TILE_WIDTH) await checkEntries(tree.size() / TILE_WIDTH - 1)
      for (const { level, index, hashes } of full) await check(level, index, hashes)
    },
    async end() {
      const size = tree.size()
      if (state.entries.length > 0) await checkEntries(Math.floor(size / TILE_WIDTH))
      for (const [level, hashes] of levels) {
        if (hashes.length > 0) await check(level, Math.floor(size / TILE_WIDTH ** (level + 1)), hashes)
      }
    },
    copy: () =>
      growBucketTree(ground, {
        ...{ tree: tree.copy(), levels: new Map(levels) },
        ...{ entries: [...state.entries], isDoubted: state.isDoubted },
      }),
  }
}

/** With what is still open at its edge. */
export interface BucketTree extends Pick<GrowingTree, 'size' | 'root'> {
  add(hash: Buffer, entry: Buffer | null, isDoubted: boolean): Promise<void>
  /** Compares what is still open. */
  end(): Promise<void>
  copy(): BucketTree
}

/** What the tree is compared with. */
interface Ground extends LogInBucket, Pick<BucketLeaves, 'filesOf'> {}

interface BucketTreeState {
  readonly tree: GrowingTree
  /** The hashes of the open tiles, from level 1. */
  readonly levels: Map<number, readonly Buffer[]>
  /** Of the open bundle; null where only the hash is known. */
  entries: (Buffer | null)[]
  /** Whether bundle and tile disagree in it. */
  isDoubted: boolean
}
