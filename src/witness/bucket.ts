import type { TwoClocks } from '../domain/independence.ts'

/** A bucket as a witness needs it: objects that have versions, and a lock on each. All times are epoch ms. */
export interface Bucket {
  readonly name: string
  /**
   * Writes where nothing lies, and nowhere else; a server that does not heed that adds a version.
   * @returns false when something lies there @throws BucketFailed
   */
  add(key: string, bytes: Buffer, options: Writing): Promise<boolean>
  /** Writes in any case; what lay there stays as an older version where versions are kept. @throws BucketFailed */
  put(key: string, bytes: Buffer, options: Writing): Promise<void>
  /** @returns null when nothing lies there, or a delete marker above it @throws BucketFailed */
  read(key: string, version?: string): Promise<StoredObject | null>
  /**
   * Every version and delete marker by rising key, a page at a time; of one key the newest first.
   * @param range.after the key after which it starts @throws BucketFailed
   */
  versions(range: Range): AsyncGenerator<readonly StoredVersion[]>
  /** Asks the bucket how it is set up. @throws BucketFailed */
  protection(): Promise<Protection>
  /** Deletes one version. @returns false when the bucket refuses @throws BucketFailed */
  remove(key: string, version: string): Promise<boolean>
  /** The bucket's time in its last answer, to the second, and ours then; null before there was one. */
  clock(): TwoClocks | null
  close(): void
}

export interface Range {
  readonly prefix: string
  readonly after?: string
  /** Versions a page, at most 1,000. */
  readonly pageSize?: number
}

export interface Writing {
  readonly contentType: string
  /** Locked in compliance mode until then; null where the bucket has no lock. */
  readonly lockedUntil: number | null
}

export interface Protection {
  /** Whether objects can be locked. */
  readonly lock: boolean
  readonly versioning: boolean
}

export interface StoredObject {
  readonly bytes: Buffer
  /** `COMPLIANCE`, `GOVERNANCE`, or null when it is not locked, or may not be seen. */
  readonly lockMode: string | null
  readonly lockedUntil: number | null
  readonly at: number
}

export interface StoredVersion {
  readonly key: string
  readonly version: string
  readonly isDeleteMarker: boolean
  /** An MD5 in hex where the bucket says nothing else; empty for a delete marker. */
  readonly etag: string
  readonly size: number
  readonly at: number
}

/** The bucket did not do it, or it is not known that it did. The message holds no secret. */
export class BucketFailed extends Error {
  readonly code = 'BUCKET_FAILED'
  override name = 'BucketFailed'
}

/** The versions of each key together, one key at a time. */
export async function* byKey(
  pages: AsyncIterable<readonly StoredVersion[]>,
): AsyncGenerator<readonly [StoredVersion, ...StoredVersion[]]> {
  let group: [StoredVersion, ...StoredVersion[]] | null = null
  for await (const page of pages) {
    for (const version of page) {
      if (group?.[0].key === version.key) {
        group.push(version)
      } else {
        if (group) yield group
        group = [version]
      }
    }
  }
  if (group) yield group
}
