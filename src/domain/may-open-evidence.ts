import { MOST_APPROVERS } from './approvers.ts'
import type { Approver } from './grant-event.ts'
import type { GrantState } from './grant-state.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'
import type { Subject } from './stewards.ts'

/**
 * Who may take out what is on record about a grant, private texts included: whose it is, who may or did decide it, the
 * target's owners and compliance. Only the last two also get the texts of the policies, which name everybody.
 */
export function mayOpenEvidence(
  state: GrantState,
  by: string,
  policy: Policy,
): Refused | { readonly policies: boolean } {
  const owners = Object.hasOwn(policy.targets, state.target) ? (policy.targets[state.target]?.owners ?? []) : []
  const stewards = [...owners, ...policy.compliance]
  if (stewards.includes(by)) return { policies: true }
  const deciders = [...state.approvers.map(({ id }) => id), ...(state.approval?.by ?? [])]
  if ([state.by, state.for, ...deciders].includes(by)) return { policies: false }
  const may = [...new Set([state.for, ...stewards])].sort()
  return refuse({ code: 'may-not-open-evidence', may: may.slice(0, MOST_APPROVERS) })
}

/**
 * Who may take out what is on record about an order, a finding or freezes: who may decide it now, and who did. The
 * owners of its target and compliance get the texts of the policies too.
 * @param also who acted in it
 */
export function mayOpenAs(
  stewards: readonly Approver[],
  by: string,
  also: readonly (string | null)[] = [],
): Refused | { readonly policies: boolean } {
  const steward = stewards.find(({ id }) => id === by)
  if (steward !== undefined) return { policies: steward.as.some((one) => one === 'owner' || one === 'compliance') }
  if (also.includes(by)) return { policies: false }
  return refuse({ code: 'may-not-open-evidence', may: stewards.map(({ id }) => id).slice(0, MOST_APPROVERS) })
}

/**
 * Who may take out what is on record about all grants of a person, or on a target: the person themselves, the target's owners,
 * and compliance. Only compliance sees the rest of the log beside it, without which nobody can tell that none is missing.
 */
export function mayOpenPopulation(
  { kind, id }: Subject,
  by: string,
  policy: Policy,
): Refused | { readonly policies: boolean; readonly withhold: boolean } {
  if (policy.compliance.includes(by)) return { policies: true, withhold: false }
  const owners = Object.hasOwn(policy.targets, id) ? (policy.targets[id]?.owners ?? []) : []
  const theirs = kind === 'person' ? [id] : owners
  if (theirs.includes(by)) return { policies: kind === 'target', withhold: true }
  const may = [...new Set([...theirs, ...policy.compliance])].sort()
  return refuse({ code: 'may-not-open-evidence', may: may.slice(0, MOST_APPROVERS) })
}
