import { readBundle, TILE_WIDTH, tilePath } from '../record/tlog-tiles.ts'
import { leafHash, parseBody, Refused } from '../record/verify.ts'
import type { Bucket } from './bucket.ts'
import type { LogInBucket } from './bucket-difference.ts'
import { type FileVersions, listFile } from './check-file.ts'
import { leavesInWords, type PruningFollowed } from './follow-pruning.ts'

/** Bundles that are fetched before their turn, with the tiles beside them. */
const AHEAD = 8
const HASH_BYTES = 32

/** The leaves in order, from bundles and from the tiles of level 0: each leaf from both, where both are there. */
export function readBucketLeaves(
  { bucket, folder, found }: LogInBucket,
  { size, pruning, appointments }: Reading,
): BucketLeaves {
  const places = new Map<number, Promise<Place>>()

  /** Of one bundle and its tile, with those that come next already under way. */
  function placeAt(index: number): Promise<Place> {
    for (const known of places.keys()) if (known < index) places.delete(known)
    for (let next = index; next < index + AHEAD && next * TILE_WIDTH < size; next++) {
      if (places.has(next)) continue
      const loading = load(next)
      // Whoever comes to it hears of it.
      loading.catch(() => {})
      places.set(next, loading)
    }
    return places.get(index) ?? load(index)
  }

  async function load(index: number): Promise<Place> {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH)
    const [entryFiles, hashFiles] = await Promise.all([
      listFile(bucket, `${folder}${tilePath('entries', index)}`),
      listFile(bucket, `${folder}${tilePath(0, index)}`),
    ])
    const [entries, hashes] = await Promise.all([
      readFile(bucket, entryFiles, width, readBundle),
      readFile(bucket, hashFiles, width, readHashes),
    ])
    return { entryFiles, hashFiles, entries, hashes }
  }

  function tellMissing(index: number, { entries, hashes }: Place): void {
    if (entries.length >= hashes.length) return
    pruning.missing(index * TILE_WIDTH + entries.length, index * TILE_WIDTH + hashes.length - 1)
  }

  function compare(leafIndex: number, entry: Buffer | undefined, hash: Buffer | undefined): BucketLeaf | null {
    // So it stands in a bucket that was begun after it was pruned.
    if (entry?.length === 0) pruning.missing(leafIndex, leafIndex)
    if (!entry?.length) return hash === undefined ? null : { entry: null, fromEntry: hash, fromTile: hash }
    const fromEntry = leafHash(entry)
    const fromTile = hash ?? fromEntry
    if (!isBody(entry)) found('entry-differs', `leaf ${leafIndex} is no event`)
    else if (fromEntry.equals(fromTile)) pruning.see(leafIndex, entry)
    return { entry, fromEntry, fromTile }
  }

  return {
    async next(leafIndex) {
      const [index, offset] = [Math.floor(leafIndex / TILE_WIDTH), leafIndex % TILE_WIDTH]
      const place = await placeAt(index)
      if (offset === 0) tellMissing(index, place)
      const leaf = compare(leafIndex, place.entries[offset], place.hashes[offset])
      const appointment = appointments.get(leafIndex)
      if (leaf === null) found('entry-missing', leavesInWords(leafIndex, size - 1))
      else if (appointment?.equals(leaf.fromEntry) === false) found('hand-over-forged', `leaf ${leafIndex}`)
      return leaf
    },
    async filesOf(level, index) {
      if (level !== 0 && level !== 'entries') return await listFile(bucket, `${folder}${tilePath(level, index)}`)
      const { entryFiles, hashFiles } = await placeAt(index)
      return level === 0 ? hashFiles : entryFiles
    },
  }
}

/** The oldest version of the widest file that has the form: the one that a lock protects. Empty when there is none. */
async function readFile(
  bucket: Bucket,
  files: FileVersions,
  width: number,
  parse: (bytes: Buffer) => Buffer[] | null,
): Promise<readonly Buffer[]> {
  const others = [...files.keys()].sort((a, b) => b - a)
  let best: readonly Buffer[] = []
  for (const one of new Set([width, ...others])) {
    for (const { isDeleteMarker, version, key } of [...(files.get(one)?.newestFirst ?? [])].reverse()) {
      const object = isDeleteMarker ? null : await bucket.read(key, version)
      const parts = object && parse(object.bytes)
      if (parts && parts.length === one && parts.length > best.length) best = parts
      if (best.length >= width) return best.slice(0, width)
    }
  }
  return best
}

function readHashes(bytes: Buffer): Buffer[] | null {
  if (bytes.length % HASH_BYTES !== 0) return null
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, n) =>
    bytes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES),
  )
}

function isBody(entry: Buffer): boolean {
  try {
    const text = entry.toString('utf8')
    parseBody(text)
    return Buffer.from(text, 'utf8').equals(entry)
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

export interface BucketLeaves {
  /** Null when the bucket holds neither the entry nor its hash. */
  next(leafIndex: number): Promise<BucketLeaf | null>
  filesOf(level: number | 'entries', index: number): Promise<FileVersions>
}

/** Where only one of the two is there, both hashes are its own. */
interface BucketLeaf {
  readonly entry: Buffer | null
  readonly fromEntry: Buffer
  readonly fromTile: Buffer
}

/** What lies there of one bundle and its tile. */
interface Place {
  readonly entryFiles: FileVersions
  readonly hashFiles: FileVersions
  readonly entries: readonly Buffer[]
  readonly hashes: readonly Buffer[]
}

interface Reading {
  /** Leaves under the newest checkpoint. */
  readonly size: number
  readonly pruning: PruningFollowed
  /** The leaf hash of each appointment of a key. */
  readonly appointments: ReadonlyMap<number, Buffer>
}
