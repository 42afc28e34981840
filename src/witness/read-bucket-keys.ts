import { keysAround } from '../record/read-hand-overs.ts'
import { readBundle, TILE_WIDTH, tilePath } from '../record/tlog-tiles.ts'
import {
  followHandOvers,
  type HandOver,
  type KeySpan,
  leafHash,
  parseCheckpoint,
  parseNote,
  parseVkey,
  Refused,
  type TreeHead,
} from '../record/verify.ts'
import { type Bucket, byKey } from './bucket.ts'
import type { LogInBucket } from './bucket-difference.ts'
import { HAND_OVERS } from './bucket-names.ts'
import { listFile } from './check-file.ts'

/**
 * The keys that the log had, by the hand-overs in the bucket, from the one that was given. That each appointment is the last
 * leaf of its tree is for the caller to see, who builds the tree: `heads` and `appointments` say of what.
 */
export async function readBucketKeys({ bucket, folder, found }: LogInBucket, vkey: string): Promise<BucketKeys> {
  const origin = parseVkey(vkey).name
  const handOvers: HandOver[] = []
  for await (const versions of byKey(bucket.versions({ prefix: `${folder}${HAND_OVERS}` }))) {
    let isRight = false
    for (const { key, version, isDeleteMarker } of [...versions].reverse()) {
      const object = isDeleteMarker ? null : await bucket.read(key, version)
      const one = object && (await readHandOver(bucket, folder, origin, object.bytes.toString('utf8')))
      if (!one) continue
      isRight = true
      handOvers.push(one)
      break
    }
    if (!isRight) found('hand-over-forged', versions[0].key, versions[0].at)
    for (const { isDeleteMarker, key, at } of versions) if (isRight && isDeleteMarker) found('file-deleted', key, at)
  }
  handOvers.sort((a, b) => a.leafIndex - b.leafIndex)
  const { keys, handOvers: inTurn } = keysAround(vkey, handOvers, everything)
  return {
    keys,
    heads: inTurn.map(({ checkpoint }) => parseCheckpoint(parseNote(checkpoint).text)),
    appointments: new Map(inTurn.map(({ leafIndex, body }) => [leafIndex, leafHash(body)])),
  }
}

/** Null for what both keys have not signed. */
async function readHandOver(bucket: Bucket, folder: string, origin: string, note: string): Promise<HandOver | null> {
  try {
    const { size } = parseCheckpoint(parseNote(note).text)
    const body = await readEntry(bucket, folder, size - 1)
    if (body === null) return null
    const one: HandOver = { leafIndex: size - 1, body, proof: [], checkpoint: note }
    followHandOvers(origin, [one], everything)
    return one
  } catch (error) {
    if (error instanceof Refused) return null
    throw error
  }
}

/** The oldest that has the form, as it is read again when the tree is built. */
async function readEntry(bucket: Bucket, folder: string, leafIndex: number): Promise<string | null> {
  if (leafIndex < 0) return null
  const index = Math.floor(leafIndex / TILE_WIDTH)
  const files = await listFile(bucket, `${folder}${tilePath('entries', index)}`)
  for (const width of [...files.keys()].sort((a, b) => b - a)) {
    for (const { isDeleteMarker, version, key } of [...(files.get(width)?.newestFirst ?? [])].reverse()) {
      const object = isDeleteMarker ? null : await bucket.read(key, version)
      const entries = object && readBundle(object.bytes)
      const entry = entries?.length === width ? entries[leafIndex % TILE_WIDTH] : undefined
      if (entry) return entry.toString('utf8')
    }
  }
  return null
}

/** Here it is the whole tree that proves, not a path in it. */
const everything = () => true

interface BucketKeys {
  readonly keys: readonly KeySpan[]
  /** What both keys signed, by rising size. */
  readonly heads: readonly TreeHead[]
  /** The leaf hash of each appointment that was followed. */
  readonly appointments: ReadonlyMap<number, Buffer>
}
