import { type Roster, resolveRules } from './approvers.ts'
import { findEntitlement, mayAsk } from './decide-ask.ts'
import type { GrantState, Signature } from './grant-state.ts'
import type { Entitlement, Policy } from './policy.ts'
import { missingSignatures } from './quorum.ts'

export type StillStands =
  | { readonly stands: true; readonly entitlement: Entitlement }
  | { readonly stands: false; readonly code: StandsNoMoreCode; readonly message: string }

/** Places of signatures, in the grant's stream, whose assertion holds under the key that was enrolled then. */
export type ProvedHands = ReadonlySet<number>

export const NOTHING_PROVED: ProvedHands = new Set()

export type StandsNoMoreCode = 'passkey-missing' | 'policy-changed' | 'signatures-no-longer-enough' | 'holder-left'

/**
 * Whether signatures that were given still carry an access under the policy and the roster of this
 * moment: the holder is here and may ask, the entitlement means what it meant, the signers may sign, and where a
 * passkey is needed each of them gave one. That an event says `passkey` is not enough: its assertion must hold.
 */
export function stillStands(
  state: GrantState,
  signatures: readonly Signature[],
  proved: ProvedHands,
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
  const rules = resolveRules(entitlement.approvals, roster, state)
  const missing = (counted: readonly Signature[]) =>
    missingSignatures(
      rules,
      counted.map(({ by }) => by),
    )
  if (missing(signatures) > 0) {
    return no(
      'signatures-no-longer-enough',
      'Under the policy and directory of now the signatures are too few. Ask again.',
    )
  }
  if (entitlement.stepUp === 'passkey' && missing(signatures.filter(({ seq }) => proved.has(seq))) > 0) {
    return no('passkey-missing', `${right} needs a passkey of each who approves. Ask again.`)
  }
  return { stands: true, entitlement }
}

function no(code: StandsNoMoreCode, message: string): StillStands {
  return { stands: false, code, message }
}
