import { type Roster, resolveRules } from './approvers.ts'
import { findEntitlement, mayAsk } from './decide-ask.ts'
import type { GrantState } from './grant-state.ts'
import type { Entitlement, Policy } from './policy.ts'
import { missingSignatures } from './quorum.ts'

export type MayProvision =
  | { readonly may: true; readonly entitlement: Entitlement }
  | { readonly may: false; readonly code: MayNotCode; readonly message: string }

export type MayNotCode =
  | 'not-approved'
  | 'approval-stale'
  | 'policy-changed'
  | 'signatures-no-longer-enough'
  | 'holder-left'

/**
 * The last question before a target is touched, asked of the record alone: the state is folded from
 * events that were proved to be inside a witnessed checkpoint. Policy and roster are those of this moment.
 */
export function mayProvision(state: GrantState, roster: Roster, policy: Policy, now: number): MayProvision {
  if (state.approval === null || (state.status !== 'planned' && state.status !== 'providing')) {
    return no('not-approved', `${state.id} is ${state.status}: there is no approval on the record`)
  }
  if (state.status === 'planned' && now >= state.approval.usableUntil)
    return no('approval-stale', 'The approval was not used in time. Ask again.')
  if (!roster.active.has(state.for)) return no('holder-left', `${state.for} is no longer active in the directory`)
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  if ('refused' in entitled) {
    return no('policy-changed', `The policy no longer knows ${state.target}:${state.entitlement}. Ask again.`)
  }
  const { entitlement } = entitled
  if (
    entitlement.grants !== state.grants ||
    state.durationMs > entitlement.maxDurationMs ||
    !mayAsk(entitlement, state.for)
  ) {
    return no('policy-changed', `The policy changed what ${state.target}:${state.entitlement} is. Ask again.`)
  }
  const signers = state.signatures.map((signature) => signature.by)
  if (missingSignatures(resolveRules(entitlement.approvals, roster, state), signers) > 0) {
    return no(
      'signatures-no-longer-enough',
      'Under the policy and directory of now the signatures are too few. Ask again.',
    )
  }
  return { may: true, entitlement }
}

function no(code: MayNotCode, message: string): MayProvision {
  return { may: false, code, message }
}
