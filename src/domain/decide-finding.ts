import { MOST_APPROVERS } from './approvers.ts'
import { checkReason } from './check-reason.ts'
import { DAY } from './duration.ts'
import { dueAfterMs } from './finding-due.ts'
import type { FindingEvent, ReminderCause } from './finding-event.ts'
import { findingKindOf } from './finding-kinds.ts'
import type { FindingState } from './finding-state.ts'
import type { Assurance } from './grant-event.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'
import { findingStewardsOf } from './stewards.ts'

/** A person's act on a finding, and what it stands on at this moment. */
export interface Settling {
  readonly by: string
  readonly assurance: Assurance
  readonly policy: Policy
  readonly now: number
}

/** What was done, why it waits, what stands in its place: others are to judge it. */
const WORDS = { minLength: 3, maxLength: 1000, pattern: null }
/** An exception is looked at again at least so often. */
export const LONGEST_ACCEPTANCE_MS = 180 * DAY
/** From now: who needs longer asks two persons. */
const LONGEST_DELAY_MS = 30 * DAY

/** Somebody sees to it from now on. */
export function decideTaking(state: FindingState, settling: Settling): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  if (state.takenBy === settling.by) return refuse({ code: 'finding-taken', by: settling.by })
  return [{ type: 'finding.taken', data: signed }]
}

/** Later or sooner, with a reason. */
export function decideDueDate(
  state: FindingState,
  asked: { readonly inMs: number; readonly reason: string },
  settling: Settling,
): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  if (asked.inMs > LONGEST_DELAY_MS)
    return refuse({ code: 'finding-too-long', askedMs: asked.inMs, maxMs: LONGEST_DELAY_MS })
  const bad = checkReason(asked.reason, WORDS)
  if (bad !== null) return bad
  if (state.persons.includes(settling.by)) return refuse({ code: 'finding-on-you' })
  const due = settling.now + asked.inMs
  const latest = state.dueAtFirst + LONGEST_DELAY_MS
  // Else one person puts it off for ever, a little at a time.
  if (due > latest) return refuse({ code: 'finding-put-off', until: latest })
  return [{ type: 'finding.due-moved', data: { ...signed, due, reason: asked.reason.trim() } }]
}

/** Somebody says what was done. Nobody has looked yet. */
export function decideFix(state: FindingState, done: string, settling: Settling): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  const bad = checkReason(done, WORDS)
  if (bad !== null) return bad
  return [{ type: 'finding.fixed', data: { ...signed, done: done.trim() } }]
}

/** Who may have the machine look: whoever settles it, the fixer too. */
export function mayRetest(state: FindingState, settling: Settling): Refused | { readonly as: readonly string[] } {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  return state.fix === null ? refuse({ code: 'finding-not-fixed' }) : signed
}

/** Somebody else than who fixed it, and than whom it is about, says what they saw. */
export function decideRetest(
  state: FindingState,
  seen: { readonly passed: boolean; readonly saw: string },
  settling: Settling,
): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  const { by } = settling
  if (state.fix === null) return refuse({ code: 'finding-not-fixed' })
  if (state.persons.includes(by)) return refuse({ code: 'finding-on-you' })
  if (state.fixers.includes(by))
    return refuse({ code: 'finding-own-fix', may: others(state, settling.policy, state.fixers) })
  const bad = checkReason(seen.saw, WORDS)
  if (bad !== null) return bad
  return [{ type: 'finding.retested', data: { by, passed: seen.passed, saw: seen.saw.trim() } }]
}

/**
 * What the machine saw; on record where it is news. Where no more is asked for the cause, and nothing that financial
 * reporting relies on is touched, it closes what is gone.
 */
export function decideMachineRetest(
  state: FindingState,
  seen: { readonly gone: boolean; readonly saw: string },
  policy: string,
): FindingEvent[] {
  if (state.status === 'closed') return []
  const looked: FindingEvent = { type: 'finding.retested', data: { by: null, passed: seen.gone, saw: seen.saw } }
  const closesItself = seen.gone && !state.financial && findingKindOf(state.cause)?.closesItself === true
  if (closesItself) return [looked, { type: 'finding.closed', data: { by: null, as: [], policy, assurance: null } }]
  if (state.status === 'fixed' || (state.status === 'retested' && !seen.gone)) return [looked]
  const last = state.retest?.by === null && state.retest.at >= state.lastSeenAt ? state.retest.passed : false
  return last === seen.gone || state.status === 'retested' ? [] : [looked]
}

/** By another person than whoever made a fix, who is not whom it is about, after a look since the fix that found it gone. */
export function decideClosing(state: FindingState, settling: Settling): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  const { by, policy } = settling
  if (state.fix === null) return refuse({ code: 'finding-not-fixed' })
  if (state.persons.includes(by)) return refuse({ code: 'finding-on-you' })
  if (state.fixers.includes(by)) return refuse({ code: 'finding-own-fix', may: others(state, policy, state.fixers) })
  if (state.status !== 'retested') return refuse({ code: 'finding-not-retested' })
  return [{ type: 'finding.closed', data: signed }]
}

