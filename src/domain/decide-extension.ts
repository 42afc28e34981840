import { eligibleApprovers, MOST_APPROVERS, missingApprovers, type Roster, resolveRules } from './approvers.ts'
import { checkReason } from './check-reason.ts'
import { findEntitlement } from './decide-ask.ts'
import { frozenMessage } from './decide-freeze.ts'
import { bindingOf, checkDenyReason, countable, type Signing } from './decide-signature.ts'
import type { Freeze } from './freeze-state.ts'
import type { GrantEvent } from './grant-event.ts'
import type { Extension, GrantState } from './grant-state.ts'
import type { Entitlement, Policy } from './policy.ts'
import { countSignatures } from './quorum.ts'
import { type Refused, refuse } from './refusal.ts'
import { NOTHING_PROVED, type ProvedHands, stillStands } from './still-stands.ts'

/** Decides an ask for more time. It is signed like the request was: no minute without a signature. */
export function decideExtensionAsk(
  state: GrantState,
  ask: { by: string; durationMs: number; reason: string; roster: Roster; policy: Policy; now: number },
): GrantEvent[] | Refused {
  const { by, durationMs, roster, policy, now } = ask
  if (by !== state.for && by !== state.by) return refuse({ code: 'not-yours', holder: state.for })
  const access = activeAccess(state, now)
  if (access === null) return refuse({ code: 'not-active', status: state.status })
  if (state.extension !== null) {
    return refuse({ code: 'extension-open', approvers: state.extension.approvers.map((approver) => approver.id) })
  }
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
  const { approvals } = entitled.entitlement
  const missing = missingApprovers(approvals, roster, state)
  // More time that nobody could sign would only wait until the end: said at once, while there is time to do something.
  if (missing > 0) return refuse({ code: 'nobody-may-approve', missing, tell: policy.escalateTo })
  const approvers = eligibleApprovers(approvals, roster, state).slice(0, MOST_APPROVERS)
  return [{ type: 'extension.asked', data: { by, durationMs, until, reason, policy: policy.hash, approvers } }]
}

/** Decides one signature under an open extension, counted as for a request. */
export function decideExtensionApproval(state: GrantState, signing: Signing): GrantEvent[] | Refused {
  const open = openExtension(state, signing)
  if ('refused' in open) return open
  const { extension, entitlement, as } = open
  const { by, policy, assurance, roster } = signing
  const { stepUp } = entitlement
  const before = countable(extension.signatures, stepUp).map((signature) => signature.by)
  const again = before.includes(by)
  const { missing, counted } = countSignatures(
    resolveRules(entitlement.approvals, roster, state),
    again ? before : [...before, by],
  )
  if (again && missing > 0) return refuse({ code: 'already-signed' })
  if (!again && stepUp === 'passkey' && assurance !== 'passkey') return refuse({ code: 'passkey-needed' })
  const signed: GrantEvent = { type: 'extension.signed', data: { by, as, policy: policy.hash, ...bindingOf(signing) } }
  const approved: GrantEvent = {
    type: 'extension.approved',
    data: { by: counted, until: extension.until, policy: policy.hash, stepUp },
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

export type MayExtend =
  | { readonly may: true; readonly extension: Extension }
  | { readonly may: false; readonly code: string; readonly message: string }

/**
 * May the target's own expiry be raised? Asked with the record's events alone, before the target is touched.
 * @param proved places of the signatures whose passkey assertion was checked and holds
 */
export function mayExtend(
  state: GrantState,
  roster: Roster,
  policy: Policy,
  freeze: Freeze | null,
  now: number,
  proved: ProvedHands = NOTHING_PROVED,
): MayExtend {
  const access = activeAccess(state, now)
  const extension = state.extension
  if (access === null || extension === null || extension.status !== 'approved') {
    return { may: false, code: 'not-approved', message: 'There is no approved extension of an active access.' }
  }
  if (freeze !== null) return { may: false, code: 'frozen', message: frozenMessage(freeze) }
  const standing = stillStands(state, extension.signatures, proved, roster, policy)
  if (!standing.stands) return { may: false, code: standing.code, message: standing.message }
  if (extension.until > access.activatedAt + standing.entitlement.maxTotalMs) {
    return { may: false, code: 'policy-changed', message: 'The policy now gives less time in all than was asked for.' }
  }
  return { may: true, extension }
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
    return refuse({
      code: 'not-an-approver',
      approvers: eligible.map((approver) => approver.id).slice(0, MOST_APPROVERS),
    })
  }
  return { extension, entitlement: entitled.entitlement, as: signer.as }
}

/** The access, if it is active at this moment: at its end it is over, whether or not the timer has come. */
function activeAccess(state: GrantState, now: number): { activatedAt: number; endsAt: number } | null {
  const access = state.access
  if (state.status !== 'active' || access === null || access.activatedAt === null || now >= access.endsAt) return null
  return { activatedAt: access.activatedAt, endsAt: access.endsAt }
}
