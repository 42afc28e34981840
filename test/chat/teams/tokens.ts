import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export const APP_ID = '0c9b7f5e-1d2a-4c3b-8e4f-5a6b7c8d9e0f'
export const ISSUER = 'https://api.botframework.com'

/** The Bot Connector's signing keys, and some that are none. */
export interface Mint {
  /** What the key server shows. */
  readonly keys: JWK[]
  /** A token as Microsoft signs it for our bot, with changes. */
  token(serviceUrl: string, changes?: TokenChanges): Promise<string>
}

export interface TokenChanges {
  readonly claims?: Record<string, unknown>
  readonly header?: Record<string, unknown>
  /** Which key signs; `channel` when left out. `foreign` signs under the name of `channel`. */
  readonly key?: 'channel' | 'webchat' | 'bare' | 'foreign'
}

export async function createMint(): Promise<Mint> {
  const names = ['channel', 'webchat', 'bare', 'foreign'] as const
  const pairs = await Promise.all(names.map(() => generateKeyPair('RS256', { modulusLength: 2048, extractable: true })))
  const [channel, webchat, bare, foreign] = pairs as [Pair, Pair, Pair, Pair]
  const privates = { channel, webchat, bare, foreign }
  const shown = async ({ publicKey }: Pair, kid: string, endorsements?: string[]): Promise<JWK> => ({
    ...(await exportJWK(publicKey)),
    ...{ kid, use: 'sig', alg: 'RS256', ...(endorsements !== undefined && { endorsements }) },
  })
  return {
    keys: [
      await shown(channel, 'key-of-channel', ['msteams']),
      await shown(webchat, 'key-of-webchat', ['webchat']),
      await shown(bare, 'key-of-bare'),
    ],
    token(serviceUrl, { claims = {}, header = {}, key = 'channel' } = {}) {
      const now = Math.floor(Date.now() / 1_000)
      const kid = `key-of-${key === 'foreign' ? 'channel' : key}`
      const all = { iss: ISSUER, aud: APP_ID, nbf: now - 60, exp: now + 3_600, serviceurl: serviceUrl, ...claims }
      const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
      return new SignJWT(given)
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid, ...header })
        .sign(privates[key].privateKey)
    },
  }
}

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