/** The first of two says until when it may rest, why, and what is done instead. */
export function decideAcceptance(
  state: FindingState,
  asked: { readonly forMs: number; readonly reason: string; readonly control: string },
  settling: Settling,
): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  if (state.persons.includes(settling.by)) return refuse({ code: 'finding-on-you' })
  if (asked.forMs > LONGEST_ACCEPTANCE_MS) {
    return refuse({ code: 'finding-too-long', askedMs: asked.forMs, maxMs: LONGEST_ACCEPTANCE_MS })
  }
  const bad = checkReason(asked.reason, WORDS) ?? checkReason(asked.control, WORDS)
  if (bad !== null) return bad
  if (others(state, settling.policy, [settling.by]).length === 0)
    return refuse({ code: 'second-person-needed', may: [] })
  const texts = { reason: asked.reason.trim(), control: asked.control.trim() }
  return [{ type: 'finding.acceptance-asked', data: { ...signed, until: settling.now + asked.forMs, ...texts } }]
}

/** The second, another one. */
export function decideSecondAcceptance(state: FindingState, settling: Settling): FindingEvent[] | Refused {
  const signed = signedBy(state, settling)
  if ('refused' in signed) return signed
  const { by, policy, now, assurance } = settling
  const { asked } = state
  if (asked === null || now >= asked.until) return refuse({ code: 'finding-nothing-asked' })
  if (state.persons.includes(by)) return refuse({ code: 'finding-on-you' })
  if (by === asked.by) return refuse({ code: 'second-person-needed', may: others(state, policy, [by]) })
  if (!findingStewardsOf(policy, state.target).some(({ id }) => id === asked.by)) {
    return refuse({ code: 'first-signer-gone', by: asked.by })
  }
  const data = { by: [asked.by, by] as const, as: signed.as, until: asked.until, policy: policy.hash, assurance }
  return [{ type: 'finding.accepted', data }]
}

/** What time alone decides: an exception ends, and somebody is reminded. After a down-time, once. */
export function decideFindingDue(state: FindingState, policy: Policy, now: number): FindingEvent[] {
  if (state.status === 'closed') return []
  if (state.acceptance !== null && state.status === 'accepted' && now >= state.acceptance.until) {
    const due = now + dueAfterMs(policy.findingDue, state)
    return [{ type: 'finding.reopened', data: { because: 'acceptance-over', detail: null, due } }]
  }
  const reminder = reminderAt(state, now)
  if (reminder === null || reminder.moment <= state.remindedFor) return []
  const to = remindedPersons(state, policy, reminder.because)
  return [{ type: 'finding.reminded', data: { ...reminder, to: to.slice(0, MOST_APPROVERS) } }]
}

const SOON_MS = 2 * DAY

/** The newest point of its time that has come, for which somebody is to be reminded. */
function reminderAt(state: FindingState, now: number): { because: ReminderCause; moment: number } | null {
  if (state.status === 'accepted') {
    const moment = (state.acceptance?.until ?? now) - SOON_MS
    return now >= moment ? { because: 'acceptance-ends', moment } : null
  }
  const { due, openedAt } = state
  const days = Math.floor((now - due) / DAY)
  if (days >= 1) return { because: 'overdue', moment: due + days * DAY }
  if (now >= due) return { because: 'due', moment: due }
  // What is due within four days is reminded of half-way.
  const soon = due - Math.min(SOON_MS, Math.max(0, due - openedAt) / 2)
  return now >= soon ? { because: 'due-soon', moment: soon } : null
}

/** Who has it in hand, else its owners; once it is overdue for a day, whoever is told of what is stuck, too. */
function remindedPersons(state: FindingState, policy: Policy, because: ReminderCause): string[] {
  const stewards = findingStewardsOf(policy, state.target).map(({ id }) => id)
  const named = state.takenBy !== null ? [state.takenBy] : state.owners.map(({ id }) => id)
  const here = named.filter((id) => stewards.includes(id))
  const first = here.length > 0 ? here : stewards
  const more = because === 'overdue' ? policy.escalateTo.filter((id) => stewards.includes(id)) : []
  return [...new Set([...first, ...more])]
}

type Signing = Extract<FindingEvent, { type: 'finding.taken' }>['data']

/** Who may, by the policy of now, and only while it is open. */
function signedBy(state: FindingState, { by, policy, assurance }: Settling): Signing | Refused {
  const stewards = findingStewardsOf(policy, state.target)
  const steward = stewards.find(({ id }) => id === by)
  if (steward === undefined) {
    return refuse({ code: 'may-not-settle', may: stewards.map(({ id }) => id).slice(0, MOST_APPROVERS) })
  }
  if (state.status === 'closed') {
    return refuse({ code: 'finding-closed', by: state.ended?.by ?? null, at: state.ended?.at ?? state.openedAt })
  }
  return { by, as: steward.as, policy: policy.hash, assurance }
}

function others(state: FindingState, policy: Policy, except: readonly string[]): string[] {
  const no = [...except, ...state.persons]
  return findingStewardsOf(policy, state.target)
    .map(({ id }) => id)
    .filter((id) => !no.includes(id))
    .slice(0, MOST_APPROVERS)
}
