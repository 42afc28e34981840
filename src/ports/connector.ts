import type { ActivityReader } from './activity.ts'

/**
 * What Countersign needs of a target. One adapter a kind of target, each in `src/connectors/`, each
 * through the contract test in `test/connectors/contract.ts`.
 *
 * Every method is idempotent: it is called again after a crash, with the same `grant.id`.
 * A method that cannot tell what happened throws `Indeterminate`; the caller looks and decides.
 */
export interface Connector {
  readonly kind: string
  readonly capabilities: ConnectorCapabilities
  /** The account that a grant will have: derived from its id, the same for ever. */
  accountFor(grantId: string): string
  /** What is wrong with the target or with our own rights on it. Empty when all is well. */
  checkPreconditions(): Promise<PreconditionFault[]>
  /** The entitlements that the target itself knows and would accept. */
  describeEntitlements(): Promise<EntitlementDescription[]>
  /**
   * Creates the access with the target's own expiry at `nativeExpiry`, then looks that it works
   * (positive probe with a throw-away secret). Called again, it completes what is missing.
   */
  provision(grant: TargetGrant, nativeExpiry: number): Promise<ProvisionObservation>
  /** Moves the target's own expiry and reads it back. @returns the expiry read back, epoch ms */
  moveExpiry(grant: TargetGrant, nativeExpiry: number): Promise<number>
  /**
   * Makes a new secret for the person, who sees it once; any earlier one stops working.
   * The secret itself never reaches the target, only a verifier of it.
   */
  issueSecret(grant: TargetGrant): Promise<ConnectionDetails>
  /** Stops new logins, committed before it returns. */
  disable(grant: TargetGrant): Promise<StepObservation>
  /** Ends every live session of the grant, hidden ones too. */
  terminateSessions(grant: TargetGrant): Promise<StepObservation>
  /** Removes the account and what hangs on it. What cannot be dropped is quarantined and listed. */
  remove(grant: TargetGrant): Promise<StepObservation>
  /** Looks. Never changes anything. Unreachable is `indeterminate`, never `removed`. */
  verifyRemoved(grant: TargetGrant): Promise<Verification>
  /** What is really there, ours or not: the ground for drift. */
  listGrants(): Promise<ObservedGrant[]>
  /** What was done under the accounts; left out where a target of this kind has no log that could tell. */
  readonly activity?: ActivityReader
  /** Ends connections. Twice is harmless. */
  close(): Promise<void>
}

export interface ConnectorCapabilities {
  /** `per-grant`: every grant has an account of its own. `shared`: several grants may rest on one. */
  readonly holding: 'per-grant' | 'shared'
  readonly nativeExpiry: boolean
  readonly endsSessions: boolean
  /** How removal is proved. */
  readonly proof: 'enforced-probe' | 'read-back' | 'attested'
  /** What `show how to connect` hands out. */
  readonly secret: 'password' | 'none'
}

/** What a connector is told of a grant. Opaque ids only: no names, no reasons. */
export interface TargetGrant {
  readonly id: string
  readonly target: string
  readonly entitlement: string
  /** The target's own name for what is held: a database role, a group. From the policy. */
  readonly grants: string
  /** The account in the target. For `per-grant` connectors derived from the id; constant for the grant's life. */
  readonly account: string
}

export interface PreconditionFault {
  /** `blocking` holds new grants on this target; never a revocation. */
  readonly severity: 'blocking' | 'warning'
  readonly code: ConnectorErrorCode
  /** Names the thing, the value and the next step. */
  readonly message: string
}

export interface EntitlementDescription {
  readonly grants: string
  readonly description: string
}

export interface ProvisionObservation {
  readonly account: string
  /** The native expiry as read back, epoch ms; null where the target has none. */
  readonly nativeExpiry: number | null
  readonly checks: readonly Check[]
}

export interface StepObservation {
  /** One line for people: `3 sessions ended`. */
  readonly summary: string
  readonly checks: readonly Check[]
  readonly residuals: readonly Residual[]
}

export interface Verification {
  readonly verdict: 'removed' | 'still-present' | 'indeterminate'
  readonly checks: readonly Check[]
  readonly residuals: readonly Residual[]
}

/** One look at the target: what we expected, what was there. */
export interface Check {
  readonly name: string
  readonly expected: string
  readonly observed: string
  readonly ok: boolean
}

/** What a revocation left behind, or what only a person can judge. */
export interface Residual {
  readonly kind: 'session' | 'owned-object' | 'process' | 'key' | 'foreign-grant' | 'dependent-object'
  readonly what: string
}

export interface ObservedGrant {
  readonly account: string
  readonly grants: readonly string[]
  /** The grant id that the account carries (a comment, a tag); null when it is not ours. */
  readonly grantId: string | null
  readonly nativeExpiry: number | null
  readonly liveSessions: number
  /** How it is held, where the target says: by whom it was given, with which options. For people. */
  readonly notes?: readonly string[]
}

/** What the reveal page shows, once. Never logged, never stored. */
export interface ConnectionDetails {
  readonly fields: readonly { readonly label: string; readonly value: string; readonly secret: boolean }[]
  /** A command to paste, without the secret. */
  readonly command: string | null
}

export type ConnectorErrorCode =
  | 'AlreadyExists'
  | 'NotFound'
  | 'ForeignGrant'
  | 'SilentNoOp'
  | 'PrivilegeMissing'
  | 'PrivilegeExcessive'
  | 'DependentObjects'
  | 'Throttled'
  | 'Conflict'
  | 'Unreachable'
  | 'VerificationFailed'
  | 'Indeterminate'

/** A target said no, or could not be asked. `retryAfterMs` is honoured where the target gave one. */
export class ConnectorError extends Error {
  override name = 'ConnectorError'
  readonly code: ConnectorErrorCode
  readonly retryAfterMs: number | null
  constructor(code: ConnectorErrorCode, message: string, options: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, options)
    this.code = code
    this.retryAfterMs = options.retryAfterMs ?? null
  }
}
