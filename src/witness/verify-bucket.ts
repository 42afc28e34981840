import { readBundle, TILE_WIDTH, tilePath, writeBundle } from '../record/tlog-tiles.ts'
import { type GrowingTree, growTree } from '../record/tree.ts'
import { type KeySpan, leafHash, openInForce, parseBody, parseVkey, Refused, type TreeHead } from '../record/verify.ts'
import type { Bucket, Protection, StoredObject } from './bucket.ts'
import type { BucketDifference, FoundInBucket } from './bucket-difference.ts'
import { folderOf } from './bucket-names.ts'
import { checkFile, checkVersions, type FileVersions, listFile } from './check-file.ts'
import { checkpointsAbove, findNewest, type KeptCheckpoint } from './find-newest.ts'
import { followPruning, leavesInWords, type PrunedInBucket, type PruningFollowed } from './follow-pruning.ts'
import { type KeptNote, openEarlier } from './open-earlier.ts'
import { readBucketKeys } from './read-bucket-keys.ts'

const CHECKPOINTS_AT_ONCE = 48
/** Bundles that are fetched before their turn, with the tiles beside them. */
const AHEAD = 8
const MOST_DIFFERENCES = 1_000
const TILE_HEIGHT = 8
const HASH_BYTES = 32

/**
 * Builds the record again from the bucket alone, in little memory: every bundle → leaf hashes → the tree → every
 * checkpoint's signature and root; and whether anything was written over or deleted since. What comes in while it looks
 * is left for the next time.
 * @param vkey the log's key, from elsewhere than the bucket
 * @param earlier checkpoints that somebody kept: the log must continue each
 * @throws BucketFailed
 */
export async function verifyBucket(
  given: Bucket,
  prefix: string,
  vkey: string,
  earlier: readonly KeptNote[] = [],
): Promise<BucketVerdict> {
  const key = parseVkey(vkey)
  const folder = folderOf(prefix, key.name)
  const differences: BucketDifference[] = []
  const pruning = followPruning(folder, key.name)
  const entries = `${folder}tile/entries/`
  const found: FoundInBucket = (what, where, at = null) => {
    if (what === 'file-deleted' && where.startsWith(entries)) return pruning.deleted(where, at)
    name(what, where, at)
  }
  const name: FoundInBucket = (what, where, at = null) => {
    const isKnown = differences.some((one) => one.what === what && one.where === where && one.at === at)
    if (!isKnown && differences.length < MOST_DIFFERENCES) differences.push({ what, where, at })
  }
  const locks = countLocks(given)
  const { bucket } = locks
  const protection = await bucket.protection()
  const end = await findNewest(bucket, folder)
  if (end === null) found('checkpoint-missing', `${folder}checkpoints/`)

  const { keys, heads, leaves } = await readBucketKeys(bucket, folder, vkey, found)
  const kept = openEarlier(earlier, keys, found)
  const stops = [...heads.map((head) => ({ ...head, where: null })), ...kept].sort((a, b) => a.size - b.size)
  const log = createLeafReader(bucket, { folder, size: end?.size ?? 0, found, pruning })
  let tree = createGrowth(folder, found, { bucket, filesOf: log.filesOf })
  let newest: TreeHead | null = null
  let checkpoints = 0
  const appointed: LeafReader = {
    ...log,
    async next(index) {
      const leaf = await log.next(index)
      const followed = leaves.get(index)
      if (leaf?.entry && leaf.fromEntry.equals(leaf.fromTile) && isBody(leaf.entry)) pruning.see(index, leaf.entry)
      if (leaf && followed && !leaf.fromEntry.equals(followed)) found('hand-over-forged', `leaf ${index}`)
      return leaf
    },
  }
  for await (const head of signedCheckpoints(bucket, folder, end?.size ?? -1, keys, found)) {
    checkpoints++
    newest = head
    for (const stop of stops) {
      const as: FoundInBucket = (what, where, at) =>
        stop.where !== null && what === 'checkpoint-differs'
          ? found('earlier-differs', stop.where)
          : found(what, where, at)
      const isNow = tree.size() <= stop.size && stop.size <= head.size
      if (isNow) tree = await growTo(stop, tree, appointed, as)
    }
    tree = await growTo(head, tree, appointed, found)
  }
  if (heads.some(({ size }) => size > (newest?.size ?? 0))) found('checkpoint-missing', 'after the last hand-over')
  for (const { size, where } of kept) {
    if (size > (newest?.size ?? 0)) found('earlier-differs', `${where}, and the bucket has ${newest?.size ?? 0}`)
  }
  await tree.end()
  const pruned = pruning.end(name)
  if (newest) await checkPointer(bucket, folder, keys, newest, found)
  if (protection.lock && locks.open() > 0) found('not-locked', `${locks.open()} of ${locks.read()} objects`)
  return {
    ok: differences.length === 0,
    ...{ origin: key.name, size: newest?.size ?? 0, checkpoints, protection, differences },
    root: newest?.root.toString('base64') ?? null,
    lockedUntil: locks.soonest(),
    ...(pruned.leaves > 0 && { pruned }),
  }
}

