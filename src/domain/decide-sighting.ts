import { MOST_APPROVERS } from './approvers.ts'
import { announcedIn } from './channels.ts'
import { HOUR } from './duration.ts'
import { dueAfterMs } from './finding-due.ts'
import type { FindingEvent, FindingSubject } from './finding-event.ts'
import type { FindingKind } from './finding-kinds.ts'
import type { FindingState } from './finding-state.ts'
import type { Policy } from './policy.ts'
import { findingOwnersOf } from './stewards.ts'

/** What an alarm says, with what is known of whom and what it is about. */
export interface Sighting {
  readonly cause: string
  readonly kind: FindingKind
  readonly subject: FindingSubject
  readonly detail: string
  readonly target: string | null
  readonly persons: readonly string[]
}

/** More would not be read; each alarm is on the record by itself. */
const MOST_DETAILS = 20
const LONGEST_DETAIL = 1_000
/** So many findings of one cause are open at most: what comes further is told in one for all of them. */
export const MOST_OF_ONE_CAUSE = 25

/** @param after the id of the one before it, which is closed */
export function decideOpening(sighting: Sighting, policy: Policy, now: number, after: string | null): FindingEvent[] {
  const { cause, kind, subject, target, persons } = sighting
  const known = target !== null && Object.hasOwn(policy.targets, target) ? policy.targets[target] : undefined
  const { severity } = kind
  const financial = kind.touches !== 'running' && touchesReporting(policy, target)
  return [
    {
      type: 'finding.opened',
      data: {
        ...{ cause, subject, detail: sighting.detail.slice(0, LONGEST_DETAIL), target, persons, severity, after },
        financial,
        owners: findingOwnersOf(policy, target).slice(0, MOST_APPROVERS),
        due: now + dueAfterMs(policy.findingDue, { cause, severity, financial }),
        policy: policy.hash,
        ...announcedIn(known?.channel ?? policy.channel),
      },
    },
  ]
}

/** A target that the policy does not know any more may have been one of financial reporting. */
function touchesReporting({ targets }: Policy, target: string | null): boolean {
  const one = target !== null && Object.hasOwn(targets, target) ? targets[target] : undefined
  return one === undefined
    ? Object.values(targets).some(({ financialReporting }) => financialReporting)
    : one.financialReporting
}

/**
 * The same alarm while the finding is open. After a fix it says that the fix did not hold. Else it is written when it
 * says something new, or when ever more time has gone by: a storm of alarms is a few events.
 */
export function decideSighting(state: FindingState, said: string, policy: Policy, now: number): FindingEvent[] {
  if (state.status === 'closed') return []
  const detail = said.slice(0, LONGEST_DETAIL)
  if (state.status === 'fixed' || state.status === 'retested') {
    const due = Math.max(state.due, now + dueAfterMs(policy.findingDue, state))
    return [{ type: 'finding.reopened', data: { because: 'seen-again', detail, due } }]
  }
  const isNews = !state.details.includes(detail) && state.details.length < MOST_DETAILS
  const quietMs = Math.max(HOUR, (state.lastSeenAt - state.openedAt) / 2)
  if (!isNews && now - state.lastSeenAt < quietMs) return []
  // Of details beyond the most, only that it was seen.
  const known = isNews || state.details.includes(detail)
  return [{ type: 'finding.seen-again', data: { detail: known ? detail : (state.details.at(-1) ?? '') } }]
}
