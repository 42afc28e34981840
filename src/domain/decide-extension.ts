import { eligibleApprovers, type Roster, resolveRules } from './approvers.ts'
import { checkReason } from './check-reason.ts'
import { findEntitlement } from './decide-ask.ts'
import { checkDenyReason, type Signing } from './decide-signature.ts'
import type { GrantEvent } from './grant-event.ts'
import type { Extension, GrantState } from './grant-state.ts'
import type { Entitlement, Policy } from './policy.ts'
import { countSignatures, missingSignatures } from './quorum.ts'
import { type Refused, refuse } from './refusal.ts'

/** Decides an ask for more time. It is signed like the request was: no minute without a signature. */
export function decideExtensionAsk(
  state: GrantState,
  ask: { by: string; durationMs: number; reason: string; roster: Roster; policy: Policy; now: number },
): GrantEvent[] | Refused {
  const { by, durationMs, roster, policy, now } = ask
  if (by !== state.for && by !== state.by) return refuse({ code: 'not-yours', holder: state.for })
  const access = activeAccess(state, now)
  if (access === null) return refuse({ code: 'not-active', status: state.status })
  if (state.extension !== null) return refuse({ code: 'extension-open' })
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  if ('refused' in entitled) return entitled
  const latest = access.activatedAt + entitled.entitlement.maxTotalMs
  const until = access.endsAt + durationMs
  if (until > latest) {
    return refuse({ code: 'extension-too-long', latest, leftMs: Math.max(0, latest - access.endsAt) })
  }
  const reason = ask.reason.trim() === '' ? state.reason : ask.reason.trim()
  const badReason = checkReason(reason, entitled.entitlement.reason)
  if (badReason !== null) return badReason
  const approvers = eligibleApprovers(entitled.entitlement.approvals, roster, state)
  return [{ type: 'extension.asked', data: { by, durationMs, until, reason, policy: policy.hash, approvers } }]
}

/** Decides one signature under an open extension, counted as for a request. */
export function decideExtensionApproval(state: GrantState, signing: Signing): GrantEvent[] | Refused {
  const open = openExtension(state, signing)
  if ('refused' in open) return open
  const { extension, entitlement, as } = open
  const { by, policy, assurance, roster } = signing
  const before = extension.signatures.map((signature) => signature.by)
  const again = before.includes(by)
  const { missing, counted } = countSignatures(
    resolveRules(entitlement.approvals, roster, state),
    again ? before : [...before, by],
  )
  if (again && missing > 0) return refuse({ code: 'already-signed' })
  const signed: GrantEvent = { type: 'extension.signed', data: { by, as, policy: policy.hash, assurance } }
  const approved: GrantEvent = {
    type: 'extension.approved',
    data: { by: counted, until: extension.until, policy: policy.hash },
  }
  return [...(again ? [] : [signed]), ...(missing > 0 ? [] : [approved])]
}

export function decideExtensionDenial(state: GrantState, signing: Signing, reason: string): GrantEvent[] | Refused {
  const open = openExtension(state, signing)
  if ('refused' in open) return open
  const badReason = checkDenyReason(reason, open.entitlement.denyReasonRequired)
  if (badReason !== null) return badReason
  const { by, policy, assurance } = signing
  return [{ type: 'extension.denied', data: { by, reason: reason.trim(), policy: policy.hash, assurance } }]
}

/** May the target's own expiry be raised? Asked with the record's events alone, before the target is touched. */
export function mayExtend(state: GrantState, roster: Roster, policy: Policy, now: number): Extension | Refused {
  const access = activeAccess(state, now)
  if (access === null) return refuse({ code: 'not-active', status: state.status })
  const extension = state.extension
  if (extension === null || extension.status !== 'approved') return refuse({ code: 'no-extension-open' })
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  if ('refused' in entitled) return entitled
  const rules = resolveRules(entitled.entitlement.approvals, roster, state)
  const signers = extension.signatures.map((signature) => signature.by)
  if (missingSignatures(rules, signers) > 0) return refuse({ code: 'not-an-approver', approvers: signers })
  const latest = access.activatedAt + entitled.entitlement.maxTotalMs
  if (extension.until > latest) {
    return refuse({ code: 'extension-too-long', latest, leftMs: Math.max(0, latest - access.endsAt) })
  }
  return extension
}

function openExtension(
  state: GrantState,
  { by, roster, policy, now }: Signing,
): { extension: Extension; entitlement: Entitlement; as: readonly string[] } | Refused {
  if (activeAccess(state, now) === null) return refuse({ code: 'not-active', status: state.status })
  const extension = state.extension
  if (extension === null || extension.status !== 'pending') return refuse({ code: 'no-extension-open' })
  if (by === state.by || by === state.for) return refuse({ code: 'own-request' })
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  if ('refused' in entitled) return entitled
  const eligible = eligibleApprovers(entitled.entitlement.approvals, roster, state)
  const signer = eligible.find((approver) => approver.id === by)
  if (signer === undefined) {
    return refuse({ code: 'not-an-approver', approvers: eligible.map((approver) => approver.id) })
  }
  return { extension, entitlement: entitled.entitlement, as: signer.as }
}

/** The access, if it is active at this moment: at its end it is over, whether or not the timer has come. */
function activeAccess(state: GrantState, now: number): { activatedAt: number; endsAt: number } | null {
  const access = state.access
  if (state.status !== 'active' || access === null || access.activatedAt === null || now >= access.endsAt) return null
  return { activatedAt: access.activatedAt, endsAt: access.endsAt }
}
