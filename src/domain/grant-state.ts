import { type ChannelOn, readAnnouncedIn } from './channels.ts'
import type {
  Approver,
  Assurance,
  EndingCause,
  GrantEvent,
  GrantStep,
  Left,
  Look,
  Placed,
  WaitCause,
} from './grant-event.ts'
import type { GrantOutcome } from './refusal.ts'

/** What the events of one grant add up to. Only `evolve` makes one. */
export interface GrantState {
  readonly id: string
  readonly seq: number
  readonly status: GrantStatus
  readonly by: string
  readonly for: string
  readonly target: string
  readonly entitlement: string
  readonly grants: string
  readonly durationMs: number
  readonly reason: string
  readonly announcedIn: readonly ChannelOn[]
  readonly rules: readonly string[]
  readonly askedAt: number
  readonly pendingUntil: number
  readonly approvers: readonly Approver[]
  /** How many persons are missing even if everybody eligible signed. */
  readonly missing: number
  readonly signatures: readonly Signature[]
  readonly approval: { readonly by: readonly string[]; readonly at: number; readonly usableUntil: number } | null
  /** What an approved grant waits for, once that takes longer than people expect. */
  readonly waitsFor: WaitCause | null
  /** Who ended the request before it was granted, and when. */
  readonly refusedBy: { readonly by: string | null; readonly at: number; readonly reason: string | null } | null
  /** Set from `grant.providing` on: the access may exist. */
  readonly access: Access | null
  readonly endNearTold: boolean
  readonly extension: Extension | null
  readonly ending: Ending | null
  readonly failure: Failure | null
  readonly stuck: {
    readonly step: GrantStep
    readonly code: string
    readonly message: string
    readonly at: number
  } | null
  readonly closed: boolean
}

/** What went wrong last, and where; `step` is null for a grant that was given up before anything was done. */
export interface Failure {
  readonly step: GrantStep | null
  readonly code: string
  readonly message: string
  readonly at: number
}

export type GrantStatus =
  | 'pending'
  | 'denied'
  | 'cancelled'
  | 'expired'
  | 'planned'
  | 'providing'
  | 'active'
  | 'ending'
  | 'removed'
  | 'failed'

export interface Signature {
  readonly by: string
  readonly at: number
  /** Its place in the stream. */
  readonly seq: number
  readonly assurance: Assurance
}

export interface Access {
  readonly account: string
  /** The latest moment at which removal starts; exact once active. */
  readonly endsAt: number
  readonly activatedAt: number | null
  /** Null until active. */
  readonly warnAt: number | null
  readonly nativeExpiry: number | null
  /** The policy that it was given under, which says on which server. */
  readonly policy: string | null
}

export interface Extension {
  readonly status: 'pending' | 'approved'
  readonly askedSeq: number
  readonly by: string
  readonly until: number
  readonly durationMs: number
  readonly reason: string
  readonly approvers: readonly Approver[]
  readonly signatures: readonly Signature[]
}

export interface Ending {
  readonly cause: EndingCause
  readonly by: string | null
  /** The order of two persons that ended it. */
  readonly order?: string
  readonly due: number
  readonly at: number
  /** When new logins stopped; null before. Lateness is counted to here. */
  readonly disabledAt: number | null
  /** The last step that is on record. */
  readonly done: 'started' | 'disabled' | 'sessions-ended' | 'access-removed' | 'seen-gone'
  /** What the last look saw, while it was not yet gone. */
  readonly lastLook: 'still-present' | 'indeterminate' | null
  readonly checks: readonly Look[]
  readonly left: readonly Left[]
  readonly goneAt: number | null
}

/** Folds a whole stream. @returns null for a stream without events */
export function foldGrant(id: string, events: Iterable<Placed<GrantEvent>>): GrantState | null {
  let state: GrantState | null = null
  for (const event of events) state = evolve(id, state, event)
  return state
}

