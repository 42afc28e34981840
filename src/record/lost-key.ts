import { keysAround } from './read-hand-overs.ts'
import type { Signer } from './signer.ts'
import { formatVkey, type HandOver, parseVkey, Refused } from './verify.ts'

/** What a person says when the signing key of a log is gone. */
export interface LostKey {
  /** Its public half, as auditors have it: C2SP verifier key. */
  readonly vkey: string
  /** In their words. */
  readonly reason: string
}

/**
 * Why another log cannot begin with what was said; null where it can. The tables are not asked which key the old log had:
 * whoever wrote them could have named one of their own.
 * @param origin of the log whose key is gone
 * @param signer of the new log
 */
export function faultOfLostKey(
  { vkey }: Pick<LostKey, 'vkey'>,
  origin: string,
  signer: Signer,
  handOvers: readonly HandOver[],
): string | null {
  const name = nameOf(vkey)
  if (name === null) return `${vkey} is no verifier key. Give --lost-key as auditors have it: <name>+<id>+<key>`
  if (name !== origin) return `${vkey} is a key of ${name}; the record goes by ${origin}`
  const own = formatVkey(origin, parseVkey(signer.vkey).publicKey)
  if (!keysAround(vkey, handOvers).keys.some((had) => had.vkey === own)) return null
  return `the signing key here is one that ${origin} had. Set SIGNING_KEY_FILE (or SIGNER) to a new one, or leave --lost-key out`
}

function nameOf(vkey: string): string | null {
  try {
    return parseVkey(vkey).name
  } catch (error) {
    if (error instanceof Refused) return null
    throw error
  }
}
