import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import { faultOfSignature } from './check-signature.ts'
import { createLockedStore, type LockedStore, type LockMode, type Version } from './locked-store.ts'

const REGION = 'eu-central-1'
export const CREDENTIALS = { accessKeyId: 'AKIDTEST', secretAccessKey: 'a secret of the test' }

/**
 * A server that speaks S3 over HTTP and is strict where S3 is: signatures, checksums, conditional writes, versions,
 * object lock. It knows what this project asks for, and answers 501 to the rest. One bucket, by path.
 */
export async function startFakeS3(options: FakeS3Options = {}): Promise<FakeS3> {
  const { lock = true, versioning = true, pageSize = 1_000, heedsConditions = true } = options
  const bucket = 'audit-bucket'
  const fake: { -readonly [K in 'skewMs' | 'fault' | 'denied']: FakeS3[K] } = {
    skewMs: 0,
    fault: () => null,
    denied: new Set(),
  }
  const now = () => Date.now() + fake.skewMs
  const store = createLockedStore({ lock, versioning, now })
  const requests: string[] = []

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const url = new URL(request.url ?? '', 'http://fake')
    const key = decodeURIComponent(url.pathname).slice(bucket.length + 2)
    const action = actionOf(request.method ?? '', key, url.searchParams)
    requests.push(`${action} ${key}`)
    response.setHeader('date', new Date(now()).toUTCString())
    const fault = fake.fault({ action, key })
    if (fault === 'reset') return void response.destroy()
    if (fault === 'slow-down') return fail(response, 503, 'SlowDown')
    if (fault === 'timeout') return fail(response, 400, 'RequestTimeout')
    const signing = { id: CREDENTIALS.accessKeyId, secret: CREDENTIALS.secretAccessKey, region: REGION, now: now() }
    const wrong = faultOfSignature(request, body, signing)
    if (wrong) return fail(response, wrong.status, wrong.code)
    if (url.pathname.split('/')[1] !== bucket) return fail(response, 404, 'NoSuchBucket')
    if (fake.denied.has(action)) return fail(response, 403, 'AccessDenied')
    const say = fault === 'reset-after' ? () => void response.destroy() : null
    await operate({ request, response, body, key, query: url.searchParams, say }, action)
  }

  async function operate(call: Call, action: string): Promise<void> {
    const { response, query, key } = call
    switch (action) {
      case 'PutObject':
        return putObject(call)
      case 'GetObject':
      case 'HeadObject':
        return getObject(call)
      case 'DeleteObject': {
        const bypass = call.request.headers['x-amz-bypass-governance-retention'] === 'true'
        if (!store.remove(key, query.get('versionId'), bypass)) return fail(response, 403, 'AccessDenied')
        response.statusCode = 204
        return done(call)
      }
      case 'GetObjectLockConfiguration':
        if (!lock) return fail(response, 404, 'ObjectLockConfigurationNotFoundError')
        return done(
          call,
          '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>',
        )
      case 'GetBucketVersioning':
        return done(
          call,
          `<VersioningConfiguration>${versioning ? '<Status>Enabled</Status>' : ''}</VersioningConfiguration>`,
        )
      case 'PutObjectRetention':
        return putRetention(call)
      case 'ListObjectVersions':
        return done(call, listVersions(query))
      default:
        return fail(response, 501, 'NotImplemented')
    }
  }

  function putObject(call: Call) {
    const { request, response, body, key } = call
    const { headers } = request
    const mode = headers['x-amz-object-lock-mode'] as LockMode | undefined
    const until = headers['x-amz-object-lock-retain-until-date'] as string | undefined
    const md5 = headers['content-md5']
    const sums = { sha256: headers['x-amz-checksum-sha256'], crc32: headers['x-amz-checksum-crc32'] }
    if ((mode === undefined) !== (until === undefined)) return fail(response, 400, 'InvalidArgument')
    if (mode !== undefined) {
      if (!lock) return fail(response, 400, 'InvalidRequest')
      if (!(Date.parse(until ?? '') > now())) return fail(response, 400, 'InvalidArgument')
      if (md5 === undefined && Object.values(sums).every((sum) => sum === undefined)) {
        return fail(response, 400, 'InvalidRequest')
      }
    }
    const own = Buffer.alloc(4)
    own.writeUInt32BE(crc32(body))
    const expected = [
      [md5, createHash('md5').update(body).digest('base64')],
      [sums.sha256, createHash('sha256').update(body).digest('base64')],
      [sums.crc32, own.toString('base64')],
    ]
    if (expected.some(([given, right]) => given !== undefined && given !== right))
      return fail(response, 400, 'BadDigest')
    if (headers['if-none-match'] !== undefined && heedsConditions) {
      if (headers['if-none-match'] !== '*') return fail(response, 501, 'NotImplemented')
      if (store.current(key)) return fail(response, 412, 'PreconditionFailed')
    }
    const { etag, id } = store.put(key, body, {
      contentType: headers['content-type'] ?? 'binary/octet-stream',
      mode: mode ?? null,
      until: until === undefined ? null : Date.parse(until),
    })
    response.setHeader('etag', `"${etag}"`)
    if (versioning) response.setHeader('x-amz-version-id', id)
    done(call)
  }

  function getObject(call: Call) {
    const { request, response, key, query } = call
    const id = query.get('versionId')
    const version = id === null ? store.versionsOf(key)[0] : store.versionsOf(key).find((one) => one.id === id)
    if (version === undefined) return fail(response, 404, id === null ? 'NoSuchKey' : 'NoSuchVersion')
    if (version.isMarker) {
      response.setHeader('x-amz-delete-marker', 'true')
      return id === null ? fail(response, 404, 'NoSuchKey') : fail(response, 405, 'MethodNotAllowed')
    }
    response.setHeader('etag', `"${version.etag}"`)
    response.setHeader('content-type', version.contentType)
    response.setHeader('content-length', version.bytes.length)
    response.setHeader('last-modified', new Date(version.at).toUTCString())
    if (version.mode && version.until && !fake.denied.has('GetObjectRetention')) {
      response.setHeader('x-amz-object-lock-mode', version.mode)
      response.setHeader('x-amz-object-lock-retain-until-date', new Date(version.until).toISOString())
    }
    if (call.say) call.say()
    else response.end(request.method === 'HEAD' ? undefined : version.bytes)
  }

  function putRetention(call: Call) {
    const { request, response, key, query, body } = call
    const version = store
      .versionsOf(key)
      .find(({ id }) => id === (query.get('versionId') ?? store.versionsOf(key)[0]?.id))
    if (version === undefined) return fail(response, 404, 'NoSuchKey')
    const [, mode] = /<Mode>(\w+)<\/Mode>/.exec(body.toString()) ?? []
    const [, until = ''] = /<RetainUntilDate>([^<]+)</.exec(body.toString()) ?? []
    const bypass = request.headers['x-amz-bypass-governance-retention'] === 'true'
    if (!store.retain(version, mode as LockMode, Date.parse(until), bypass)) return fail(response, 403, 'AccessDenied')
    done(call)
  }

  function listVersions(query: URLSearchParams): string {
    const prefix = query.get('prefix') ?? ''
    const [keyMarker, idMarker] = [query.get('key-marker') ?? '', query.get('version-id-marker')]
    const most = Math.min(Number(query.get('max-keys') ?? 1_000), pageSize)
    const all = store
      .keys()
      .filter((key) => key.startsWith(prefix))
      .flatMap((key) => store.versionsOf(key).map((version, place) => ({ key, version, isLatest: place === 0 })))
    const at = all.findIndex(({ key, version }) => key === keyMarker && version.id === idMarker)
    const rest = idMarker === null ? all.filter(({ key }) => isAfter(key, keyMarker)) : all.slice(at + 1)
    const page = rest.slice(0, most)
    const last = page.at(-1)
    const isTruncated = rest.length > page.length
    const next =
      isTruncated && last
        ? `<NextKeyMarker>${escaped(last.key)}</NextKeyMarker><NextVersionIdMarker>${last.version.id}</NextVersionIdMarker>`
        : ''
    return `<ListVersionsResult><IsTruncated>${isTruncated}</IsTruncated>${next}${page.map(entry).join('')}</ListVersionsResult>`
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => fail(response, 500, 'InternalError', String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(fake, {
    ...{ url, bucket, region: REGION, store, requests },
    place: (prefix = 'countersign', more = 'retention=7y&administrator=Internal+Audit') =>
      `s3:${bucket}/${prefix}?region=${REGION}&endpoint=${encodeURIComponent(url)}&${more}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}

function actionOf(method: string, key: string, query: URLSearchParams): string {
  if (key === '') {
    if (method !== 'GET') return method
    if (query.has('object-lock')) return 'GetObjectLockConfiguration'
    if (query.has('versioning')) return 'GetBucketVersioning'
    return query.has('versions') ? 'ListObjectVersions' : 'ListObjects'
  }
  if (query.has('retention')) return method === 'PUT' ? 'PutObjectRetention' : 'GetObjectRetention'
  return { PUT: 'PutObject', GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method] ?? method
}

function entry({ key, version, isLatest }: { key: string; version: Version; isLatest: boolean }): string {
  const about = `<Key>${escaped(key)}</Key><VersionId>${version.id}</VersionId><IsLatest>${isLatest}</IsLatest><LastModified>${new Date(version.at).toISOString()}</LastModified>`
  if (version.isMarker) return `<DeleteMarker>${about}</DeleteMarker>`
  return `<Version>${about}<ETag>&quot;${version.etag}&quot;</ETag><Size>${version.bytes.length}</Size></Version>`
}

function isAfter(key: string, marker: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(marker)) > 0
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

function done({ response, say }: Call, xml = '') {
  if (say) return say()
  if (xml !== '') response.setHeader('content-type', 'application/xml')
  response.end(xml === '' ? undefined : `<?xml version="1.0" encoding="UTF-8"?>${xml}`)
}

function fail(response: ServerResponse, status: number, code: string, message = code): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/xml')
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${escaped(message)}</Message></Error>`)
}

interface Call {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly body: Buffer
  readonly key: string
  readonly query: URLSearchParams
  /** In place of an answer. */
  readonly say: (() => void) | null
}

/** `reset` does nothing and cuts the connection, `reset-after` does it all and then cuts it. */
export type Fault = 'reset' | 'reset-after' | 'slow-down' | 'timeout' | null

export interface FakeS3Options {
  readonly lock?: boolean
  readonly versioning?: boolean
  /** Versions a page of a list, at most. */
  readonly pageSize?: number
  /** Ceph 16 does not look at If-None-Match where versions are kept. */
  readonly heedsConditions?: boolean
}

export interface FakeS3 {
  readonly url: string
  readonly bucket: string
  readonly region: string
  readonly store: LockedStore
  /** What was asked: `PutObject key`. */
  readonly requests: string[]
  /** How far its clock is ahead. */
  skewMs: number
  fault(call: { action: string; key: string }): Fault
  /** Actions that the credentials may not do. */
  denied: Set<string>
  /** An entry for WITNESSES. */
  place(prefix?: string, more?: string): string
  close(): Promise<void>
}
