import { type Bucket, byKey, type StoredVersion } from './bucket.ts'
import { checkpointName, sizeInName } from './bucket-names.ts'

const LARGEST = Number.MAX_SAFE_INTEGER
const FEW = 1_000
const FASTER = 8
/** Versions to ask for where one is enough. */
const A_LOOK = 5

/**
 * The checkpoints above a size, by rising size, each with the versions that its name has. A delete marker hides nothing
 * here, and `checkpoint`, which anybody who may write can put back, is not asked.
 */
export async function* checkpointsAbove(
  bucket: Bucket,
  folder: string,
  size: number,
  pageSize = FEW,
): AsyncGenerator<KeptCheckpoint> {
  const after = size < 0 ? undefined : `${folder}${checkpointName(size)}`
  const pages = bucket.versions({ prefix: `${folder}checkpoints/`, pageSize, ...(after !== undefined && { after }) })
  for await (const group of byKey(pages)) {
    const own = sizeInName(group[0].key)
    const first = group.findLast(({ isDeleteMarker }) => !isDeleteMarker)
    // Some servers begin a list with the key after which it was to start.
    if (own !== null && own > size && first !== undefined)
      yield { size: own, key: group[0].key, first, versions: group }
  }
}

/**
 * The largest checkpoint that was ever put there.
 * @param from a size that is known to be there, or -1: the nearer, the fewer questions
 */
export async function findNewest(bucket: Bucket, folder: string, from = -1): Promise<KeptCheckpoint | null> {
  let [low, step] = [from, FEW]
  while (low + step < LARGEST && (await isAnyAbove(bucket, folder, low + step))) {
    low += step
    step *= FASTER
  }
  // The last one is above `low`, and not above `low + step`.
  while (step > FEW) {
    step = Math.ceil(step / 2)
    if (await isAnyAbove(bucket, folder, low + step)) low += step
  }
  let newest: KeptCheckpoint | null = null
  for await (const one of checkpointsAbove(bucket, folder, from >= 0 && low === from ? from - 1 : low)) newest = one
  return newest
}

/** Names that are not ours, and markers over nothing, must not lead the search away. */
async function isAnyAbove(bucket: Bucket, folder: string, size: number): Promise<boolean> {
  for await (const _one of checkpointsAbove(bucket, folder, size, A_LOOK)) return true
  return false
}

/** The version that was there first is the one that a lock protects. */
export interface KeptCheckpoint {
  readonly size: number
  readonly key: string
  readonly first: StoredVersion
  /** Newest first, with delete markers. */
  readonly versions: readonly StoredVersion[]
}
