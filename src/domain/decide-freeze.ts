import { MOST_APPROVERS } from './approvers.ts'
import { type ChannelOn, channelList } from './channels.ts'
import { checkReason } from './check-reason.ts'
import { EVERYWHERE, type FreezeEvent } from './freeze-event.ts'
import type { Freeze, FreezeState } from './freeze-state.ts'
import type { Assurance, GrantEvent } from './grant-event.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'
import { stewardsOf } from './stewards.ts'

/** A steward's act on a freeze. */
export interface Freezing {
  readonly by: string
  readonly assurance: Assurance
  readonly policy: Policy
  readonly now: number
}

/** What `/access freeze` takes as a reason: anything, or nothing. At night the freeze counts, not the words. */
const FREEZE_REASON = { minLength: 0, maxLength: 1000, pattern: null }

/** One steward freezes alone and at once: it takes nothing from anybody, and gives nothing to anybody. */
export function decideFreeze(state: FreezeState, { by, policy, assurance }: Freezing, said: string): FreezeDecision {
  const steward = stewardIn(policy, state.target, by)
  if ('refused' in steward) return steward
  const { freeze } = state
  if (freeze !== null) {
    return refuse({ code: 'already-frozen', target: state.target, by: freeze.by, at: freeze.at, why: freeze.reason })
  }
  const badReason = checkReason(said, FREEZE_REASON)
  if (badReason !== null) return badReason
  const all = channelsOf(policy, state.target)
  const channels = [...new Set(all.map(({ channel }) => channel))]
  const where = all.every(({ platform }) => platform === null) ? { channels } : { channels, announcedIn: all }
  const data = { by, as: steward.as, reason: said.trim(), ...where, policy: policy.hash, assurance }
  return [{ type: 'freeze.set', data }]
}

/**
 * Lifting gives access back, so two distinct stewards sign: the first asks, the second lifts. Whoever froze may
 * be one of them. Both are judged by the policy of now: a first signature whose giver is no steward any more, or
 * that is older than a request may wait, is asked for again.
 */
export function decideLift(state: FreezeState, { by, policy, assurance, now }: Freezing): FreezeDecision {
  const { freeze, target } = state
  if (freeze === null) return refuse({ code: 'not-frozen', target })
  const steward = stewardIn(policy, target, by)
  if ('refused' in steward) return steward
  const all = stewardsOf(policy, target)
  const others = all.filter(({ id }) => id !== by)
  const first = freeze.lift
  const firstStands = first !== null && now < first.askedUntil && all.some(({ id }) => id === first.by)
  if (firstStands && first.by !== by) {
    return [{ type: 'freeze.lifted', data: { by: [first.by, by], policy: policy.hash, assurance } }]
  }
  if (firstStands || others.length === 0) {
    return refuse({ code: 'second-person-needed', may: others.map(({ id }) => id).slice(0, MOST_APPROVERS) })
  }
  const signers = others.slice(0, MOST_APPROVERS)
  const data = { by, as: steward.as, signers, askedUntil: now + policy.pendingForMs, policy: policy.hash, assurance }
  return [{ type: 'freeze.lift-asked', data }]
}

export type FreezeDecision = FreezeEvent[] | Refused

/**
 * What people do that leads to access, or to more of it; endings, denials and withdrawals are not among it. The
 * steps that give the access itself ask `mayProvision` and `mayExtend`, and once more in their own transaction.
 */
const LEADS_TO_ACCESS: readonly GrantEvent['type'][] = [
  'request.asked',
  'request.signed',
  'request.approved',
  'extension.asked',
  'extension.signed',
  'extension.approved',
]

/**
 * What a decision comes to while a freeze is in force. A "no" of another kind comes first: who is late, or may
 * not sign at all, learns that.
 */
export function underFreeze(
  facts: GrantEvent[] | Refused,
  freeze: Freeze | null,
  policy: Policy,
): GrantEvent[] | Refused {
  if (freeze === null || 'refused' in facts || !facts.some(({ type }) => LEADS_TO_ACCESS.includes(type))) return facts
  const { target, by, at, reason } = freeze
  const may = stewardsOf(policy, target).map(({ id }) => id)
  return refuse({ code: 'frozen', target, by, at, why: reason, may: may.slice(0, MOST_APPROVERS) })
}

/** Why a grant is not given, in words for the record: without what people wrote. */
export function frozenMessage({ target, by, at }: Freeze): string {
  const what = target === EVERYWHERE ? 'Everything' : target
  return `${what} was frozen by ${by} at ${new Date(at).toISOString()}: no new access until it is lifted. Ask again then.`
}

function stewardIn(policy: Policy, target: string, by: string): { as: readonly string[] } | Refused {
  const all = stewardsOf(policy, target)
  const steward = all.find(({ id }) => id === by)
  if (steward !== undefined) return steward
  return refuse({ code: 'may-not-freeze', target, may: all.map(({ id }) => id).slice(0, MOST_APPROVERS) })
}

/** Every channel once. */
function channelsOf(policy: Policy, target: string): ChannelOn[] {
  const targets = target === EVERYWHERE ? Object.values(policy.targets) : [policy.targets[target]]
  const own = targets.map((one) => one?.channel ?? policy.channel)
  const all = (target === EVERYWHERE ? [policy.channel, ...own] : own).flatMap(channelList)
  return [...new Map(all.map((one) => [`${one.platform} ${one.channel}`, one])).values()]
}