/** Applies one fact. A stream that does not start with the asking is not a grant. */
export function evolve(id: string, state: GrantState | null, event: Placed<GrantEvent>): GrantState {
  if (state === null) {
    if (event.type !== 'request.asked') throw new Error(`Stream of ${id} starts with ${event.type}, not request.asked`)
    return begin(id, event)
  }
  return { ...state, ...change(state, event), seq: event.seq }
}

function begin(id: string, event: Placed<Extract<GrantEvent, { type: 'request.asked' }>>): GrantState {
  const { by, target, entitlement, grants, durationMs, reason, rules, pendingUntil, approvers } = event.data
  return {
    ...{ id, seq: event.seq, status: 'pending', by, for: event.data.for, target, entitlement, grants, durationMs },
    ...{
      reason,
      announcedIn: readAnnouncedIn(event.data),
      rules,
      askedAt: event.at,
      pendingUntil,
      approvers,
      missing: 0,
      signatures: [],
    },
    ...{
      approval: null,
      waitsFor: null,
      refusedBy: null,
      access: null,
      endNearTold: false,
      extension: null,
      ending: null,
    },
    ...{ failure: null, stuck: null, closed: false },
  }
}

function change(state: GrantState, event: Placed<GrantEvent>): Partial<GrantState> {
  const at = event.at
  switch (event.type) {
    case 'request.asked':
      throw new Error(`${state.id} was asked for twice (seq ${event.seq})`)
    case 'request.held':
      return { missing: event.data.missing }
    case 'request.approvers-changed':
      return { approvers: event.data.approvers, missing: event.data.missing, rules: event.data.rules }
    case 'request.signed':
      return { signatures: [...state.signatures, signatureOf(event)] }
    case 'request.approved':
      return { status: 'planned', approval: { by: event.data.by, at, usableUntil: event.data.usableUntil } }
    case 'request.denied':
      return { status: 'denied', refusedBy: { by: event.data.by, at, reason: event.data.reason } }
    case 'request.cancelled':
      return { status: 'cancelled', refusedBy: { by: event.data.by, at, reason: null } }
    case 'request.lapsed':
      return { status: 'cancelled', refusedBy: { by: null, at, reason: null } }
    case 'request.signature-void':
      return { signatures: state.signatures.filter(({ by }) => by !== event.data.by) }
    case 'request.expired':
      return { status: 'expired', refusedBy: { by: null, at, reason: null } }
    case 'grant.waiting':
      return { waitsFor: event.data.because }
    case 'grant.providing':
      return {
        status: 'providing',
        waitsFor: null,
        access: {
          account: event.data.account,
          endsAt: event.data.endsBy,
          activatedAt: null,
          warnAt: null,
          nativeExpiry: event.data.nativeExpiry,
          policy: event.data.policy,
        },
      }
    case 'grant.active':
      return {
        status: 'active',
        failure: null,
        access: {
          account: event.data.account,
          endsAt: event.data.endsAt,
          activatedAt: event.data.activatedAt,
          warnAt: event.data.warnAt,
          nativeExpiry: event.data.nativeExpiry,
          policy: state.access?.policy ?? null,
        },
      }
    case 'grant.failed':
      return { status: 'failed', failure: { ...event.data, step: null, at } }
    case 'grant.end-near':
      return { endNearTold: true }
    case 'extension.asked':
      return { extension: { ...event.data, status: 'pending', askedSeq: event.seq, signatures: [] } }
    case 'extension.signed':
      return changeExtension(state, (e) => ({ signatures: [...e.signatures, signatureOf(event)] }))
    case 'extension.approved':
      return changeExtension(state, () => ({ status: 'approved' }))
    case 'extension.denied':
    case 'extension.failed':
      return { extension: null }
    case 'grant.extended':
      return {
        extension: null,
        endNearTold: false,
        ...changeAccess(state, event.data),
      }
    case 'grant.ending':
      return {
        status: 'ending',
        extension: null,
        ending: {
          ...event.data,
          at,
          disabledAt: null,
          done: 'started',
          lastLook: null,
          checks: [],
          left: [],
          goneAt: null,
        },
      }
    case 'grant.disabled':
      return { ending: { ...stepped(state, 'disabled', event.data.left), disabledAt: at } }
    case 'grant.sessions-ended':
      return { ending: stepped(state, 'sessions-ended', event.data.left) }
    case 'grant.access-removed':
      return { ending: stepped(state, 'access-removed', event.data.left) }
    case 'grant.removed': {
      const ending = theEnding(state)
      return {
        status: ending.cause === 'provision-failed' ? 'failed' : 'removed',
        ending: { ...ending, done: 'seen-gone', checks: event.data.checks, left: event.data.left, goneAt: at },
        stuck: null,
      }
    }
    case 'grant.stuck':
      return { stuck: { step: event.data.step, code: event.data.code, message: event.data.message, at } }
    case 'grant.attempt-failed':
      return { failure: { ...event.data, at } }
    case 'closed':
      return { closed: true }
    case 'grant.looked':
      return { ending: { ...theEnding(state), lastLook: event.data.verdict } }
    case 'act.refused':
    case 'passkey.challenged':
    case 'grant.connection-shown':
    case 'notice.undeliverable':
    case 'notice.deleted':
      return {}
    default:
      throw new UnknownEvent(state.id, event satisfies never)
  }
}

