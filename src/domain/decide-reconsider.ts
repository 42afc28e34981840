import {
  eligibleApprovers,
  MOST_APPROVERS,
  missingApprovers,
  type Roster,
  resolveRules,
  ruleInWords,
} from './approvers.ts'
import { findEntitlement } from './decide-ask.ts'
import { approveWhenSigned } from './decide-signature.ts'
import type { Freeze } from './freeze-state.ts'
import type { Approver, GrantEvent } from './grant-event.ts'
import type { GrantState } from './grant-state.ts'
import type { Policy } from './policy.ts'

/**
 * Whether a pending request still asks the right people for the right number of signatures. A policy or a
 * directory that changed under it lets a held one move, holds one that nobody can approve any more, and
 * approves one whose signatures suffice now: nobody may be left who would press the button. A frozen one
 * is not approved. Empty when nothing changed.
 */
export function decideReconsider(
  state: GrantState,
  roster: Roster,
  policy: Policy,
  freeze: Freeze | null,
  now: number,
): GrantEvent[] {
  if (state.status !== 'pending' || now >= state.pendingUntil) return []
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  const entitlement = 'refused' in entitled ? null : entitled.entitlement
  const approvals = entitlement?.approvals ?? []
  const rules = approvals.map(ruleInWords)
  const approvers = eligibleApprovers(approvals, roster, state).slice(0, MOST_APPROVERS)
  // An entitlement that is gone can be approved by nobody.
  const missing = entitlement === null ? 1 : missingApprovers(approvals, roster, state)
  const facts: GrantEvent[] = []
  const same = missing === state.missing && sameApprovers(approvers, state.approvers) && sameRules(rules, state.rules)
  if (!same) facts.push({ type: 'request.approvers-changed', data: { approvers, missing, rules, policy: policy.hash } })
  if (missing > 0 && state.missing === 0) {
    facts.push({ type: 'request.held', data: { missing, escalatedTo: policy.escalateTo } })
  }
  if (freeze === null && entitlement !== null && state.durationMs <= entitlement.maxDurationMs) {
    facts.push(...approveWhenSigned(state, resolveRules(approvals, roster, state), policy, now, entitlement.stepUp))
  }
  return facts
}

function sameApprovers(a: readonly Approver[], b: readonly Approver[]): boolean {
  return JSON.stringify(a.map(({ id, as }) => [id, as])) === JSON.stringify(b.map(({ id, as }) => [id, as]))
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
