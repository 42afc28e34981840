import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'
import type { PasskeyPlace, Passkeys } from '../ports/passkeys.ts'

/** ES256, EdDSA, RS256: what platforms' passkeys use, and what the offline verifiers know. */
export const ALGORITHMS = [-7, -8, -257] as const

const library = () => import('@simplewebauthn/server')
const helpers = () => import('@simplewebauthn/server/helpers')

/** @param publicUrl where people reach us: asked for each time, since a port may be drawn at the start */
export function createPasskeys(publicUrl: () => string): Passkeys {
  return {
    get place() {
      return placeOf(publicUrl())
    },
    async load() {
      await Promise.all([library(), helpers()])
    },
    isNew: (given) => newSchema.safeParse(given).success,
    async readNew(given, challenge, { origin, rpId }) {
      const response = newSchema.safeParse(given)
      if (!response.success) return null
      const { verifyRegistrationResponse } = await library()
      const checked = await verifyRegistrationResponse({
        response: response.data as RegistrationResponseJSON,
        ...{ expectedChallenge: urlForm(challenge), expectedOrigin: origin, expectedRPID: rpId },
        ...{ requireUserVerification: true, supportedAlgorithmIDs: [...ALGORITHMS] },
      }).catch(() => ({ verified: false as const }))
      if (!checked.verified) return null
      const { credential, aaguid, credentialDeviceType, credentialBackedUp } = checked.registrationInfo
      const publicKey = await toJwk(credential.publicKey)
      if (publicKey === null) return null
      return {
        ...{ credential: plainForm(credential.id), publicKey, rpId, aaguid },
        flags: { be: credentialDeviceType === 'multiDevice', bs: credentialBackedUp },
        transports: response.data.response.transports ?? [],
      }
    },
    nameOf(given) {
      const response = assertionSchema.safeParse(given)
      return response.success ? plainForm(response.data.id) : null
    },
    async readAssertion(given, challenge, { credential, publicKey }, { origin, rpId }) {
      const parsed = assertionSchema.safeParse(given)
      if (!parsed.success || plainForm(parsed.data.id) !== credential) return null
      const response = parsed.data as AuthenticationResponseJSON
      const { verifyAuthenticationResponse } = await library()
      const key = await toCose(publicKey)
      const checked = await verifyAuthenticationResponse({
        response,
        ...{ expectedChallenge: urlForm(challenge), expectedOrigin: origin, expectedRPID: rpId },
        ...{ requireUserVerification: true },
        credential: { id: response.id, publicKey: key, counter: 0 },
      }).catch(() => ({ verified: false as const }))
      if (!checked.verified) return null
      const { authenticatorData, clientDataJSON, signature } = response.response
      const bits = Buffer.from(authenticatorData, 'base64url').readUInt8(32)
      return {
        authenticatorData: plainForm(authenticatorData),
        clientDataJSON: plainForm(clientDataJSON),
        signature: plainForm(signature),
        flags: { up: (bits & 1) > 0, uv: (bits & 4) > 0, be: (bits & 8) > 0, bs: (bits & 16) > 0 },
      }
    },
  }
}

/** A host that passkeys take: with a name, over https; on the reader's own machine also without. */
function placeOf(publicUrl: string): PasskeyPlace | null {
  const { protocol, hostname, origin } = new URL(publicUrl)
  const isName = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(hostname) && !/^[\d.]+$/.test(hostname)
  const isSafe = protocol === 'https:' || hostname === 'localhost'
  return isName && isSafe ? { rpId: hostname, origin } : null
}

const urlText = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\w-]+$/)
const ignored = z.unknown().optional()
const about = {
  id: urlText(1400),
  rawId: urlText(1400),
  type: z.literal('public-key'),
  clientExtensionResults: z.record(z.string(), z.unknown()),
  authenticatorAttachment: ignored,
}

const newSchema = z.strictObject({
  ...about,
  response: z.strictObject({
    attestationObject: urlText(12_000),
    clientDataJSON: urlText(4_000),
    transports: z.array(z.string().max(32)).max(8).optional(),
  }),
})

/** Bounded, so that the event that keeps it fits into a body. */
const assertionSchema = z.strictObject({
  ...about,
  response: z.strictObject({
    authenticatorData: urlText(4_000),
    clientDataJSON: urlText(4_000),
    signature: urlText(1_400),
    userHandle: ignored,
  }),
})

/** A COSE key (RFC 9052) as a JSON Web Key; null for a kind that the verifiers do not know. */
async function toJwk(bytes: Uint8Array<ArrayBuffer>): Promise<Record<string, string> | null> {
  const { cose, decodeCredentialPublicKey } = await helpers()
  const key = decodeCredentialPublicKey(bytes)
  const url = (part: Uint8Array | undefined) => Buffer.from(part ?? []).toString('base64url')
  if (cose.isCOSEPublicKeyEC2(key) && key.get(cose.COSEKEYS.crv) === 1) {
    return { kty: 'EC', crv: 'P-256', x: url(key.get(cose.COSEKEYS.x)), y: url(key.get(cose.COSEKEYS.y)) }
  }
  if (cose.isCOSEPublicKeyOKP(key) && key.get(cose.COSEKEYS.crv) === 6) {
    return { kty: 'OKP', crv: 'Ed25519', x: url(key.get(cose.COSEKEYS.x)) }
  }
  if (cose.isCOSEPublicKeyRSA(key)) {
    return { kty: 'RSA', n: url(key.get(cose.COSEKEYS.n)), e: url(key.get(cose.COSEKEYS.e)) }
  }
  return null
}

async function toCose(jwk: Readonly<Record<string, string>>): Promise<Uint8Array<ArrayBuffer>> {
  const { isoCBOR } = await helpers()
  const { kty, x = '', y = '', n = '', e = '' } = jwk
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'))
  const fields = {
    EC: [
      ...[[1, 2] as const, [3, -7] as const, [-1, 1] as const],
      ...[[-2, bytes(x)] as const, [-3, bytes(y)] as const],
    ],
    OKP: [[1, 1] as const, [3, -8] as const, [-1, 6] as const, [-2, bytes(x)] as const],
    RSA: [[1, 3] as const, [3, -257] as const, [-1, bytes(n)] as const, [-2, bytes(e)] as const],
  }[kty ?? '']
  return isoCBOR.encode(new Map<number, number | Uint8Array<ArrayBuffer>>(fields))
}

/** WebAuthn speaks base64url, the record base64. */
function plainForm(text: string): string {
  return Buffer.from(text, 'base64url').toString('base64')
}

function urlForm(text: string): string {
  return Buffer.from(text, 'base64').toString('base64url')
}
