import { type ChannelOn, readAnnouncedIn } from './channels.ts'
import type { FindingEvent, FindingSubject, Severity } from './finding-event.ts'
import type { Approver, Placed } from './grant-event.ts'

/** What the events of one finding add up to. Only `evolveFinding` makes one. */
export interface FindingState {
  readonly id: string
  readonly seq: number
  /**
   * `fixed`: somebody says so, and nobody has looked. `retested`: looked at since, and gone. `accepted`: left as it is
   * until a day that two persons signed.
   */
  readonly status: 'open' | 'fixed' | 'retested' | 'accepted' | 'closed'
  readonly cause: string
  readonly subject: FindingSubject
  readonly target: string | null
  readonly persons: readonly string[]
  readonly severity: Severity
  readonly financial: boolean
  readonly owners: readonly Approver[]
  readonly announcedIn: readonly ChannelOn[]
  readonly openedAt: number
  readonly due: number
  /** What was set when it was opened, or opened again; nobody moved it. */
  readonly dueAtFirst: number
  /** How often somebody put off when it is due. */
  readonly moved: number
  readonly after: string | null
  /** What the alarms said, each once, in their order. */
  readonly details: readonly string[]
  readonly lastSeenAt: number
  readonly takenBy: string | null
  readonly fix: { readonly by: string; readonly at: number; readonly done: string } | null
  /** Everybody who ever made a fix here: what did not hold does not make them somebody else. */
  readonly fixers: readonly string[]
  /** The last one; `by` is null for the machine. */
  readonly retest: {
    readonly by: string | null
    readonly at: number
    readonly passed: boolean
    readonly saw: string
  } | null
  /** One of two has signed that it may rest. */
  readonly asked: Acceptance | null
  readonly acceptance: (Acceptance & { readonly second: string }) | null
  /** The point of its time for which somebody was last reminded; 0 for none. */
  readonly remindedFor: number
  readonly ended: { readonly by: string | null; readonly at: number } | null
  readonly closed: boolean
}

/** An exception: why, until when, and what is done instead. */
export interface Acceptance {
  readonly by: string
  readonly at: number
  readonly until: number
  readonly reason: string
  readonly control: string
}

/** Folds a whole stream. @returns null for a stream without events */
export function foldFinding(id: string, events: Iterable<Placed<FindingEvent>>): FindingState | null {
  let state: FindingState | null = null
  for (const event of events) state = evolveFinding(id, state, event)
  return state
}

export function evolveFinding(id: string, state: FindingState | null, event: Placed<FindingEvent>): FindingState {
  const { seq, at } = event
  if (state === null) {
    if (event.type !== 'finding.opened') throw new Error(`Stream of ${id} starts with ${event.type}`)
    const { cause, subject, detail, target, persons, severity, financial, owners, due, after } = event.data
    return {
      ...{ id, seq, status: 'open', cause, subject, target, persons, severity, financial, owners, due, after },
      ...{
        announcedIn: readAnnouncedIn(event.data),
        openedAt: at,
        dueAtFirst: due,
        moved: 0,
        details: [detail],
        lastSeenAt: at,
      },
      ...{
        takenBy: null,
        fix: null,
        fixers: [],
        retest: null,
        asked: null,
        acceptance: null,
        remindedFor: 0,
        ended: null,
      },
      closed: false,
    }
  }
  return { ...state, ...change(state, event), seq }
}

function change(state: FindingState, event: Placed<FindingEvent>): Partial<FindingState> {
  const { at } = event
  switch (event.type) {
    case 'finding.opened':
      throw new Error(`${state.id} was opened twice (seq ${event.seq})`)
    case 'finding.seen-again':
      return seen(state, event.data.detail, at)
    case 'finding.taken':
      return { takenBy: event.data.by }
    case 'finding.due-moved':
      return { due: event.data.due, moved: state.moved + 1 }
    case 'finding.fixed': {
      const { by, done } = event.data
      const fixers = state.fixers.includes(by) ? state.fixers : [...state.fixers, by]
      return { status: 'fixed', fix: { by, at, done }, fixers, acceptance: null, asked: null }
    }
    case 'finding.retested': {
      const retest = { by: event.data.by, at, passed: event.data.passed, saw: event.data.saw }
      if (state.status !== 'fixed' && state.status !== 'retested') return { retest }
      return retest.passed ? { retest, status: 'retested' } : { retest, status: 'open', fix: null }
    }
    case 'finding.acceptance-asked': {
      const { by, until, reason, control } = event.data
      return { asked: { by, at, until, reason, control } }
    }
    case 'finding.accepted': {
      if (state.asked === null) throw new Error(`${state.id} was accepted by one (seq ${event.seq})`)
      return { status: 'accepted', acceptance: { ...state.asked, second: event.data.by[1] }, asked: null }
    }
    case 'finding.reopened':
      return {
        ...{
          status: 'open',
          due: event.data.due,
          dueAtFirst: event.data.due,
          fix: null,
          acceptance: null,
          asked: null,
        },
        ...(event.data.detail !== null && seen(state, event.data.detail, at)),
      }
    case 'finding.reminded':
      return { remindedFor: event.data.moment }
    case 'finding.closed':
      return { status: 'closed', ended: { by: event.data.by, at } }
    case 'closed':
      return { closed: true }
    case 'act.refused':
      return {}
    default:
      throw new UnknownFindingEvent(state.id, event satisfies never)
  }
}

function seen(state: FindingState, detail: string, at: number): Partial<FindingState> {
  return { lastSeenAt: at, details: state.details.includes(detail) ? state.details : [...state.details, detail] }
}

/** Somebody should have seen to it by now. What is accepted rests. */
export function isOverdue({ status, due }: FindingState, now: number): boolean {
  return status !== 'accepted' && status !== 'closed' && now >= due
}

/** A newer version wrote it: this process leaves the stream to those that know. */
export class UnknownFindingEvent extends Error {
  readonly code = 'UNKNOWN_FINDING_EVENT'
  override name = 'UnknownFindingEvent'
  constructor(id: string, event: { readonly type: string }) {
    super(`${id} has an event ${event.type}, which this version does not know: a newer one must go on with it`)
  }
}
