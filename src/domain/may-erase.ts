import type { Hold } from './keeping-state.ts'
import type { Policy } from './policy.ts'

/** What is asked about before anything of it is erased or pruned: a grant with all that belongs to it, or a person. */
export interface Kept {
  /** Whose it is, who asked, signed, denied or tried; all whom a hold on a person would be about. */
  readonly persons: readonly string[]
  /** Null where it is about no target, or no grant. */
  readonly target: string | null
  readonly grant: string | null
  /** Epoch ms; null while it is open, or somebody still looks into it. */
  readonly endedAt: number | null
  readonly financialReporting: boolean
  /** Calendar years from its end. */
  readonly retentionYears: number
}

/** Why something stays, and when it need not any more; null where nobody can say. */
export type WhyKept =
  | { readonly because: 'held'; readonly hold: string; readonly until: null }
  | { readonly because: 'open'; readonly until: null }
  | { readonly because: 'retention'; readonly until: number }

/**
 * Whether private texts of it may be erased: not under a hold, not while it is open, and where financial reporting is
 * touched not before its retention is over. @param holds those of `holdsAt` @returns null when they may
 */
export function whyNotErased(what: Kept, holds: readonly Hold[], now: number): WhyKept | null {
  return whyHeld(what, holds) ?? whyNotOver(what) ?? (what.financialReporting ? whyRetained(what, now) : null)
}

/** Whether the events of it may be removed altogether: after its retention, whatever it touches. */
export function whyNotPruned(what: Kept, holds: readonly Hold[], now: number): WhyKept | null {
  return whyHeld(what, holds) ?? whyNotOver(what) ?? whyRetained(what, now)
}

function whyHeld({ persons, target, grant }: Kept, holds: readonly Hold[]): WhyKept | null {
  const hold = holds.find(({ scope: { kind, id } }) => {
    switch (kind) {
      case 'everything':
        return true
      case 'person':
        return persons.includes(id)
      case 'target':
        return target === id
      case 'grant':
        return grant === id
      default:
        return kind satisfies never
    }
  })
  return hold === undefined ? null : { because: 'held', hold: hold.id, until: null }
}

function whyNotOver({ endedAt }: Kept): WhyKept | null {
  return endedAt === null ? { because: 'open', until: null } : null
}

function whyRetained({ endedAt, retentionYears }: Kept, now: number): WhyKept | null {
  const until = addYears(endedAt ?? now, retentionYears)
  return now < until ? { because: 'retention', until } : null
}

/** Calendar years in UTC; a 29th of February becomes the 1st of March. */
export function addYears(at: number, years: number): number {
  const date = new Date(at)
  return date.setUTCFullYear(date.getUTCFullYear() + years)
}

/**
 * How long something is kept, and whether it touched financial reporting: by the policy that it was asked under and by
 * the one of now, whichever is stricter. So nobody shortens afterwards how long a thing is kept.
 * @param then null when it cannot be read any more: then it touched financial reporting
 */
export function rulesFor(
  target: string,
  then: Policy | null,
  now: Policy,
): Pick<Kept, 'financialReporting' | 'retentionYears'> {
  const touched = (policy: Policy) =>
    Object.hasOwn(policy.targets, target) && policy.targets[target]?.financialReporting
  return {
    financialReporting: then === null || touched(then) === true || touched(now) === true,
    retentionYears: Math.max(then?.retentionYears ?? UNKNOWN_YEARS, now.retentionYears),
  }
}

/** Of a policy that cannot be read: the default. */
const UNKNOWN_YEARS = 7
