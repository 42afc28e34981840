import { findEntitlement, mayAsk } from './decide-ask.ts'
import type { GrantEvent, Unfounded } from './grant-event.ts'
import type { GrantState } from './grant-state.ts'
import type { Policy } from './policy.ts'

/** Where a person stands: `unknown` is whom nobody can tell of, which gives nothing and takes nothing away. */
export type Standing = 'active' | 'left' | 'unknown'

/**
 * What becomes of a request or a grant whose ground is gone: its holder or whoever asked has left, or its holder may not
 * ask for it any more. A signature that was given stays good for what was given by it; one of somebody who left before
 * the decision is void. Empty when all stands, and when it was done already.
 */
export function decideUnfounded(
  state: GrantState,
  standing: (id: string) => Standing,
  policy: Policy,
  now: number,
): GrantEvent[] {
  const found = whyUnfounded(state, standing, policy)
  if (found === null) return voidSignatures(state, standing)
  const { person, because } = found
  switch (state.status) {
    case 'pending':
    case 'planned':
      return [{ type: 'request.lapsed', data: { person, because } }]
    case 'providing':
    case 'active':
      return [{ type: 'grant.ending', data: { cause: because, by: null, due: now } }]
    default:
      return []
  }
}

function whyUnfounded(
  state: GrantState,
  standing: (id: string) => Standing,
  policy: Policy,
): { person: string; because: Unfounded } | null {
  const gone = [state.for, state.by].find((id) => standing(id) === 'left')
  if (gone !== undefined) return { person: gone, because: 'left' }
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  // What the policy does not know any more is held where it is given, as every changed rule is.
  if ('refused' in entitled || mayAsk(entitled.entitlement, state.for)) return null
  return { person: state.for, because: 'moved' }
}

function voidSignatures(state: GrantState, standing: (id: string) => Standing): GrantEvent[] {
  if (state.status !== 'pending') return []
  const gone = new Set(state.signatures.map(({ by }) => by).filter((id) => standing(id) === 'left'))
  return [...gone].map((by): GrantEvent => ({ type: 'request.signature-void', data: { by, because: 'left' } }))
}
