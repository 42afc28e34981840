import type { Roster } from './approvers.ts'
import { frozenMessage } from './decide-freeze.ts'
import type { Freeze } from './freeze-state.ts'
import type { GrantState } from './grant-state.ts'
import type { Entitlement, Policy } from './policy.ts'
import { NOTHING_PROVED, type ProvedHands, type StandsNoMoreCode, stillStands } from './still-stands.ts'

export type MayProvision =
  | { readonly may: true; readonly entitlement: Entitlement }
  | { readonly may: false; readonly code: MayNotCode; readonly message: string }

export type MayNotCode = 'not-approved' | 'approval-stale' | 'frozen' | StandsNoMoreCode

/**
 * The last question before a target is touched, asked of the record alone: the state is folded from
 * events that were proved to be inside a witnessed checkpoint. Policy, roster and freeze are those of this moment.
 * @param proved places of the signatures whose passkey assertion was checked and holds
 */
export function mayProvision(
  state: GrantState,
  roster: Roster,
  policy: Policy,
  freeze: Freeze | null,
  now: number,
  proved: ProvedHands = NOTHING_PROVED,
): MayProvision {
  if (state.approval === null || (state.status !== 'planned' && state.status !== 'providing')) {
    return no('not-approved', `${state.id} is ${state.status}: there is no approval on the record.`)
  }
  if (state.status === 'planned' && now >= state.approval.usableUntil) {
    return no('approval-stale', 'The approval was not used in time. Ask again.')
  }
  if (freeze !== null) return no('frozen', frozenMessage(freeze))
  const standing = stillStands(state, state.signatures, proved, roster, policy)
  if (!standing.stands) return no(standing.code, standing.message)
  if (state.durationMs > standing.entitlement.maxDurationMs) {
    return no('policy-changed', 'The policy now gives less time than was asked for. Ask again.')
  }
  return { may: true, entitlement: standing.entitlement }
}

function no(code: MayNotCode, message: string): MayProvision {
  return { may: false, code, message }
}
