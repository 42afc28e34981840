import { eligibleApprovers, MOST_APPROVERS, type Roster, resolveRules } from './approvers.ts'
import { checkReason } from './check-reason.ts'
import { findEntitlement } from './decide-ask.ts'
import type { Assurance, GrantEvent, StepUp } from './grant-event.ts'
import { type GrantState, outcomeOf, type Signature } from './grant-state.ts'
import type { PasskeyAssertion } from './passkey-event.ts'
import type { ApprovalRule, Policy } from './policy.ts'
import { countSignatures, type ResolvedRule } from './quorum.ts'
import { type Refused, refuse } from './refusal.ts'

/** A person's act on a request, and what it stands on: the roster and the policy of this moment. */
export interface Signing {
  readonly by: string
  readonly assurance: Assurance
  /** With the assurance `passkey`: what the passkey signed. */
  readonly assertion?: PasskeyAssertion
  readonly roster: Roster
  readonly policy: Policy
  readonly now: number
}

/**
 * Decides one signature under a request. The last one that the rules need approves it. Every
 * signature, the earlier ones too, is counted by the rules and the roster of this moment: who may no
 * longer sign no longer counts, nor does a click where a passkey is needed now.
 */
export function decideApproval(state: GrantState, signing: Signing): GrantEvent[] | Refused {
  const standing = standingOf(state, signing)
  if ('refused' in standing) return standing
  const { by, roster, policy, assurance, now } = signing
  const { stepUp } = standing
  const rules = resolveRules(standing.rules, roster, state)
  if (countable(state.signatures, stepUp).some((signature) => signature.by === by)) {
    const enough = approveWhenSigned(state, rules, policy, now, stepUp)
    return enough.length > 0 ? enough : refuse({ code: 'already-signed' })
  }
  if (stepUp === 'passkey' && assurance !== 'passkey') return refuse({ code: 'passkey-needed' })
  const signed: GrantEvent = {
    type: 'request.signed',
    data: { by, as: standing.as, policy: policy.hash, ...bindingOf(signing) },
  }
  const signatures = [...state.signatures, { by, at: now, seq: state.seq + 1, assurance }]
  return [signed, ...approveWhenSigned({ signatures }, rules, policy, now, stepUp)]
}

/** How the signature is bound to a person, as its event says it. */
export function bindingOf({ assurance, assertion }: Signing): {
  assurance: Assurance
  assertion?: PasskeyAssertion
} {
  return { assurance, ...(assertion !== undefined && { assertion }) }
}

/** Those that count: every one, or those that a passkey gave. */
export function countable(signatures: readonly Signature[], stepUp: StepUp): readonly Signature[] {
  return stepUp === 'none' ? signatures : signatures.filter(({ assurance }) => assurance === 'passkey')
}

/** The approval, once the signatures suffice under these rules; else nothing. It names those that count. */
export function approveWhenSigned(
  { signatures }: Pick<GrantState, 'signatures'>,
  rules: readonly ResolvedRule[],
  policy: Policy,
  now: number,
  stepUp: StepUp,
): GrantEvent[] {
  const { missing, counted } = countSignatures(
    rules,
    countable(signatures, stepUp).map((signature) => signature.by),
  )
  if (missing > 0) return []
  return [
    {
      type: 'request.approved',
      data: { by: counted, policy: policy.hash, usableUntil: now + policy.pendingForMs, stepUp },
    },
  ]
}

/** Decides a denial: one eligible person is enough. */
export function decideDenial(state: GrantState, signing: Signing, reason: string): GrantEvent[] | Refused {
  const standing = standingOf(state, signing)
  if ('refused' in standing) return standing
  const badReason = checkDenyReason(reason, standing.denyReasonRequired)
  if (badReason !== null) return badReason
  const { by, policy, assurance } = signing
  // A denial gives nobody anything: a click is enough, whatever an approval needs.
  return [{ type: 'request.denied', data: { by, reason: reason.trim(), policy: policy.hash, assurance } }]
}

/** A denial needs words where the policy says so; they are limited like a reason. */
export function checkDenyReason(reason: string, required: boolean): Refused | null {
  if (required && reason.trim() === '') return refuse({ code: 'deny-reason-required' })
  return checkReason(reason, { minLength: 0, maxLength: 1000, pattern: null })
}

interface Standing {
  readonly as: readonly string[]
  readonly rules: readonly ApprovalRule[]
  readonly denyReasonRequired: boolean
  readonly stepUp: StepUp
}

function standingOf(state: GrantState, { by, roster, policy, now }: Signing): Standing | Refused {
  const outcome = outcomeOf(state)
  if (outcome !== null) return refuse({ code: 'already-decided', ...outcome })
  if (now >= state.pendingUntil) {
    return refuse({ code: 'already-decided', outcome: 'expired', by: [], at: state.pendingUntil })
  }
  if (by === state.by || by === state.for) return refuse({ code: 'own-request' })
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  if ('refused' in entitled) return entitled
  const { approvals, denyReasonRequired, maxDurationMs, stepUp } = entitled.entitlement
  const eligible = eligibleApprovers(approvals, roster, state)
  const signer = eligible.find((approver) => approver.id === by)
  if (signer === undefined) {
    return refuse({
      code: 'not-an-approver',
      approvers: eligible.map((approver) => approver.id).slice(0, MOST_APPROVERS),
    })
  }
  if (state.durationMs > maxDurationMs) {
    return refuse({
      code: 'too-long',
      target: state.target,
      entitlement: state.entitlement,
      askedMs: state.durationMs,
      maxMs: maxDurationMs,
    })
  }
  return { as: signer.as, rules: approvals, denyReasonRequired, stepUp }
}
