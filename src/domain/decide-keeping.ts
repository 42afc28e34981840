import { MOST_APPROVERS } from './approvers.ts'
import { checkReason } from './check-reason.ts'
import type { Approver, Assurance } from './grant-event.ts'
import type { KeepingEvent, Scope } from './keeping-event.ts'
import { type Asking, type Erasure, type Hold, holdsAt, type KeepingState } from './keeping-state.ts'
import type { WhyKept } from './may-erase.ts'
import type { Policy } from './policy.ts'
import { type Refusal, type Refused, refuse } from './refusal.ts'
import { keepersOf } from './stewards.ts'

/** A keeper's act, and what it stands on at this moment. */
export interface Keeping {
  readonly by: string
  readonly assurance: Assurance
  readonly policy: Policy
  readonly now: number
  /** Where it is about a grant: whose it is, and who asked for it. */
  readonly holders: readonly string[]
}

export type KeepingDecision = KeepingEvent[] | Refused

/** A second person is to sign on it. */
const KEEPING_REASON = { minLength: 3, maxLength: 1000, pattern: null }

/** The first of two asks for a hold. It holds at once, and stays only if another one places it. */
export function decideHold(
  state: KeepingState,
  { id, scope, said }: { readonly id: string; readonly scope: Scope; readonly said: string },
  keeping: Keeping,
): KeepingDecision {
  const asked = firstOf(scope.kind === 'person' ? [scope.id] : keeping.holders, keeping)
  if ('refused' in asked) return asked
  const badReason = checkReason(said, KEEPING_REASON)
  if (badReason !== null) return badReason
  const same = holdsAt(state, keeping.now).find((one) => one.scope.kind === scope.kind && one.scope.id === scope.id)
  if (same !== undefined) return refuse({ code: 'already-held', hold: same.id, by: same.asked.by, at: same.asked.at })
  return [{ type: 'hold.asked', data: { hold: id, scope, reason: said.trim(), ...asked } }]
}

/** The second places it. */
export function decidePlacing(hold: Hold, keeping: Keeping): KeepingDecision {
  const late = lateFor(hold.placed, hold, keeping.now)
  if (late !== null) return { refused: late }
  const by = secondOf(hold.asked, subjectsOf(hold, keeping), keeping)
  if ('refused' in by) return by
  return [{ type: 'hold.placed', data: { hold: hold.id, ...signed(by.by, keeping) } }]
}

/**
 * Lifting takes two distinct keepers: the first asks, the second lifts. A first signature whose giver is no keeper any
 * more, or that is older than a request may wait, is asked for again.
 */
export function decideLifting(hold: Hold, keeping: Keeping): KeepingDecision {
  if (hold.placed === null || hold.over !== null) return refuse({ code: 'not-held', hold: hold.id })
  const subjects = subjectsOf(hold, keeping)
  const { lift } = hold
  const stands =
    lift !== null &&
    keeping.now < lift.askedUntil &&
    keepersBut(subjects, keeping.policy).some(({ id }) => id === lift.by)
  if (stands) {
    const by = secondOf(lift, subjects, keeping)
    return 'refused' in by ? by : [{ type: 'hold.lifted', data: { hold: hold.id, ...signed(by.by, keeping) } }]
  }
  const asked = firstOf(subjects, keeping)
  return 'refused' in asked ? asked : [{ type: 'hold.lift-asked', data: { hold: hold.id, ...asked } }]
}

/** What is on record of a person and could be erased, and what stays. */
export interface TextsOf {
  readonly texts: number
  /** Of those that stay, why each does. */
  readonly kept: readonly WhyKept[]
}

/** The first of two asks that what can be erased of a person is. */
export function decideErasure(
  { id, person, said, found }: { id: string; person: string; said: string; found: TextsOf },
  keeping: Keeping,
): KeepingDecision {
  const asked = firstOf([person], keeping)
  if ('refused' in asked) return asked
  const badReason = checkReason(said, KEEPING_REASON)
  if (badReason !== null) return badReason
  const nothing = refuseNothing(person, found)
  if (nothing !== null) return nothing
  const counts = { texts: found.texts, kept: found.kept.length }
  return [{ type: 'erasure.asked', data: { erasure: id, person, reason: said.trim(), ...counts, ...asked } }]
}