/** Checkpoints by rising size, up to `last`, that a key in force signed. What none did is named and left out. */
async function* signedCheckpoints(
  bucket: Bucket,
  folder: string,
  last: number,
  keys: readonly KeySpan[],
  found: FoundInBucket,
) {
  let batch: Promise<TreeHead | null>[] = []
  for await (const kept of checkpointsAbove(bucket, folder, -1)) {
    if (kept.size > last) break
    batch.push(openKept(bucket, kept, keys, found))
    if (batch.length < CHECKPOINTS_AT_ONCE) continue
    yield* (await Promise.all(batch)).filter((head) => head !== null)
    batch = []
  }
  yield* (await Promise.all(batch)).filter((head) => head !== null)
}

async function openKept(
  bucket: Bucket,
  { key: name, size, versions }: KeptCheckpoint,
  keys: readonly KeySpan[],
  found: FoundInBucket,
): Promise<TreeHead | null> {
  let head: TreeHead | null = null
  const isRight = async ({ isDeleteMarker, version }: KeptCheckpoint['first']) => {
    const object = isDeleteMarker ? null : await bucket.read(name, version)
    const seen = object && openSigned(object, keys)
    if (seen?.size !== size || (head && !head.root.equals(seen.root))) return false
    head ??= seen
    return true
  }
  await checkVersions({ key: name, newestFirst: versions }, isRight, (what, where, at) =>
    found(what === 'file-differs' ? 'checkpoint-forged' : what, where, at),
  )
  return head
}

