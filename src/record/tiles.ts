import type { Db, Tx } from '../db/transaction.ts'
import { type GrowingTree, growTree, type ReadNode } from './tree.ts'

const TILE_HEIGHT = 8
const TILE_WIDTH = 256
const HASH_BYTES = 32

/**
 * Runs `ask` on the nodes of a tree in the database. `ask` is called twice: once to learn which tiles it needs, once
 * with what they hold. What comes out proves itself against a signed root, or is worth nothing.
 * @throws TreeDamaged when the database does not hold what a tree of this size has
 */
export async function readTree<T>(db: Db | Tx, log: number, size: number, ask: (read: ReadNode) => T): Promise<T> {
  const needed = new Map<string, TilePlace>()
  ask((height, index) => {
    const { level, tileIndex } = placeOf(height, index)
    needed.set(`${level}/${tileIndex}`, { level, tileIndex })
    return Buffer.alloc(HASH_BYTES)
  })
  const tiles = await loadTiles(db, log, size, [...needed.values()])
  return ask((height, index) => {
    const { level, tileIndex, from, count } = placeOf(height, index)
    const hashes = tiles.get(`${level}/${tileIndex}`)
    if (!hashes || hashes.length < (from + count) * HASH_BYTES) {
      throw new TreeDamaged(`tile ${level}/${tileIndex} of log ${log} does not hold what a tree of ${size} leaves has`)
    }
    const subtree = growTree(0, () => hashes)
    for (let i = from; i < from + count; i++) {
      subtree.append(hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES), () => {})
    }
    return subtree.root()
  })
}

/** The tile that a node's hash can be computed from, and the hashes there that it takes. */
function placeOf(height: number, index: number): TilePlace & { from: number; count: number } {
  const level = Math.floor(height / TILE_HEIGHT)
  const count = 2 ** (height % TILE_HEIGHT)
  const first = index * count
  return { level, tileIndex: Math.floor(first / TILE_WIDTH), from: first % TILE_WIDTH, count }
}

async function loadTiles(db: Db | Tx, log: number, size: number, places: readonly TilePlace[]) {
  const isOpen = ({ level, tileIndex }: TilePlace) => level === 0 && (tileIndex + 1) * TILE_WIDTH > size
  const stored = places.filter((place) => !isOpen(place))
  const open = places.find(isOpen)
  const [tiles, leaves] = await Promise.all([
    stored.length === 0
      ? []
      : db<{ level: number; tileIndex: number; hashes: Buffer }[]>`
          select level, tile_index as "tileIndex", hashes from tile
          where log = ${log} and (level, tile_index) in (
            select * from unnest(${stored.map(({ level }) => level)}::smallint[],
              ${stored.map(({ tileIndex }) => tileIndex)}::bigint[]))`,
    open === undefined
      ? []
      : db<{ leafIndex: number; leafHash: Buffer }[]>`
          select leaf_index as "leafIndex", leaf_hash as "leafHash" from leaf
          where log = ${log} and leaf_index >= ${open.tileIndex * TILE_WIDTH} and leaf_index < ${size}
          order by leaf_index`,
  ])
  const loaded = new Map(tiles.map(({ level, tileIndex, hashes }) => [`${level}/${tileIndex}`, hashes]))
  if (open) loaded.set(`0/${open.tileIndex}`, Buffer.concat(leaves.map(({ leafHash }) => leafHash)))
  return loaded
}

/** The tree of `size` leaves, ready to grow, with the tiles at its right edge. */
export async function loadTree(db: Db | Tx, log: number, size: number): Promise<TiledTree> {
  return readTree(db, log, size, (read) => tileTree(size, read))
}

function tileTree(size: number, read: ReadNode): TiledTree {
  const tree = growTree(size, read)
  const edge = new Map<number, OpenTile>()
  const changed = new Map<string, ChangedTile>()
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const tileIndex = Math.floor(nodes / TILE_WIDTH)
    const hashes = Array.from({ length: nodes % TILE_WIDTH }, (_, place) =>
      read(level * TILE_HEIGHT, tileIndex * TILE_WIDTH + place),
    )
    edge.set(level, { tileIndex, hashes })
  }

  function place(height: number, index: number, hash: Buffer): void {
    if (height % TILE_HEIGHT !== 0) return
    const level = height / TILE_HEIGHT
    const tile = edge.get(level) ?? { tileIndex: 0, hashes: [] }
    edge.set(level, tile)
    if (tile.tileIndex * TILE_WIDTH + tile.hashes.length !== index)
      throw new RangeError(`node ${height}/${index} out of turn`)
    tile.hashes.push(hash)
    const full = tile.hashes.length === TILE_WIDTH
    // The leaves of an open tile are in `leaf`; writing them here too would be 8 KiB with every checkpoint.
    if (level > 0 || full) changed.set(`${level}/${tile.tileIndex}`, { level, tileIndex: tile.tileIndex, tile })
    if (full) edge.set(level, { tileIndex: tile.tileIndex + 1, hashes: [] })
  }

  return {
    size: tree.size,
    root: tree.root,
    append: (leaf) => tree.append(leaf, place),
    takeChanged() {
      const tiles = [...changed.values()]
      changed.clear()
      return tiles.map(({ level, tileIndex, tile }) => ({ level, tileIndex, hashes: Buffer.concat(tile.hashes) }))
    },
  }
}

/** The hashes of leaves and subtrees are not there. */
export class TreeDamaged extends Error {
  readonly code = 'TREE_DAMAGED'
  override name = 'TreeDamaged'
}

export interface TiledTree extends Pick<GrowingTree, 'size' | 'root'> {
  append(leaf: Buffer): void
  /** The tiles to write since the last call, whole. */
  takeChanged(): Tile[]
}

export interface Tile extends TilePlace {
  readonly hashes: Buffer
}

interface TilePlace {
  readonly level: number
  readonly tileIndex: number
}

interface OpenTile {
  readonly tileIndex: number
  readonly hashes: Buffer[]
}

interface ChangedTile extends TilePlace {
  readonly tile: OpenTile
}
