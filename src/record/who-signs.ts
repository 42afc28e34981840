import { keysOf } from './read-hand-overs.ts'
import type { EventRow } from './recorded-event.ts'
import type { Signer } from './signer.ts'
import { KEYS_STREAM, type KeySpan, SIGNER_APPOINTED } from './verify.ts'

/** The one that signs, of those that this process has. @throws SignerRetired where it has not the key in force */
export function signerInForce(signers: readonly Signer[], keys: readonly KeySpan[]): Signer {
  const inForce = keys.at(-1)
  const own = signers.find(({ vkey }) => vkey === inForce?.vkey)
  if (own) return own
  throw new SignerRetired(
    `since size ${inForce?.from} the log is signed by ${inForce?.vkey}, which this process does not have. Set SIGNING_KEY_FILE (or SIGNER) to that key`,
  )
}

/**
 * Who signs from this event on: whoever it appoints. Null when nothing changes: where the event is of another kind, or
 * appoints a key that this process does not have, or one that the log had before. Such an appointment has no effect.
 */
export function signerAfter(
  { stream, type, body }: Pick<EventRow, 'stream' | 'type' | 'body'>,
  signers: readonly Signer[],
  { signer, used }: Pick<Signing, 'signer' | 'used'>,
): Signer | null {
  if (stream !== KEYS_STREAM || type !== SIGNER_APPOINTED) return null
  const { from, to } = keysOf({ body })
  if (from !== signer.vkey || used.some(({ vkey }) => vkey === to)) return null
  return signers.find(({ vkey }) => vkey === to) ?? null
}

export interface Signing {
  /** Whose key is in force. */
  signer: Signer
  /** The keys that the log had: none of them comes back. */
  used: readonly Pick<KeySpan, 'vkey'>[]
  /** Who signs the next checkpoint too, and alone from then on. */
  next: Signer | null
}

/** Another key is in force, and this process does not have it: others may. */
export class SignerRetired extends Error {
  readonly code = 'SIGNER_RETIRED'
  override name = 'SignerRetired'
}