/** Takes in leaves up to a checkpoint, and compares. Where bundle and tile disagree, the checkpoint says which is right. */
async function growTo(head: TreeHead, given: Growth, log: LeafReader, found: FoundInBucket): Promise<Growth> {
  let [tree, byTiles]: [Growth, Growth | null] = [given, null]
  const suspects: number[] = []
  while (tree.size() < head.size) {
    const index = tree.size()
    const leaf = await log.next(index)
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

/** The leaves in order, from bundles and from the tiles of level 0: each leaf from both, where both are there. */
function createLeafReader(bucket: Bucket, { folder, size, found, pruning }: Reading): LeafReader {
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

  return {
    async next(leafIndex) {
      const [index, offset] = [Math.floor(leafIndex / TILE_WIDTH), leafIndex % TILE_WIDTH]
      const place = await placeAt(index)
      if (offset === 0) tellMissing(index, place)
      const [there, hash] = [place.entries[offset], place.hashes[offset]]
      // So it stands in a bucket that was begun after it was pruned.
      const entry = there?.length === 0 ? undefined : there
      if (there !== undefined && entry === undefined) pruning.missing(leafIndex, leafIndex)
      if (entry === undefined && hash === undefined) {
        found('entry-missing', leavesInWords(leafIndex, size - 1))
        return null
      }
      const fromEntry = entry === undefined ? null : leafHash(entry)
      if (entry !== undefined && !isBody(entry)) found('entry-differs', `leaf ${leafIndex} is no event`)
      const fromTile = hash ?? fromEntry
      if (fromTile === null) return null
      return { entry: entry ?? null, fromEntry: fromEntry ?? fromTile, fromTile }
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

/** The tree with the tiles and bundles at its edge: what is full is compared with all that the bucket holds for it. */
function createGrowth(folder: string, found: FoundInBucket, { bucket, filesOf }: Lying, from?: GrowthState): Growth {
  const state: GrowthState = from ?? {
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
      createGrowth(
        folder,
        found,
        { bucket, filesOf },
        {
          tree: tree.copy(),
          levels: new Map(levels),
          entries: [...state.entries],
          isDoubted: state.isDoubted,
        },
      ),
  }
}

/** `checkpoint` is where readers of the format start: it must be the newest, or have become newer meanwhile. */
async function checkPointer(
  bucket: Bucket,
  folder: string,
  keys: readonly KeySpan[],
  newest: TreeHead,
  found: FoundInBucket,
) {
  const name = `${folder}checkpoint`
  const object = await bucket.read(name)
  const head = object && openSigned(object, keys)
  if (object === null) found('pointer-differs', `${name} is not there`)
  else if (head === null) found('pointer-differs', `${name} is not signed by the key`, object.at)
  else if (head.size < newest.size) {
    found('pointer-differs', `${name} is the one of ${head.size}, while ${newest.size} is the newest`, object.at)
  } else if (head.size === newest.size && !head.root.equals(newest.root)) {
    found('pointer-differs', `${name} signs another tree of ${head.size}`, object.at)
  }
}

function openSigned({ bytes }: StoredObject, keys: readonly KeySpan[]): TreeHead | null {
  try {
    const checkpoint = openInForce(bytes.toString('utf8'), keys)
    return checkpoint.origin === keys[0]?.key.name ? checkpoint : null
  } catch (error) {
    if (error instanceof Refused) return null
    throw error
  }
}

/** The same bucket, and how the objects are locked that are read through it. */
function countLocks(bucket: Bucket) {
  let [read, open]: [number, number] = [0, 0]
  let soonest: number | null = null
  const counting: Bucket = {
    ...bucket,
    async read(key, version) {
      const object = await bucket.read(key, version)
      if (object === null) return null
      read++
      if (object.lockMode !== 'COMPLIANCE' || object.lockedUntil === null) open++
      else soonest = Math.min(soonest ?? Number.POSITIVE_INFINITY, object.lockedUntil)
      return object
    },
  }
  return { bucket: counting, read: () => read, open: () => open, soonest: () => soonest }
}

export interface BucketVerdict {
  readonly ok: boolean
  readonly origin: string
  /** Leaves under the newest checkpoint. */
  readonly size: number
  /** Base64. */
  readonly root: string | null
  /** How many were signed by the key. */
  readonly checkpoints: number
  readonly protection: Protection
  /** Epoch ms when the first lock ends of the objects that were read; null when none is locked. */
  readonly lockedUntil: number | null
  /** What events say was pruned; not there for nothing. */
  readonly pruned?: PrunedInBucket
  /** At most 1,000. */
  readonly differences: readonly BucketDifference[]
}

/** What lies in the bucket. */
interface Lying {
  readonly bucket: Bucket
  filesOf(level: number | 'entries', index: number): Promise<FileVersions>
}

/** What lies there of one bundle and its tile. */
interface Place {
  readonly entryFiles: FileVersions
  readonly hashFiles: FileVersions
  readonly entries: readonly Buffer[]
  readonly hashes: readonly Buffer[]
}

interface Reading {
  readonly folder: string
  /** Leaves under the newest checkpoint. */
  readonly size: number
  readonly found: FoundInBucket
  readonly pruning: PruningFollowed
}

interface LeafReader extends Pick<Lying, 'filesOf'> {
  /** Null when the bucket holds neither the entry nor its hash. */
  next(leafIndex: number): Promise<{ entry: Buffer | null; fromEntry: Buffer; fromTile: Buffer } | null>
}

interface GrowthState {
  readonly tree: GrowingTree
  /** The hashes of the open tiles, from level 1. */
  readonly levels: Map<number, readonly Buffer[]>
  /** Of the open bundle; null where only the hash is known. */
  entries: (Buffer | null)[]
  /** Whether bundle and tile disagree in it. */
  isDoubted: boolean
}

interface Growth extends Pick<GrowingTree, 'size' | 'root'> {
  add(hash: Buffer, entry: Buffer | null, isDoubted: boolean): Promise<void>
  /** Compares what is still open. */
  end(): Promise<void>
  copy(): Growth
}
