import type { GrantEvent } from './grant-event.ts'
import { type GrantState, isOpen, outcomeOf } from './grant-state.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'

/** Takes back a request that is not yet provided. Only the asker does that. */
export function decideCancel(state: GrantState, by: string): GrantEvent[] | Refused {
  if (by !== state.by && by !== state.for) return refuse({ code: 'not-yours', holder: state.by })
  if (state.status === 'pending' || state.status === 'planned') return [{ type: 'request.cancelled', data: { by } }]
  const outcome = outcomeOf(state)
  return outcome === null
    ? refuse({ code: 'not-active', status: state.status })
    : refuse({ code: 'already-decided', ...outcome })
}

/**
 * Ends an access before its time. Its holder, whoever approved it, the target's owners and compliance
 * may; ending is never held back by a policy that cannot be read, only by who asks.
 */
export function decideEnd(state: GrantState, by: string, policy: Policy, now: number): GrantEvent[] | Refused {
  const owners = policy.targets[state.target]?.owners ?? []
  const mayEnd = new Set([state.for, state.by, ...(state.approval?.by ?? []), ...owners, ...policy.compliance])
  if (!mayEnd.has(by)) return refuse({ code: 'may-not-end', mayEnd: [...mayEnd].sort() })
  if (state.status === 'pending' || state.status === 'planned') return [{ type: 'request.cancelled', data: { by } }]
  if (state.status === 'providing' || state.status === 'active') {
    const cause = by === state.for ? 'done' : 'ended-by-person'
    return [{ type: 'grant.ending', data: { cause, by, due: now } }]
  }
  const outcome = outcomeOf(state)
  return outcome === null
    ? refuse({ code: 'not-active', status: state.status })
    : refuse({ code: 'already-decided', ...outcome })
}

/** When something about this grant falls due by itself, epoch ms; null when nothing does. */
export function nextDue(state: GrantState): number | null {
  if (!isOpen(state)) return null
  switch (state.status) {
    case 'pending':
      return state.pendingUntil
    case 'planned':
      return state.approval?.usableUntil ?? null
    case 'providing':
      return state.access?.endsAt ?? null
    case 'active':
      return state.access === null ? null : (openWarning(state) ?? state.access.endsAt)
    default:
      return null
  }
}

/** What time alone decides. Empty when nothing is due yet. */
export function decideDue(state: GrantState, now: number): GrantEvent[] {
  const access = state.access
  if (state.status === 'pending' && now >= state.pendingUntil) {
    return [{ type: 'request.expired', data: { pendingUntil: state.pendingUntil } }]
  }
  if (state.status === 'planned' && state.approval !== null && now >= state.approval.usableUntil) {
    const message = 'The approval was not used in time: the target or a witness could not be reached.'
    return [{ type: 'grant.failed', data: { code: 'approval-stale', message } }]
  }
  if ((state.status === 'providing' || state.status === 'active') && access !== null && now >= access.endsAt) {
    const ending: GrantEvent = { type: 'grant.ending', data: { cause: 'expired', by: null, due: access.endsAt } }
    if (state.extension?.status !== 'approved') return [ending]
    const message = 'The target could not be told of it before the old end.'
    return [{ type: 'extension.failed', data: { code: 'too-late', message } }, ending]
  }
  const warn = openWarning(state)
  if (access !== null && warn !== null && now >= warn) {
    return [{ type: 'grant.end-near', data: { endsAt: access.endsAt } }]
  }
  return []
}

/** Short accesses are warned at nine tenths of their time, so that the warning is never the first news. */
export function warnAt(activatedAt: number, endsAt: number, warnBeforeMs: number): number {
  return endsAt - Math.min(warnBeforeMs, Math.floor((endsAt - activatedAt) / 10))
}

function openWarning(state: GrantState): number | null {
  return state.status === 'active' && !state.endNearTold ? (state.access?.warnAt ?? null) : null
}
