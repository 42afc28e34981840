/**
 * What is on record about one person (stream `identity:<id>`) and one group of the directory (stream
 * `directory-group:<id>`). What a directory says of a person is personal: it travels as one private text,
 * `profile`, of which the record keeps a salted hash.
 */
export type IdentityEvent =
  /** First heard of from the directory. */
  | Fact<'identity.entered', Said>
  /** `what`: which of its attributes changed, by name. */
  | Fact<'identity.changed', Said & { what: readonly string[] }>
  /**
   * `effectiveAt` is the moment that the directory itself gives, null when it gives none; received is when the event
   * was written. `removed`: the directory forgot the person, and will not speak of them again under this id.
   */
  | Fact<
      'identity.left',
      { source: Source; removed: boolean; effectiveAt: number | null; policy?: string; by?: string | null }
    >
  | Fact<'identity.returned', { source: Source; policy?: string }>
  | Fact<'account.linked', LinkedAccount>
  | Fact<'account.unlinked', PlatformAccount & { because: 'left' }>
  /** An account that seemed to be theirs was not linked. */
  | Fact<'account.not-linked', PlatformAccount & { because: NotLinked }>
  /** A code was shown to them; only a keyed digest of it is kept. */
  | Fact<'link.code-shown', PlatformAccount & { digest: string; expiresAt: number }>
  /** Everything of a person who left has been closed, is ending, or waits for others now. */
  | Fact<
      'leaving.ended',
      {
        requests: readonly string[]
        grants: readonly string[]
        approvals: readonly string[]
        /** Whose owner they were, by id. */
        machines?: readonly string[]
      } & Moment
    >
  /** The last access of theirs was looked for, and was gone. */
  | Fact<'leaving.seen-gone', { grants: number } & Moment>

export type DirectoryGroupEvent =
  | Fact<'directory-group.entered', { name: string; members: readonly string[]; externalId: string | null }>
  | Fact<'directory-group.changed', { name: string; added: readonly string[]; removed: readonly string[] }>
  | Fact<'directory-group.removed', Record<never, never>>

/** When it was so, and how long after the leaving took effect; that it was told is a little later. */
interface Moment {
  readonly when: number
  readonly lagMs: number
}

/** Who says so: the SCIM door, or the policy in force. */
export type Source = 'scim' | 'policy'

interface Said {
  readonly source: Source
  /** Identity id; null where the directory names nobody, or somebody that it did not tell us of. */
  readonly manager: string | null
  /** Identity assurance level (NIST SP 800-63) that the directory claims; null when it claims none. */
  readonly assurance: string | null
  /** The resource as the directory keeps it, as JSON. */
  readonly profile: string
}

export interface PlatformAccount {
  readonly platform: string
  readonly tenant: string
  readonly account: string
}

/** How it was shown that an account is this person's. None of these proves who the person is in the world. */
export type LinkProof =
  /** The workspace says that this e-mail is confirmed, and the directory gives it to this person alone. */
  | { readonly how: 'confirmed-email' }
  /** The directory gives this object id to this person. */
  | { readonly how: 'object-id' }
  /** A code shown to the person's known account was typed on the new one. */
  | { readonly how: 'code'; readonly shownOn: string }

export type LinkedAccount = PlatformAccount & { readonly proof: LinkProof }

export type NotLinked = 'email-ambiguous' | 'has-another-account' | 'belongs-to-another'

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

export const IDENTITY_STREAMS = 'identity:'
export const GROUP_STREAMS = 'directory-group:'

export function identityStream(id: string): string {
  return `${IDENTITY_STREAMS}${id}`
}

export function directoryGroupStream(id: string): string {
  return `${GROUP_STREAMS}${id}`
}
