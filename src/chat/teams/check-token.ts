import { type KeyObject, verify } from 'node:crypto'
import { z } from 'zod'
import type { SigningKeys } from './signing-keys.ts'

export const ISSUER = 'https://api.botframework.com'
/** Their clock is not ours; Microsoft grants as much. */
const SKEW_S = 5 * 60
const MOST_CHARACTERS = 16_384

/** What a token that was checked says. */
export interface CheckedToken {
  /** Where the Bot Connector that sent it takes our answers. */
  readonly serviceUrl: string
}

/**
 * Checks what stands in front of every request: signed by a key that Microsoft endorses for Teams, issued by
 * the channel (not by the emulator, nor by Entra to ourselves), for this bot, and of now.
 * @param header the whole Authorization header
 * @param now epoch ms
 * @returns null when anything is wrong: whoever sends it learns nothing of what
 */
export async function checkToken(
  header: string,
  options: { readonly keys: SigningKeys; readonly appId: string; readonly now: number },
): Promise<CheckedToken | null> {
  const match = header.length > MOST_CHARACTERS ? null : /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(header)
  if (match === null) return null
  const [, head = '', payload = '', signature = ''] = match
  const heading = headSchema.safeParse(decode(head))
  const claims = claimsSchema.safeParse(decode(payload))
  if (!heading.success || !claims.success) return null
  const { aud, exp, nbf, serviceurl } = claims.data
  const nowS = options.now / 1_000
  if (aud !== options.appId || exp + SKEW_S <= nowS || nbf - SKEW_S > nowS) return null
  const key = await options.keys.find(heading.data.kid)
  if (key === null) return null
  return isSignedBy(key, `${head}.${payload}`, signature) ? { serviceUrl: serviceurl } : null
}

/**
 * The channel sends one token for hours: what a key has signed, it has signed. Only the signature is remembered,
 * under the key as it was read; who reads the keys anew, checks anew.
 */
function isSignedBy(key: KeyObject, text: string, signature: string): boolean {
  const known = signedBy.get(key) ?? new Set()
  signedBy.set(key, known)
  const token = `${text}.${signature}`
  if (known.has(token)) return true
  const signed = verify('RSA-SHA256', Buffer.from(text), key, Buffer.from(signature, 'base64url'))
  if (signed && known.size < MOST_REMEMBERED) known.add(token)
  return signed
}

const signedBy = new WeakMap<KeyObject, Set<string>>()
const MOST_REMEMBERED = 1_000

const headSchema = z.object({
  alg: z.literal('RS256'),
  kid: z.string().min(1).max(255),
  /** Extensions that must be understood: we know none. */
  crit: z.never().optional(),
})

const claimsSchema = z.object({
  iss: z.literal(ISSUER),
  aud: z.string(),
  exp: z.number(),
  nbf: z.number().default(0),
  serviceurl: z.string().min(1),
})

function decode(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return null
  }
}
