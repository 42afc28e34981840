import { type KeySpan, openInForce, Refused, type TreeHead } from '../record/verify.ts'
import type { StoredObject } from './bucket.ts'
import type { LogInBucket } from './bucket-difference.ts'
import { checkVersions } from './check-file.ts'
import { checkpointsAbove, type KeptCheckpoint } from './find-newest.ts'

const CHECKPOINTS_AT_ONCE = 48

/** Checkpoints by rising size, up to `last`, that a key in force signed. What none did is named and left out. */
export async function* openCheckpoints(
  log: LogInBucket,
  keys: readonly KeySpan[],
  last: number,
): AsyncGenerator<TreeHead> {
  let batch: Promise<TreeHead | null>[] = []
  for await (const kept of checkpointsAbove(log.bucket, log.folder, -1)) {
    if (kept.size > last) break
    batch.push(openKept(log, kept, keys))
    if (batch.length < CHECKPOINTS_AT_ONCE) continue
    yield* (await Promise.all(batch)).filter((head) => head !== null)
    batch = []
  }
  yield* (await Promise.all(batch)).filter((head) => head !== null)
}

async function openKept(
  { bucket, found }: LogInBucket,
  { key: name, size, versions }: KeptCheckpoint,
  keys: readonly KeySpan[],
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

/** `checkpoint` is where readers of the format start: it must be the newest, or have become newer meanwhile. */
export async function checkPointer(
  { bucket, folder, found }: LogInBucket,
  keys: readonly KeySpan[],
  newest: TreeHead,
): Promise<void> {
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
