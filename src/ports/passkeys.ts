import type { Passkey } from '../domain/passkey-event.ts'

/**
 * The passkeys of people's devices: what a browser brings back is checked here, and comes out as plain values that
 * the record keeps. Binary values are base64.
 */
export interface Passkeys {
  /** Where they work: a host with a name over https, or localhost. Null where they do not, as under an IP address. */
  readonly place: PasskeyPlace | null
  /** What checks them is large and loaded with the first: called before a transaction, which would wait for it. */
  load(): Promise<void>
  /** Whether it has the form of a new passkey at all. */
  isNew(response: unknown): boolean
  /** A new passkey that a browser made for this challenge. @returns null when that does not hold */
  readNew(response: unknown, challenge: string, place: PasskeyPlace): Promise<Passkey | null>
  /** Which passkey a browser says it used, base64; null where it brings no assertion at all. */
  nameOf(response: unknown): string | null
  /** What a passkey of ours signed for this challenge. @returns null when that does not hold */
  readAssertion(
    response: unknown,
    challenge: string,
    passkey: { readonly credential: string; readonly publicKey: Readonly<Record<string, string>> },
    place: PasskeyPlace,
  ): Promise<SignedAssertion | null>
}

export interface PasskeyPlace {
  /** The host: a passkey works on it alone. */
  readonly rpId: string
  /** The page's, such as `https://access.example.com`. */
  readonly origin: string
}

export interface SignedAssertion {
  readonly authenticatorData: string
  readonly clientDataJSON: string
  readonly signature: string
  readonly flags: { readonly up: boolean; readonly uv: boolean; readonly be: boolean; readonly bs: boolean }
}
