import type { ActRefused, Approver, Assurance } from './grant-event.ts'

/**
 * The facts of one person's passkeys: one stream (`passkey:<identity>`). No key of a person that is not in here was
 * ever theirs. Public keys and ids alone: nothing in it is secret, nothing free text.
 */
export type PasskeyEvent =
  /** The person made a passkey. It counts for nothing before a second person has said that it is theirs. */
  | Fact<
      'passkey.offered',
      { by: string; passkey: Passkey; confirmers: readonly Approver[]; pendingUntil: number; policy: string }
    >
  /** `by` is the second person; `offer` the place of what they confirm. */
  | Fact<'passkey.enrolled', SecondPerson & { passkey: Passkey }>
  | Fact<'passkey.declined', SecondPerson>
  /** Lost, or to begin anew: from here on these sign nothing. */
  | Fact<'passkey.revoked', { by: string; as: readonly string[]; passkeys: readonly string[]; policy: string }>
  | ActRefused

export interface Passkey {
  /** The credential's id, base64. */
  readonly credential: string
  /** A JSON Web Key. */
  readonly publicKey: Readonly<Record<string, string>>
  /** The host that it works on. */
  readonly rpId: string
  /** Whether it may be, and was, copied to other devices of its owner (WebAuthn BE and BS). */
  readonly flags: { readonly be: boolean; readonly bs: boolean }
  /** Which make of authenticator it says it is. Not attested. */
  readonly aaguid: string
  /** How a browser reaches it, as far as it said. */
  readonly transports: readonly string[]
}

/** What an approver's passkey signed, whole: `docs/evidence-format.md` says how it is checked. */
export interface PasskeyAssertion {
  readonly challenge: DecisionChallenge
  readonly credential: string
  readonly publicKey: Passkey['publicKey']
  readonly rpId: string
  readonly origin: string
  readonly authenticatorData: string
  readonly clientDataJSON: string
  readonly signature: string
  readonly flags: { readonly up: boolean; readonly uv: boolean; readonly be: boolean; readonly bs: boolean }
}

/** Everything that a passkey signs when it approves. */
export interface DecisionChallenge {
  /** 32 random bytes, hex. */
  readonly nonce: string
  readonly request: string
  /** Place of the last event that the approver could see. */
  readonly revision: number
  /** `prod-db:write` */
  readonly entitlement: string
  readonly durationMs: number
  readonly decision: 'approve' | 'approve-extension'
  readonly policy: string
  readonly approver: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

interface SecondPerson {
  by: string
  as: readonly string[]
  offer: number
  policy: string
  assurance: Assurance
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

const PASSKEY_STREAM = /^passkey:(.+)$/s

export function passkeyStream(identity: string): string {
  return `passkey:${identity}`
}

/** The identity of a stream name, or null for another kind of stream. */
export function personOfPasskeys(stream: string): string | null {
  return PASSKEY_STREAM.exec(stream)?.[1] ?? null
}
