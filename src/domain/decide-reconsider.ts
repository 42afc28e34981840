import { eligibleApprovers, missingApprovers, type Roster } from './approvers.ts'
import { findEntitlement } from './decide-ask.ts'
import type { Approver, GrantEvent } from './grant-event.ts'
import type { GrantState } from './grant-state.ts'
import type { Policy } from './policy.ts'

/**
 * Whether a pending request still asks the right people. A policy or a directory that changed under it
 * lets a held one move, or holds one that nobody can approve any more. Empty when nothing changed.
 */
export function decideReconsider(state: GrantState, roster: Roster, policy: Policy): GrantEvent[] {
  if (state.status !== 'pending') return []
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  const rules = 'refused' in entitled ? [] : entitled.entitlement.approvals
  const approvers = eligibleApprovers(rules, roster, state)
  // An entitlement that is gone can be approved by nobody.
  const missing = 'refused' in entitled ? 1 : missingApprovers(rules, roster, state)
  if (missing === state.missing && sameApprovers(approvers, state.approvers)) return []
  const changed: GrantEvent = { type: 'request.approvers-changed', data: { approvers, missing, policy: policy.hash } }
  if (missing === 0 || state.missing > 0) return [changed]
  return [changed, { type: 'request.held', data: { missing, escalatedTo: policy.escalateTo } }]
}

function sameApprovers(a: readonly Approver[], b: readonly Approver[]): boolean {
  return JSON.stringify(a.map(({ id, as }) => [id, as])) === JSON.stringify(b.map(({ id, as }) => [id, as]))
}
