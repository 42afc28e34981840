import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isoCBOR } from '@simplewebauthn/server/helpers'
import { type ChallengeInputs, challengeOf } from '../../src/record/verify.ts'

export type Algorithm = 'ES256' | 'RS256' | 'EdDSA'

/** A passkey without a device: it signs whatever it is told, so that tests can be wrong in one thing at a time. */
export interface SoftPasskey {
  readonly credential: string
  readonly publicKey: Record<string, string>
  sign(signed: Buffer): Buffer
}

export function createSoftPasskey(algorithm: Algorithm = 'ES256'): SoftPasskey {
  const { publicKey, privateKey } = newKeys(algorithm)
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
  return {
    credential: randomBytes(16).toString('base64'),
    publicKey: jwk,
    sign: (signed) => sign(algorithm === 'EdDSA' ? null : 'sha256', signed, privateKey),
  }
}

function newKeys(algorithm: Algorithm): { publicKey: KeyObject; privateKey: KeyObject } {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (algorithm === 'RS256') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ed25519')
}

export const UP = 1
export const UV = 4
export const BE = 8
export const BS = 16

export interface Wrong {
  readonly rpId?: string
  readonly origin?: string
  readonly bits?: number
  readonly client?: Record<string, unknown>
  /** Base64url, in place of the right one. */
  readonly challenge?: string
  readonly type?: string
}

/** What an authenticator and a browser make of a challenge. @param challenge base64url */
function ceremony(key: SoftPasskey, challenge: string, wrong: Wrong = {}) {
  const { rpId = 'localhost', origin = 'http://localhost:3000', bits = UP | UV } = wrong
  const authenticatorData = authenticatorDataOf(rpId, bits)
  const client = {
    type: wrong.type ?? 'webauthn.get',
    challenge: wrong.challenge ?? challenge,
    origin,
    crossOrigin: false,
  }
  const clientDataJSON = Buffer.from(JSON.stringify({ ...client, ...wrong.client }))
  const signature = key.sign(Buffer.concat([authenticatorData, sha256(clientDataJSON)]))
  return { authenticatorData, clientDataJSON, signature }
}

/** The member `assertion` of a decision. */
export function assertionOf(key: SoftPasskey, challenge: ChallengeInputs, wrong: Wrong = {}) {
  const made = ceremony(key, challengeOf(challenge).toString('base64url'), wrong)
  const bits = made.authenticatorData.readUInt8(32)
  return {
    challenge,
    ...{ credential: key.credential, publicKey: key.publicKey },
    ...{ rpId: wrong.rpId ?? 'localhost', origin: wrong.origin ?? 'http://localhost:3000' },
    authenticatorData: made.authenticatorData.toString('base64'),
    clientDataJSON: made.clientDataJSON.toString('base64'),
    signature: made.signature.toString('base64'),
    flags: { up: (bits & UP) > 0, uv: (bits & UV) > 0, be: (bits & BE) > 0, bs: (bits & BS) > 0 },
  }
}

/** What the page sends for a decision. @param challenge base64url */
export function responseOf(key: SoftPasskey, challenge: string, wrong: Wrong = {}) {
  const made = ceremony(key, challenge, wrong)
  const id = Buffer.from(key.credential, 'base64').toString('base64url')
  return {
    ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {} },
    response: {
      authenticatorData: made.authenticatorData.toString('base64url'),
      clientDataJSON: made.clientDataJSON.toString('base64url'),
      signature: made.signature.toString('base64url'),
    },
  }
}

/** What the page sends for a new passkey of ES256. @param challenge base64url */
export function newPasskeyOf(key: SoftPasskey, challenge: string, wrong: Wrong = {}) {
  const { rpId = 'localhost', origin = 'http://localhost:3000', bits = UP | UV } = wrong
  const id = Buffer.from(key.credential, 'base64')
  const bytes = (text = '') => Uint8Array.from(Buffer.from(text, 'base64url'))
  const cose = new Map<number, number | Uint8Array<ArrayBuffer>>([
    ...([[1, 2] as const, [3, -7] as const, [-1, 1] as const] as const),
    ...([[-2, bytes(key.publicKey.x)] as const, [-3, bytes(key.publicKey.y)] as const] as const),
  ])
  const attested = Buffer.concat([Buffer.alloc(16), Buffer.of(0, id.length), id, Buffer.from(isoCBOR.encode(cose))])
  const authData = Buffer.concat([authenticatorDataOf(rpId, bits | 64), attested])
  const attestation = new Map<string, unknown>([
    ...([
      ['fmt', 'none'],
      ['attStmt', new Map()],
      ['authData', Uint8Array.from(authData)],
    ] as [string, unknown][]),
  ])
  const client = { type: wrong.type ?? 'webauthn.create', challenge: wrong.challenge ?? challenge, origin }
  const url = id.toString('base64url')
  return {
    ...{ id: url, rawId: url, type: 'public-key', clientExtensionResults: {} },
    response: {
      attestationObject: Buffer.from(isoCBOR.encode(attestation as never)).toString('base64url'),
      clientDataJSON: Buffer.from(JSON.stringify({ ...client, ...wrong.client })).toString('base64url'),
      transports: ['internal'],
    },
  }
}

function authenticatorDataOf(rpId: string, bits: number): Buffer {
  return Buffer.concat([sha256(Buffer.from(rpId)), Buffer.of(bits, 0, 0, 0, 1)])
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
