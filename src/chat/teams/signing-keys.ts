import { createPublicKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../ports/clock.ts'

export const OPENID_METADATA_URL = 'https://login.botframework.com/v1/.well-known/openidconfiguration'
/** Keys are endorsed for channels; this one is Teams. */
const ENDORSEMENT = 'msteams'
const FRESH_MS = 24 * 60 * 60_000
/** A key that is not known may be new: it is asked for this often at most, whoever sends it. */
const UNKNOWN_AFTER_MS = 5 * 60_000
const AFTER_A_FAILURE_MS = 5_000
const CALL_TIMEOUT_MS = 5_000

/** The keys that the Bot Connector signs with, those alone that are endorsed for Teams. */
export interface SigningKeys {
  /** @returns null when there is no such key, or when the keys cannot be had */
  find(kid: string): Promise<KeyObject | null>
}

export function createSigningKeys(options: {
  readonly clock: Clock
  readonly metadataUrl: string | null
  readonly onFault: (what: string, error: unknown) => void
}): SigningKeys {
  const { clock, onFault } = options
  const metadataUrl = options.metadataUrl ?? OPENID_METADATA_URL
  let keys = new Map<string, KeyObject>()
  let [readAt, triedAt] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let reading: Promise<void> | null = null

  return {
    async find(kid) {
      const now = clock.now()
      const wanted = now > readAt + (keys.has(kid) ? FRESH_MS : UNKNOWN_AFTER_MS)
      if (reading !== null || (wanted && now >= triedAt + AFTER_A_FAILURE_MS)) {
        triedAt = now
        reading ??= read().finally(() => {
          reading = null
        })
        await reading
      }
      return keys.get(kid) ?? null
    },
  }

  /** What was read before stays good when it cannot be read again. */
  async function read(): Promise<void> {
    try {
      const { jwks_uri } = metadataSchema.parse(await get(metadataUrl))
      if (!isAsSafe(jwks_uri, metadataUrl)) throw new Error('the address of the keys is not safe')
      const found = jwksSchema.parse(await get(jwks_uri)).keys.flatMap((key) => keySchema.safeParse(key).data ?? [])
      keys = new Map(
        found.flatMap(({ kid, n, e }) => [[kid, createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' })]]),
      )
      readAt = clock.now()
    } catch (error) {
      onFault('teams: the keys that Microsoft signs with could not be read; nothing new is let in', error)
    }
  }
}

async function get(url: string): Promise<unknown> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(CALL_TIMEOUT_MS), redirect: 'error' })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`)
  return answer.json()
}

/** Whoever gives the keys says who people are: over https, or from the same test server. */
function isAsSafe(url: string, metadataUrl: string): boolean {
  if (!URL.canParse(url)) return false
  const [keys, metadata] = [new URL(url), new URL(metadataUrl)]
  return keys.protocol === 'https:' || (metadata.protocol === 'http:' && keys.host === metadata.host)
}

const metadataSchema = z.object({ jwks_uri: z.string() })
const jwksSchema = z.object({ keys: z.array(z.unknown()) })
const keySchema = z.object({
  ...{ kty: z.literal('RSA'), kid: z.string().min(1), n: z.string().min(300), e: z.string().min(1) },
  endorsements: z.array(z.string()).refine((given) => given.includes(ENDORSEMENT)),
})
