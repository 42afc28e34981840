import type { GrantState } from '../domain/grant-state.ts'
import type { TargetGrant } from '../ports/connector.ts'

/** Work on one holding happens one at a time. Where every grant has an account of its own, that is the grant. */
export function holdingLane(state: GrantState): string {
  return `holding:${state.target}:${state.id}`
}

/** What a connector is told of a grant. */
export function targetGrant(state: GrantState): TargetGrant {
  if (state.access === null) throw new Error(`${state.id} was never provided: there is nothing to tell a target`)
  const { id, target, entitlement, grants } = state
  return { id, target, entitlement, grants, account: state.access.account }
}
