import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto'

const VERSION = 1
const KEY_BYTES = 32
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES + NONCE_BYTES

/**
 * Seals texts with AES-256-GCM: version, key id and nonce in clear, then the ciphertext and its tag.
 * The context is part of what is proved: a seal moved to another row or column does not open.
 * A key is good for 2^32 seals (random nonces, NIST SP 800-38D): rotate it long before.
 *
 * @param key 32 bytes: seals, and opens
 * @param olderKeys only open what they sealed before a rotation
 * @throws SealError `key`
 */
export function createSealing(key: Buffer, olderKeys: readonly Buffer[] = []): Sealing {
  const keys = new Map([...olderKeys, key].map((each) => [keyIdOf(each), createSecretKey(each)]))
  const sealingKeyId = keyIdOf(key)
  const sealingKey = createSecretKey(key)

  return {
    seal(text, context) {
      const header = Buffer.concat([Buffer.of(VERSION), Buffer.from(sealingKeyId, 'hex'), randomBytes(NONCE_BYTES)])
      const cipher = createCipheriv('aes-256-gcm', sealingKey, header.subarray(-NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      cipher.setAAD(boundTo(header, context))
      return Buffer.concat([header, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    },
    open(sealed, context) {
      if (sealed.length < HEADER_BYTES + TAG_BYTES) throw new SealError('format', 'this is too short to be a seal')
      if (sealed[0] !== VERSION) {
        throw new SealError('format', `seal of version ${sealed[0]}: this release reads version ${VERSION}`)
      }
      const header = sealed.subarray(0, HEADER_BYTES)
      const keyId = header.subarray(1, 1 + KEY_ID_BYTES).toString('hex')
      const opening = keys.get(keyId)
      if (!opening) {
        throw new SealError('unknown-key', `sealed with key ${keyId}: add that key to the older ones to open it`)
      }
      const decipher = createDecipheriv('aes-256-gcm', opening, header.subarray(-NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(boundTo(header, context))
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]).toString(
          'utf8',
        )
      } catch {
        throw new SealError(
          'tampered',
          'the seal does not hold: changed, or kept in another place than it was made for',
        )
      }
    },
  }
}

/**
 * Reads a key as people keep it in files: 32 bytes in base64 or hex, with or without a last line break.
 * @throws SealError `key`, without the text
 */
export function parseSecretsKey(text: string): Buffer {
  const trimmed = text.trim()
  const key = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
      ? Buffer.from(trimmed, 'base64')
      : null
  if (key?.length === KEY_BYTES) return key
  throw new SealError('key', 'a secrets key is 32 bytes in base64 or hex: make one with `openssl rand -base64 32`')
}

function keyIdOf(key: Buffer): string {
  if (key.length !== KEY_BYTES) throw new SealError('key', `a secrets key is 32 bytes, this one has ${key.length}`)
  return createHash('sha256')
    .update('countersign secrets key id\0')
    .update(key)
    .digest('hex')
    .slice(0, 2 * KEY_ID_BYTES)
}

const boundTo = (header: Buffer, context: string) => Buffer.concat([header, Buffer.from(context, 'utf8')])

export interface Sealing {
  /** @param context where the seal is kept, such as `private_text:reason:R-7K3QF` */
  seal(text: string, context: string): Buffer
  /** @throws SealError */
  open(sealed: Buffer, context: string): string
}

export type SealErrorCode = 'format' | 'unknown-key' | 'tampered' | 'key'

export class SealError extends Error {
  override name = 'SealError'
  readonly code: SealErrorCode
  constructor(code: SealErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** A new key, as text for a file. */
export function newSecretsKey(): string {
  return `${randomBytes(KEY_BYTES).toString('hex')}\n`
}
