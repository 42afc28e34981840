import type { AnnouncedIn } from './channels.ts'
import type { Independence } from './independence.ts'
import type { PasskeyAssertion } from './passkey-event.ts'
import type { PlatformTime } from './platform-time.ts'

/**
 * The facts of one grant, from the asking to the proof of its removal: one stream (`grant:<id>`), one
 * id. A request that is never granted has the same stream, and simply ends earlier.
 *
 * Identities are opaque ids. `PRIVATE_PATHS` names the free texts: the record keeps them as salted
 * hashes, their words stay erasable.
 */
export type GrantEvent =
  | Fact<
      'request.asked',
      {
        by: string
        for: string
        target: string
        entitlement: string
        /** The target's own name for the entitlement, frozen at the asking. */
        grants: string
        durationMs: number
        reason: string
        pendingUntil: number
        policy: string
        approvers: readonly Approver[]
        /** In words: `1 of manager`, `1 of owners`. */
        rules: readonly string[]
      } & AnnouncedIn
    >
  /** Too few persons may approve: nothing moves until somebody mends the policy or the directory. */
  | Fact<'request.held', { missing: number; escalatedTo: readonly string[] }>
  /** The policy or the directory changed under a pending request. */
  | Fact<
      'request.approvers-changed',
      { approvers: readonly Approver[]; missing: number; rules: readonly string[]; policy: string }
    >
  /** Somebody who may approve was given a link to do it with their passkey. */
  | Fact<'passkey.challenged', { by: string; decision: string; challenge: string; expiresAt: number; policy: string }>
  | Fact<'request.signed', Signed>
  | Fact<'request.approved', { by: readonly string[]; policy: string; usableUntil: number; stepUp?: StepUp }>
  | Fact<'request.denied', { by: string; reason: string; policy: string; assurance: Assurance }>
  /** `order`: by an order that two persons signed, whose second one is `by`. */
  | Fact<'request.cancelled', { by: string; order?: string }>
  | Fact<'request.expired', { pendingUntil: number }>
  /** Whoever asked, or had it asked for them, is not here any more. */
  | Fact<'request.lapsed', { person: string; because: Unfounded }>
  /** Whoever signed left before it was decided: coming back does not make it count again. */
  | Fact<'request.signature-void', { by: string; because: 'left' }>
  /** Somebody tried what they may not, or tried too late. */
  | ActRefused
  /** Approved, and nothing is given yet: what it waits for is tried by itself. */
  | Fact<'grant.waiting', { because: WaitCause }>
  /** The access may exist from here on; `endsBy` is the latest moment at which its removal starts. */
  | Fact<
      'grant.providing',
      {
        account: string
        endsBy: number
        nativeExpiry: number
        checkpointSize: number
        policy: string
        /** Who had confirmed that checkpoint. Not told by versions before 0.2. */
        independence?: Independence
      }
    >
  | Fact<'grant.attempt-failed', { step: GrantStep; code: string; message: string }>
  | Fact<
      'grant.active',
      {
        account: string
        activatedAt: number
        endsAt: number
        /** When the holder is told that the end is near. */
        warnAt: number
        nativeExpiry: number | null
        checks: readonly Look[]
      }
    >
  /** No access was made, and none will be. */
  | Fact<'grant.failed', { code: string; message: string }>
  | Fact<'grant.connection-shown', { by: string }>
  | Fact<'grant.end-near', { endsAt: number }>
  | Fact<'extension.asked', ExtensionAsked>
  | Fact<'extension.signed', Signed>
  | Fact<'extension.approved', { by: readonly string[]; until: number; policy: string; stepUp?: StepUp }>
  | Fact<'extension.denied', { by: string; reason: string; policy: string; assurance: Assurance }>
  /** The target's own expiry was raised and read back; `extension.approved` carried the new end before that. */
  | Fact<'grant.extended', { endsAt: number; warnAt: number; nativeExpiry: number | null }>
  | Fact<'extension.failed', { code: string; message: string }>
  | Fact<'grant.ending', { cause: EndingCause; by: string | null; due: number; order?: string }>
  | Fact<'grant.disabled', StepSeen>
  | Fact<'grant.sessions-ended', StepSeen>
  | Fact<'grant.access-removed', StepSeen>
  /** A look that did not see it gone. */
  | Fact<'grant.looked', { verdict: 'still-present' | 'indeterminate'; checks: readonly Look[]; left: readonly Left[] }>
  /** Looked, and it was gone. */
  | Fact<'grant.removed', { checks: readonly Look[]; left: readonly Left[]; lateMs: number }>
  /** Removal is not proved and a person must look; trying goes on. */
  | Fact<'grant.stuck', { step: GrantStep; code: string; message: string; escalatedTo: readonly string[] }>
  /** A message was given up; `fallback` names the channel that it went to instead, `instead` the platform. */
  | Fact<'notice.undeliverable', { to: string; notice: string; code: string; fallback?: string; instead?: string }>
  /** A message of ours was found deleted, and was posted again. */
  | Fact<'notice.deleted', { notice: string }>
  | Fact<'closed', { count: number }>

