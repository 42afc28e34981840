import { hash } from 'node:crypto'
import {
  type DeleteMarkerEntry,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import type { TwoClocks } from '../domain/independence.ts'
import { type Bucket, BucketFailed, type StoredVersion, type Writing } from './bucket.ts'

const CONNECT_MS = 3_000
const ANSWER_MS = 10_000
const ATTEMPTS = 4
const PAGE = 1_000
/** A bundle of 256 events of 60 KiB each is the largest thing that we write. */
const MOST_BYTES = 16 * 1024 * 1024

/** A bucket of S3, or of a server that speaks like it. Who may enter comes from the usual places of the AWS SDK. */
export function openS3Bucket({ bucket, region, endpoint, now }: S3BucketOptions): Bucket {
  const client = new S3Client({
    ...{ region, maxAttempts: ATTEMPTS },
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  })
  let clock: TwoClocks | null = null
  client.middlewareStack.add(
    (next) => async (given) => {
      const answer = await next(given)
      const { headers } = (answer.response ?? {}) as { headers?: Record<string, string> }
      const date = Date.parse(headers?.date ?? '')
      if (now !== null && !Number.isNaN(date)) clock = { theirs: date, ours: now() }
      return answer
    },
    { step: 'deserialize', priority: 'low', name: 'seeDate' },
  )

  async function write(key: string, bytes: Buffer, { contentType, lockedUntil }: Writing, ifNoneMatch?: '*') {
    await client.send(
      new PutObjectCommand({
        ...{ Bucket: bucket, Key: key, Body: bytes, ContentType: contentType },
        // Asked for wherever objects are locked; two, since servers differ in which of them they know.
        ContentMD5: hash('md5', bytes, 'base64'),
        ChecksumSHA256: hash('sha256', bytes, 'base64'),
        ...(ifNoneMatch && { IfNoneMatch: ifNoneMatch }),
        ...(lockedUntil !== null && {
          ObjectLockMode: 'COMPLIANCE' as const,
          ObjectLockRetainUntilDate: new Date(lockedUntil),
        }),
      }),
    )
  }

  return {
    name: bucket,
    async add(key, bytes, options) {
      try {
        await write(key, bytes, options, '*')
        return true
      } catch (error) {
        if (statusOf(error) === 412 || statusOf(error) === 409) return false
        throw failed(error, `write ${key} to`)
      }
    },
    put: (key, bytes, options) => write(key, bytes, options).catch(failing(`write ${key} to`)),
    async read(key, version) {
      try {
        const answer = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: key, ...(version !== undefined && { VersionId: version }) }),
        )
        if ((answer.ContentLength ?? 0) > MOST_BYTES) throw new Error(`it has ${answer.ContentLength} bytes`)
        return {
          bytes: Buffer.from((await answer.Body?.transformToByteArray()) ?? []),
          lockMode: answer.ObjectLockMode ?? null,
          lockedUntil: answer.ObjectLockRetainUntilDate?.getTime() ?? null,
          at: answer.LastModified?.getTime() ?? 0,
        }
      } catch (error) {
        if (statusOf(error) === 404 && nameOf(error) !== 'NoSuchBucket') return null
        throw failed(error, `read ${key} from`)
      }
    },
    async *versions({ prefix, after, pageSize = PAGE }) {
      let [keyMarker, versionMarker]: (string | undefined)[] = [after, undefined]
      for (;;) {
        const page = await client
          .send(
            new ListObjectVersionsCommand({
              ...{ Bucket: bucket, Prefix: prefix, MaxKeys: pageSize },
              ...(keyMarker !== undefined && { KeyMarker: keyMarker }),
              ...(versionMarker !== undefined && { VersionIdMarker: versionMarker }),
            }),
          )
          .catch(failing(`list ${prefix} of`))
        const versions = (page.Versions ?? []).map((one) => toVersion(one, one.ETag ?? '', one.Size ?? 0))
        const markers = (page.DeleteMarkers ?? []).map((one) => toVersion(one, '', -1))
        yield inOrder(versions, markers)
        if (!page.IsTruncated) return
        keyMarker = page.NextKeyMarker
        versionMarker = page.NextVersionIdMarker
        if (keyMarker === undefined) throw new BucketFailed(`bucket ${bucket} does not say how its list goes on`)
      }
    },
    async protection() {
      const [lock, versioning] = await Promise.all([
        client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket })).then(
          (answer) => answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled',
          (error) => {
            if (nameOf(error) === 'ObjectLockConfigurationNotFoundError' || statusOf(error) === 501) return false
            throw failed(error, 'see the object lock of')
          },
        ),
        client
          .send(new GetBucketVersioningCommand({ Bucket: bucket }))
          .then(({ Status }) => Status === 'Enabled', failing('see the versioning of')),
      ])
      return { lock, versioning }
    },
    async remove(key, version) {
      try {
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version }))
        return true
      } catch (error) {
        if (statusOf(error) === 403) return false
        throw failed(error, `delete ${key} from`)
      }
    },
    clock: () => clock,
    close: () => client.destroy(),
  }

  function failing(what: string): (error: unknown) => never {
    return (error) => {
      throw failed(error, what)
    }
  }

  /** The words of the service are left out: they may name who asked. */
  function failed(error: unknown, what: string): BucketFailed {
    const status = statusOf(error)
    const why = status === null ? messageOf(error) : `${nameOf(error)}, ${status}`
    return new BucketFailed(`cannot ${what} bucket ${bucket}: ${why}`, { cause: error })
  }
}

function toVersion(
  { Key = '', VersionId = 'null', LastModified }: DeleteMarkerEntry,
  etag: string,
  size: number,
): StoredVersion {
  return {
    ...{ key: Key, version: VersionId, isDeleteMarker: size < 0, size: Math.max(0, size) },
    ...{ etag: etag.replaceAll('"', ''), at: LastModified?.getTime() ?? 0 },
  }
}

/** The answer has two lists, each in order: by key, and of one key the newest first. */
function inOrder(versions: readonly StoredVersion[], markers: readonly StoredVersion[]): StoredVersion[] {
  if (markers.length === 0) return [...versions]
  return [...versions, ...markers].sort((a, b) =>
    a.key === b.key ? b.at - a.at : Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)),
  )
}

function statusOf(error: unknown): number | null {
  return error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? null) : null
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'no name'
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { code?: unknown }
  return error.message || (typeof code === 'string' ? code : error.name)
}

export interface S3BucketOptions {
  readonly bucket: string
  readonly region: string
  /** Null for AWS itself. */
  readonly endpoint: string | null
  /** Null where there is no clock to compare with. */
  readonly now: (() => number) | null
}