function signatureOf({
  data,
  at,
  seq,
}: Placed<Extract<GrantEvent, { type: 'request.signed' | 'extension.signed' }>>): Signature {
  return { by: data.by, at, seq, assurance: data.assurance }
}

/** A newer version wrote it: this process leaves the stream to those that know. */
export class UnknownEvent extends Error {
  readonly code = 'UNKNOWN_EVENT'
  override name = 'UnknownEvent'
  constructor(id: string, event: { readonly type: string }) {
    super(`${id} has an event ${event.type}, which this version does not know: a newer one must go on with it`)
  }
}

function stepped(state: GrantState, done: Ending['done'], left: readonly Left[]): Ending {
  const ending = theEnding(state)
  return { ...ending, done, left: [...ending.left, ...left] }
}

function theEnding(state: GrantState): Ending {
  if (state.ending === null) throw new Error(`${state.id}: a removal step without grant.ending before it`)
  return state.ending
}

function changeExtension(state: GrantState, patch: (extension: Extension) => Partial<Extension>): Partial<GrantState> {
  if (state.extension === null) throw new Error(`${state.id}: a decision on an extension that nobody asked for`)
  return { extension: { ...state.extension, ...patch(state.extension) } }
}

function changeAccess(state: GrantState, patch: Partial<Access>): Partial<GrantState> {
  if (state.access === null) throw new Error(`${state.id}: an extension of an access that was never made`)
  return { access: { ...state.access, ...patch } }
}

/** A request or grant that may still change. */
export function isOpen(state: GrantState): boolean {
  return !['denied', 'cancelled', 'expired', 'removed', 'failed'].includes(state.status)
}

/** The word that a late click is told, with who and when; null while the request can still be decided. */
export function outcomeOf(state: GrantState): { outcome: GrantOutcome; by: readonly string[]; at: number } | null {
  const refused = state.refusedBy
  switch (state.status) {
    case 'pending':
      return null
    case 'denied':
    case 'cancelled':
    case 'expired':
      return { outcome: state.status, by: refused?.by == null ? [] : [refused.by], at: refused?.at ?? state.askedAt }
    case 'planned':
    case 'providing':
    case 'active':
      return { outcome: 'approved', by: state.approval?.by ?? [], at: state.approval?.at ?? state.askedAt }
    case 'failed':
      return { outcome: 'failed', by: [], at: state.ending?.goneAt ?? state.approval?.at ?? state.askedAt }
    case 'ending':
    case 'removed':
      return {
        outcome: 'ended',
        by: state.ending?.by == null ? [] : [state.ending.by],
        at: state.ending?.at ?? state.askedAt,
      }
    default:
      return state.status satisfies never
  }
}