/** In a grant's stream, or in the stream of the person (or stranger) when there is no grant, or it is closed. */
export type ActRefused = Fact<
  'act.refused',
  {
    by: string | null
    act: string
    code: string
    /** The refusal's facts, without what the person typed. */
    facts: Readonly<Record<string, unknown>>
    /** What they typed, where that is the point; else empty. */
    said: string
  }
>

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

interface Signed {
  by: string
  as: readonly string[]
  policy: string
  assurance: Assurance
  /** With the assurance `passkey`, and only then. */
  assertion?: PasskeyAssertion
}

interface ExtensionAsked {
  by: string
  durationMs: number
  /** The new end that is asked for. */
  until: number
  reason: string
  policy: string
  approvers: readonly Approver[]
}

export interface Approver {
  readonly id: string
  /** Why they: `manager`, `owner`, `group dba`. */
  readonly as: readonly string[]
}

/** How strongly a decision is bound to a person. */
export type Assurance = 'click-only' | 'passkey'

/** What an approval needed beside the click. Left out by versions that knew of nothing more. */
export type StepUp = 'passkey' | 'none'

/**
 * `witness`: no witness confirms the approval. `policy`: this house runs another policy than the active one, or no
 * witness confirms which one that is. `clock`: the clock fell behind what is on record.
 */
export type WaitCause = 'witness' | 'policy' | 'clock'

export type GrantStep = 'provision' | 'extend' | 'disable' | 'terminate-sessions' | 'remove' | 'verify'

/**
 * `left`: its holder, or whoever asked, is not here any more. `moved`: its holder may not ask for it any more, under the
 * policy and the directory of now.
 */
export type EndingCause = 'expired' | 'done' | 'ended-by-person' | 'ordered' | 'provision-failed' | Unfounded

export type Unfounded = 'left' | 'moved'

/** One look at the target, as kept on the record. */
export interface Look {
  readonly name: string
  readonly expected: string
  readonly observed: string
  readonly ok: boolean
}

/** What a removal left behind. */
export interface Left {
  readonly kind: string
  readonly what: string
}

interface StepSeen {
  summary: string
  checks: readonly Look[]
  left: readonly Left[]
}

/** An event with its place in the stream and its time, as the record gives it back: in `data` there, the platform's time. */
export type Placed<E> = E & { readonly seq: number; readonly at: number } & PlatformTime

/** Free texts by event type, those of freezes, orders, findings and threads too: never in a body in clear. */
export const PRIVATE_PATHS: Readonly<Partial<Record<string, readonly string[]>>> = {
  'request.asked': ['reason'],
  'request.denied': ['reason'],
  'act.refused': ['said'],
  'extension.asked': ['reason'],
  'extension.denied': ['reason'],
  'freeze.set': ['reason'],
  'order.proposed': ['reason'],
  'finding.due-moved': ['reason'],
  'finding.fixed': ['done'],
  'finding.retested': ['saw'],
  'finding.acceptance-asked': ['reason', 'control'],
  'thread.written': ['text'],
  'thread.edited': ['text'],
  'thread.redaction-asked': ['reason'],
  'hold.asked': ['reason'],
  'erasure.asked': ['reason'],
  'identity.entered': ['profile'],
  'identity.changed': ['profile'],
  'origin-started': ['reason'],
  'activity.collected': ['addresses', 'text'],
  'activity.after-removal': ['addresses', 'text'],
  'activity.without-grant': ['addresses', 'text'],
}

const GRANT_STREAM = /^grant:(G-[0-9A-HJKMNP-TV-Z]{6})$/

export function grantStream(id: string): string {
  return `grant:${id}`
}

/** The grant id of a stream name, or null for another kind of stream. */
export function grantOfStream(stream: string): string | null {
  return GRANT_STREAM.exec(stream)?.[1] ?? null
}

/** Reads an id as a person typed it: any case, `O` for `0`, `I` and `L` for `1` (Crockford base 32). */
export function readGrantId(typed: string): string | null {
  const body = /^(?:G-?)?([0-9A-Z]{6})$/.exec(typed.trim().toUpperCase())?.[1]
  if (body === undefined) return null
  return grantOfStream(grantStream(`G-${readIdBody(body)}`))
}

/** Letters that are drawn like digits are those digits (Crockford base 32). */
export function readIdBody(typed: string): string {
  return typed.replaceAll('O', '0').replaceAll(/[IL]/g, '1')
}
