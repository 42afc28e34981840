import { eligibleApprovers, MOST_APPROVERS, missingApprovers, type Roster, ruleInWords } from './approvers.ts'
import { announcedIn } from './channels.ts'
import { checkReason } from './check-reason.ts'
import type { GrantEvent } from './grant-event.ts'
import type { Entitlement, Policy, Target } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'

/** An ask as the parser read it: words, not yet checked against the policy. */
export interface Ask {
  readonly by: string
  readonly for: string
  readonly target: string
  readonly entitlement: string | null
  readonly durationMs: number
  readonly reason: string
}

export interface Entitled {
  readonly target: Target
  readonly entitlement: Entitlement
}

/** Finds what is asked for. A bare target means its default entitlement; write or admin is never a default. */
export function findEntitlement(policy: Policy, target: string, entitlement: string | null): Entitled | Refused {
  const found = Object.hasOwn(policy.targets, target) ? policy.targets[target] : undefined
  if (found === undefined) {
    return refuse({ code: 'unknown-target', said: target, known: Object.keys(policy.targets).sort() })
  }
  const known = Object.keys(found.entitlements).sort()
  const name = entitlement ?? found.defaultEntitlement
  if (name === null) return refuse({ code: 'no-default-entitlement', target, known })
  const right = Object.hasOwn(found.entitlements, name) ? found.entitlements[name] : undefined
  if (right === undefined) return refuse({ code: 'unknown-entitlement', target, said: name, known })
  return { target: found, entitlement: right }
}

/**
 * Decides whether an ask becomes a pending request. Pure. Whoever asks has already been found active
 * and has no open request for the same entitlement: both are looked up under the identity's lock.
 */
export function decideAsk(ask: Ask, roster: Roster, policy: Policy, now: number): GrantEvent[] | Refused {
  const entitled = findEntitlement(policy, ask.target, ask.entitlement)
  if ('refused' in entitled) return entitled
  const { target, entitlement } = entitled
  if (!mayAsk(entitlement, ask.for)) {
    return refuse({ code: 'not-a-requester', target: target.name, entitlement: entitlement.name })
  }
  if (ask.durationMs > entitlement.maxDurationMs) {
    return refuse({
      code: 'too-long',
      target: target.name,
      entitlement: entitlement.name,
      askedMs: ask.durationMs,
      maxMs: entitlement.maxDurationMs,
    })
  }
  const badReason = checkReason(ask.reason, entitlement.reason)
  if (badReason !== null) return badReason

  const parties = { by: ask.by, for: ask.for }
  const asked: GrantEvent = {
    type: 'request.asked',
    data: {
      by: ask.by,
      for: ask.for,
      target: target.name,
      entitlement: entitlement.name,
      grants: entitlement.grants,
      durationMs: ask.durationMs,
      reason: ask.reason.trim(),
      ...announcedIn(target.channel ?? policy.channel),
      pendingUntil: now + policy.pendingForMs,
      policy: policy.hash,
      approvers: eligibleApprovers(entitlement.approvals, roster, parties).slice(0, MOST_APPROVERS),
      rules: entitlement.approvals.map(ruleInWords),
    },
  }
  const missing = missingApprovers(entitlement.approvals, roster, parties)
  if (missing === 0) return [asked]
  return [asked, { type: 'request.held', data: { missing, escalatedTo: policy.escalateTo } }]
}

export function mayAsk(entitlement: Entitlement, person: string): boolean {
  return entitlement.requesters === 'everyone' || entitlement.requesters.includes(person)
}
