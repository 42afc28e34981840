import { type Roster, resolveRules } from './approvers.ts'
import { findEntitlement, mayAsk } from './decide-ask.ts'
import type { GrantState } from './grant-state.ts'
import type { Entitlement, Policy } from './policy.ts'
import { missingSignatures } from './quorum.ts'

export type StillStands =
  | { readonly stands: true; readonly entitlement: Entitlement }
  | { readonly stands: false; readonly code: StandsNoMoreCode; readonly message: string }

export type StandsNoMoreCode = 'policy-changed' | 'signatures-no-longer-enough' | 'holder-left'

/**
 * Whether signatures that were given still carry an access under the policy and the roster of this
 * moment: the holder is here and may ask, the entitlement means what it meant, the signers may sign.
 */
export function stillStands(
  state: GrantState,
  signers: readonly string[],
  roster: Roster,
  policy: Policy,
): StillStands {
  if (!roster.active.has(state.for)) return no('holder-left', `${state.for} is no longer active in the directory.`)
  const right = `${state.target}:${state.entitlement}`
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  if ('refused' in entitled) return no('policy-changed', `The policy no longer knows ${right}. Ask again.`)
  const { entitlement } = entitled
  if (entitlement.grants !== state.grants || !mayAsk(entitlement, state.for)) {
    return no('policy-changed', `The policy changed what ${right} is, or who may ask for it. Ask again.`)
  }
  if (missingSignatures(resolveRules(entitlement.approvals, roster, state), signers) > 0) {
    return no(
      'signatures-no-longer-enough',
      'Under the policy and directory of now the signatures are too few. Ask again.',
    )
  }
  return { stands: true, entitlement }
}

function no(code: StandsNoMoreCode, message: string): StillStands {
  return { stands: false, code, message }
}
