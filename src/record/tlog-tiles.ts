import { type GrowingTree, growTree, type ReadNode } from './tree.ts'
import { leafHash } from './verify.ts'

/**
 * A log as the static files of C2SP tlog-tiles (https://c2sp.org/tlog-tiles): tiles of 256 hashes, and bundles of 256
 * entries, which are the exact bytes that the leaf hashes are computed from.
 */
export const TILE_WIDTH = 256
const TILE_HEIGHT = 8
const LENGTH_BYTES = 2

/** `tile/0/x001/234.p/17`. @param level height of its hashes / 8 @param width below 256 for a tile that is still open */
export function tilePath(level: number | 'entries', index: number, width = TILE_WIDTH): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const place = padded.replace(/\d{3}(?=\d)/g, 'x$&/')
  return `tile/${level}/${place}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

/** Each entry behind its length, two bytes, the higher one first. */
export function writeBundle(entries: readonly Buffer[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(LENGTH_BYTES)
      length.writeUInt16BE(entry.length)
      return [length, entry]
    }),
  )
}

/** Null when it is no bundle. */
export function readBundle(bytes: Buffer): Buffer[] | null {
  const entries: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_BYTES <= bytes.length ? at + LENGTH_BYTES + bytes.readUInt16BE(at) : Number.NaN
    if (!(end <= bytes.length)) return null
    entries.push(bytes.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  return entries.length <= TILE_WIDTH ? entries : null
}

/**
 * A log that grows, as files.
 * @param read the nodes of the tree of `size` leaves
 * @param openEntries the entries of the bundle that is not yet full
 */
export function growTiles(size: number, read: ReadNode, openEntries: readonly Buffer[]): TileGrowth {
  const tree = growTree(size, read)
  const open = new Map<number, OpenTile>()
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const index = Math.floor(nodes / TILE_WIDTH)
    const hashes = Array.from({ length: nodes % TILE_WIDTH }, (_, place) =>
      read(level * TILE_HEIGHT, index * TILE_WIDTH + place),
    )
    open.set(level, { index, hashes })
  }
  let entries = [...openEntries]
  let given = new Set(edge().map(({ path }) => path))

  function place(height: number, hash: Buffer, files: StaticFile[]): void {
    if (height % TILE_HEIGHT !== 0) return
    const level = height / TILE_HEIGHT
    const tile = open.get(level) ?? { index: 0, hashes: [] }
    open.set(level, tile)
    tile.hashes.push(hash)
    if (tile.hashes.length < TILE_WIDTH) return
    files.push({ path: tilePath(level, tile.index), bytes: Buffer.concat(tile.hashes) })
    open.set(level, { index: tile.index + 1, hashes: [] })
  }

  function edge(): StaticFile[] {
    const tiles = [...open].flatMap(([level, { index, hashes }]) =>
      hashes.length === 0 ? [] : [{ path: tilePath(level, index, hashes.length), bytes: Buffer.concat(hashes) }],
    )
    if (entries.length === 0) return tiles
    const index = Math.floor(tree.size() / TILE_WIDTH)
    return [...tiles, { path: tilePath('entries', index, entries.length), bytes: writeBundle(entries) }]
  }

  return {
    size: tree.size,
    root: tree.root,
    add(entry, leaf = leafHash(entry)) {
      const files: StaticFile[] = []
      entries.push(entry)
      tree.append(leaf, (height, _index, hash) => place(height, hash, files))
      if (entries.length === TILE_WIDTH) {
        files.push({ path: tilePath('entries', tree.size() / TILE_WIDTH - 1), bytes: writeBundle(entries) })
        entries = []
      }
      return files
    },
    takeEdge() {
      const files = edge()
      const fresh = files.filter(({ path }) => !given.has(path))
      given = new Set(files.map(({ path }) => path))
      return fresh
    },
  }
}

/** A file of the log, by its path below the log's prefix. */
export interface StaticFile {
  readonly path: string
  readonly bytes: Buffer
}

export interface TileGrowth extends Pick<GrowingTree, 'size' | 'root'> {
  /** @param leaf of an entry that was pruned @returns the files that are full with this entry */
  add(entry: Buffer, leaf?: Buffer): StaticFile[]
  /** The files at the right edge of the tree as it is, which are not yet full: those that are new since the last call. */
  takeEdge(): StaticFile[]
}

interface OpenTile {
  readonly index: number
  readonly hashes: Buffer[]
}
