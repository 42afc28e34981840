import { parseVkey, type TreeHead } from '../record/verify.ts'
import type { Bucket, Protection } from './bucket.ts'
import type { BucketDifference, FoundInBucket, LogInBucket } from './bucket-difference.ts'
import { folderOf } from './bucket-names.ts'
import { findNewest } from './find-newest.ts'
import { followPruning, type PrunedInBucket } from './follow-pruning.ts'
import { growBucketTree, growTo } from './grow-bucket-tree.ts'
import { checkPointer, openCheckpoints } from './open-checkpoints.ts'
import { type KeptNote, openEarlier } from './open-earlier.ts'
import { readBucketKeys } from './read-bucket-keys.ts'
import { readBucketLeaves } from './read-bucket-leaves.ts'

const MOST_DIFFERENCES = 1_000

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
  const { name: origin } = parseVkey(vkey)
  const folder = folderOf(prefix, origin)
  const pruning = followPruning(folder, origin)
  const { differences, name } = collectDifferences()
  const found: FoundInBucket = (what, where, at = null) => {
    if (what === 'file-deleted' && where.startsWith(`${folder}tile/entries/`)) pruning.deleted(where, at)
    else name(what, where, at)
  }
  const { bucket, ...locks } = countLocks(given)
  const log: LogInBucket = { bucket, folder, found }
  const protection = await bucket.protection()
  const end = await findNewest(bucket, folder)
  if (end === null) found('checkpoint-missing', `${folder}checkpoints/`)

  const { keys, heads, appointments } = await readBucketKeys(log, vkey)
  const kept = openEarlier(earlier, keys, found)
  const stops = [...heads.map((head) => ({ ...head, where: null })), ...kept].sort((a, b) => a.size - b.size)
  const leaves = readBucketLeaves(log, { size: end?.size ?? 0, pruning, appointments })
  let tree = growBucketTree({ ...log, filesOf: leaves.filesOf })
  let newest: TreeHead | null = null
  let checkpoints = 0
  for await (const head of openCheckpoints(log, keys, end?.size ?? -1)) {
    checkpoints++
    newest = head
    for (const stop of stops) {
      const as: FoundInBucket = (what, where, at) =>
        stop.where !== null && what === 'checkpoint-differs'
          ? found('earlier-differs', stop.where)
          : found(what, where, at)
      const isNow = tree.size() <= stop.size && stop.size <= head.size
      if (isNow) tree = await growTo(stop, tree, leaves, as)
    }
    tree = await growTo(head, tree, leaves, found)
  }

  const size = newest?.size ?? 0
  if (heads.some((head) => head.size > size)) found('checkpoint-missing', 'after the last hand-over')
  for (const one of kept) {
    if (one.size > size) found('earlier-differs', `${one.where}, and the bucket has ${size}`)
  }
  await tree.end()
  const pruned = pruning.end(name)
  if (newest) await checkPointer(log, keys, newest)
  if (protection.lock && locks.open() > 0) found('not-locked', `${locks.open()} of ${locks.read()} objects`)
  return {
    ok: differences.length === 0,
    ...{ origin, size, checkpoints, protection, differences },
    root: newest?.root.toString('base64') ?? null,
    lockedUntil: locks.soonest(),
    ...(pruned.leaves > 0 && { pruned }),
  }
}

/** Each difference once, and not all of a bucket that is wrong throughout. */
function collectDifferences(): { differences: readonly BucketDifference[]; name: FoundInBucket } {
  const differences: BucketDifference[] = []
  return {
    differences,
    name(what, where, at = null) {
      const isKnown = differences.some((one) => one.what === what && one.where === where && one.at === at)
      if (!isKnown && differences.length < MOST_DIFFERENCES) differences.push({ what, where, at })
    },
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
