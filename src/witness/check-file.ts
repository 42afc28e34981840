import { createHash } from 'node:crypto'
import { TILE_WIDTH } from '../record/tlog-tiles.ts'
import { type Bucket, byKey, type StoredVersion } from './bucket.ts'
import type { FoundInBucket } from './bucket-difference.ts'

/** Every file of one tile or bundle that the bucket lists: the full one, and those from when it was still open. */
export async function listFile(bucket: Bucket, key: string): Promise<FileVersions> {
  const widths = new Map<number, Versions>()
  for await (const group of byKey(bucket.versions({ prefix: key }))) {
    const width = widthOf(group[0].key.slice(key.length))
    if (width !== null) widths.set(width, { key: group[0].key, newestFirst: group })
  }
  return widths
}

function widthOf(suffix: string): number | null {
  if (suffix === '') return TILE_WIDTH
  const width = Number(/^\.p\/([1-9]\d{0,2})$/.exec(suffix)?.[1] ?? Number.NaN)
  return width < TILE_WIDTH ? width : null
}

/**
 * Compares all that lies in the bucket for one tile or bundle with what must lie there. What was written over or deleted
 * after the right thing lay there is named; what lay there before is left over from a process that died.
 * @param parts what each hash or entry adds to the file, in order: as many as a checkpoint covers
 */
export async function checkFile(bucket: Bucket, files: FileVersions, parts: readonly Buffer[], found: FoundInBucket) {
  const md5 = createHash('md5')
  let size = 0
  for (const [place, part] of parts.entries()) {
    md5.update(part)
    size += part.length
    const file = files.get(place + 1)
    if (!file) continue
    const etag = md5.copy().digest('hex')
    const isRight = async ({ isDeleteMarker, key, version, ...stored }: StoredVersion) => {
      if (isDeleteMarker || stored.size !== size) return false
      if (stored.etag === etag) return true
      // Where the bucket encrypts with a key of its own, the tag is no MD5.
      const object = await bucket.read(key, version)
      return object?.bytes.equals(Buffer.concat(parts.slice(0, place + 1))) ?? false
    }
    await checkVersions(file, isRight, found)
  }
}

/** Of one key: the right thing must be there, and nothing after it. */
export async function checkVersions(
  { key, newestFirst }: Versions,
  isRight: (version: StoredVersion) => Promise<boolean>,
  found: FoundInBucket,
): Promise<void> {
  const oldestFirst = [...newestFirst].reverse()
  let wasRight = false
  const after: StoredVersion[] = []
  for (const version of oldestFirst) {
    if (await isRight(version)) wasRight = true
    else if (wasRight) after.push(version)
  }
  if (!wasRight) {
    const isThere = newestFirst.some(({ isDeleteMarker }) => !isDeleteMarker)
    found(isThere ? 'file-differs' : 'file-missing', key, newestFirst[0]?.at ?? null)
  }
  for (const { isDeleteMarker, at } of after) found(isDeleteMarker ? 'file-deleted' : 'file-rewritten', key, at)
}

export type FileVersions = ReadonlyMap<number, Versions>

export interface Versions {
  readonly key: string
  readonly newestFirst: readonly StoredVersion[]
}
