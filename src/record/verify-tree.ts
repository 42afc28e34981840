import type { Db, Tx } from '../db/transaction.ts'
import { type CheckedLeaves, HASH_BYTES, TILE_WIDTH } from './check-leaves.ts'
import { type Found, nameHead, type WitnessHead } from './log-difference.ts'
import { growTree } from './tree.ts'
import type { TreeHead } from './verify.ts'

const TILE_HEIGHT = 8

/**
 * Grows the tree again from the leaves that were checked, range after range, and compares it with the tiles above level
 * 0, the checkpoints, what the witnesses hold and what somebody kept.
 * @param start where an earlier check came to
 */
export function createTreeCheck(
  log: number,
  witnesses: readonly WitnessHead[],
  found: Found,
  start: TreeState = { size: 0, edge: [], open: [] },
): TreeCheck {
  const edge = [...start.edge]
  const tree = growTree(start.size, () => edge.shift() ?? Buffer.alloc(HASH_BYTES))
  /** The hashes of the tiles that are not full yet, from level 1. */
  const open = new Map(start.open.map((hashes, place) => [place + 1, [...hashes]]))
  let full: FullTile[] = []
  let isWhole = true

  function onNode(height: number, index: number, hash: Buffer): void {
    if (height === 0 || height % TILE_HEIGHT !== 0) return
    const level = height / TILE_HEIGHT
    const hashes = open.get(level) ?? []
    open.set(level, hashes)
    hashes.push(hash)
    if (hashes.length < TILE_WIDTH) return
    full.push({ level, tileIndex: Math.floor(index / TILE_WIDTH), hashes: Buffer.concat(hashes.splice(0)) })
  }

  async function compareTiles(db: Db | Tx): Promise<void> {
    for (const { level, tileIndex, hashes } of full) {
      const [tile] = await db<{ hashes: Buffer }[]>`
        select hashes from tile where log = ${log} and level = ${level} and tile_index = ${tileIndex}`
      if (!tile?.hashes.equals(hashes))
        found('tile-differs', `tile ${level}/${tileIndex}, leaf ${tileIndex * TILE_WIDTH ** (level + 1)}`)
    }
    full = []
  }

  function compareHead(checkpoints: CheckedLeaves['checkpoints'], next: number): number {
    const size = tree.size()
    const isDue = (checkpoints[next]?.size ?? Infinity) <= size
    if (!isDue && !witnesses.some((head) => head.size === size)) return next
    const root = tree.root()
    let place = next
    for (let one = checkpoints[place]; one && one.size <= size; one = checkpoints[++place]) {
      if (one.size < size || !one.root.equals(root))
        found('checkpoint-differs', `checkpoint of size ${one.size}`, one.at)
    }
    for (const head of witnesses) {
      if (head.size === size && !head.root.equals(root)) nameHead(found, head)
    }
    return place
  }

  return {
    isWhole: () => isWhole,
    head: () => ({ size: tree.size(), root: tree.root() }),
    state: () => ({
      size: tree.size(),
      edge: tree.edge(),
      open: Array.from({ length: Math.max(0, ...open.keys()) }, (_, place) => [...(open.get(place + 1) ?? [])]),
    }),
    async add(db, { leaves, isWhole: isRangeWhole, checkpoints }) {
      // After a hole no root can be right: saying so for each checkpoint would bury the hole.
      isWhole &&= isRangeWhole
      if (!isWhole) return
      let next = 0
      for (let at = 0; at < leaves.length; at += HASH_BYTES) {
        tree.append(leaves.subarray(at, at + HASH_BYTES), onNode)
        next = compareHead(checkpoints, next)
      }
      for (const { size, at } of checkpoints.slice(next))
        found('checkpoint-differs', `checkpoint of size ${size}, while there are ${tree.size()} leaves`, at)
      await compareTiles(db)
    },
    async end(db) {
      if (!isWhole) return
      const size = tree.size()
      for (const [level, hashes] of open) {
        const tileIndex = Math.floor(size / TILE_WIDTH ** (level + 1))
        if (hashes.length > 0) full.push({ level, tileIndex, hashes: Buffer.concat(hashes) })
      }
      await compareTiles(db)
      for (const head of witnesses) if (head.size > size) nameHead(found, head, size)
    },
  }
}

interface FullTile {
  readonly level: number
  readonly tileIndex: number
  readonly hashes: Buffer
}

/** A tree between two ranges: all that is needed to go on. */
export interface TreeState {
  readonly size: number
  /** The roots of the complete subtrees, largest first. */
  readonly edge: readonly Buffer[]
  /** The hashes of the tiles that are not full, by level from 1. */
  readonly open: readonly (readonly Buffer[])[]
}

interface TreeCheck {
  /** Takes the next range. */
  add(db: Db | Tx, range: Pick<CheckedLeaves, 'leaves' | 'isWhole' | 'checkpoints'>): Promise<void>
  /** After the last. */
  end(db: Db | Tx): Promise<void>
  /** False once a leaf was missing. */
  isWhole(): boolean
  head(): TreeHead
  state(): TreeState
}