/** The second orders it: from the commit on it is carried out. */
export function decideErasureOrder(erasure: Erasure, found: TextsOf, keeping: Keeping): KeepingDecision {
  const late = lateFor(erasure.ordered, erasure, keeping.now)
  if (late !== null) return { refused: late }
  const by = secondOf(erasure.asked, [erasure.person], keeping)
  if ('refused' in by) return by
  const nothing = refuseNothing(erasure.person, found)
  if (nothing !== null) return nothing
  return [{ type: 'erasure.ordered', data: { erasure: erasure.id, ...signed(by.by, keeping) } }]
}

/** Whoever asked takes it back; whoever may confirm declines. */
export function decideKeepingDecline(motion: Hold | Erasure, keeping: Keeping): KeepingDecision {
  const { by, policy, assurance, now } = keeping
  const lift = 'lift' in motion && motion.placed !== null ? motion.lift : null
  const waits = lift ?? motion.asked
  if (lift === null) {
    const late = lateFor('placed' in motion ? motion.placed : motion.ordered, motion, now)
    if (late !== null) return { refused: late }
  }
  if (by !== waits.by) {
    const keeper = keeperIn(subjectsOf(motion, keeping), by, policy)
    if ('refused' in keeper) return keeper
  }
  return [{ type: 'keeping.declined', data: { id: motion.id, by, policy: policy.hash, assurance } }]
}

function refuseNothing(person: string, { texts, kept }: TextsOf): Refused | null {
  const [held] = kept.filter(({ because }) => because === 'held')
  if (held?.because === 'held') return refuse({ code: 'held', hold: held.hold })
  if (texts > 0) return null
  const dates = kept.flatMap(({ until }) => (until === null ? [] : [until]))
  return refuse({
    code: 'nothing-to-erase',
    person,
    kept: kept.length,
    from: dates.length === 0 ? null : Math.min(...dates),
  })
}

/** Whom it is about: none of them signs. */
function subjectsOf(motion: Hold | Erasure, { holders }: Keeping): readonly string[] {
  if ('person' in motion) return [motion.person]
  const { kind, id } = motion.scope
  return kind === 'person' ? [id] : kind === 'grant' ? holders : []
}

function keepersBut(subjects: readonly string[], policy: Policy): Approver[] {
  return keepersOf(policy, null).filter(({ id }) => !subjects.includes(id))
}

function keeperIn(subjects: readonly string[], by: string, policy: Policy): { as: readonly string[] } | Refused {
  if (subjects.includes(by)) return refuse({ code: 'keeping-on-you' })
  const all = keepersBut(subjects, policy)
  return (
    all.find(({ id }) => id === by) ??
    refuse({ code: 'may-not-keep', may: all.map(({ id }) => id).slice(0, MOST_APPROVERS) })
  )
}

function firstOf(subjects: readonly string[], { by, policy, assurance, now }: Keeping) {
  const keeper = keeperIn(subjects, by, policy)
  if ('refused' in keeper) return keeper
  const signers = keepersBut(subjects, policy).filter(({ id }) => id !== by)
  if (signers.length === 0) return refuse({ code: 'second-person-needed', may: [] })
  return {
    ...{ by, as: keeper.as, signers: signers.slice(0, MOST_APPROVERS), askedUntil: now + policy.pendingForMs },
    ...{ policy: policy.hash, assurance },
  }
}

/** The first must still be one who may, and the second another one. */
function secondOf(
  first: Asking,
  subjects: readonly string[],
  { by, policy }: Keeping,
): { by: readonly [string, string] } | Refused {
  const keeper = keeperIn(subjects, by, policy)
  if ('refused' in keeper) return keeper
  const all = keepersBut(subjects, policy)
  const others = all.map(({ id }) => id).filter((id) => id !== first.by)
  if (by === first.by) return refuse({ code: 'second-person-needed', may: others.slice(0, MOST_APPROVERS) })
  if (!all.some(({ id }) => id === first.by)) return refuse({ code: 'first-signer-gone', by: first.by })
  return { by: [first.by, by] }
}

function signed(by: readonly [string, string], { policy, assurance }: Keeping) {
  return { by, policy: policy.hash, assurance }
}

function lateFor(
  signed: { readonly by: readonly string[]; readonly at: number } | null,
  { over, asked }: Hold | Erasure,
  now: number,
): Refusal | null {
  if (over?.how === 'declined') return { code: 'already-decided', outcome: 'declined', by: over.by, at: over.at }
  if (signed !== null) return { code: 'already-decided', outcome: 'confirmed', by: signed.by.slice(1), at: signed.at }
  if (now < asked.askedUntil) return null
  return { code: 'already-decided', outcome: 'expired', by: [], at: asked.askedUntil }
}
