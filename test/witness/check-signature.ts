import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * AWS Signature Version 4 in the Authorization header, as S3 asks for it: the path as it was sent, every `x-amz-` header
 * signed, and the body by its hash. Source: "Signature Version 4 signing process" in the S3 API reference.
 * @returns what S3 would answer; null when the signature is right
 */
export function faultOfSignature(request: IncomingMessage, body: Buffer, { id, secret, region, now }: Signing) {
  const { headers, method = '', url = '' } = request
  const given = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? '',
  )
  const [, credential = '', signedHeaders = '', signature = ''] = given ?? []
  if (!given) return { status: 403, code: 'AccessDenied' }
  const [keyId, day = '', ...scope] = credential.split('/')
  if (keyId !== id) return { status: 403, code: 'InvalidAccessKeyId' }
  const date = String(headers['x-amz-date'])
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (scope.join('/') !== `${region}/s3/aws4_request` || !date.startsWith(day) || Number.isNaN(at)) {
    return { status: 400, code: 'AuthorizationHeaderMalformed' }
  }
  if (Math.abs(at - now) > 15 * 60_000) return { status: 403, code: 'RequestTimeTooSkewed' }
  const names = signedHeaders.split(';')
  const mustSign = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))]
  if (mustSign.some((name) => !names.includes(name))) return { status: 403, code: 'AccessDenied' }
  const hash = String(headers['x-amz-content-sha256'])
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(body)) return { status: 400, code: 'XAmzContentSHA256Mismatch' }

  const [path = '', query = ''] = url.split('?')
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  const pairs = [...new URLSearchParams(query)].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const canonical = [
    ...[method, path, pairs.join('&')],
    ...names.map((name) => `${name}:${String(headers[name] ?? '').trim()}`),
    ...['', signedHeaders, hash],
  ].join('\n')
  const text = ['AWS4-HMAC-SHA256', date, [day, ...scope].join('/'), sha256(canonical)].join('\n')
  const key = [day, ...scope].reduce<string | Buffer>((before, part) => hmac(before, part), `AWS4${secret}`)
  return hmac(key, text).toString('hex') === signature ? null : { status: 403, code: 'SignatureDoesNotMatch' }
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

interface Signing {
  readonly id: string
  readonly secret: string
  readonly region: string
  readonly now: number
}
