import type { AnnouncedIn } from './channels.ts'
import { type ActRefused, type Approver, type Assurance, readIdBody } from './grant-event.ts'

/**
 * The facts of one finding: stream `finding:<id>`. Opened by an alarm, closed by a person who neither made the fix nor
 * is whom it is about; or it rests as an exception, for a time that two persons signed.
 */
export type FindingEvent =
  | Fact<
      'finding.opened',
      {
        /** What the alarm is called. */
        cause: string
        subject: FindingSubject
        detail: string
        /** Where it is; null where it is no one target's. */
        target: string | null
        /** Whom it is about: they close nothing here. */
        persons: readonly string[]
        severity: Severity
        /** Whether what financial reporting relies on may be wrong because of it. */
        financial: boolean
        /** Who are to see to it. */
        owners: readonly Approver[]
        due: number
        /** The one before it, of the same cause and subject. */
        after: string | null
        policy: string
      } & AnnouncedIn
    >
  /** Not of each alarm: of what says something new, and ever more rarely of what says the same. */
  | Fact<'finding.seen-again', { detail: string }>
  | Fact<'finding.taken', Signed>
  | Fact<'finding.due-moved', Signed & { due: number /** Private. */; reason: string }>
  /** `done`: what was done about it. Private. */
  | Fact<'finding.fixed', Signed & { done: string }>
  /** `by`: null for the machine. `saw`: private. */
  | Fact<'finding.retested', { by: string | null; passed: boolean; saw: string }>
  /** The first of two who let it rest. `control`: what is done instead. Both texts are private. */
  | Fact<'finding.acceptance-asked', Signed & { until: number; reason: string; control: string }>
  | Fact<
      'finding.accepted',
      { by: readonly [string, string]; as: readonly string[]; until: number; policy: string; assurance: Assurance }
    >
  | Fact<'finding.reopened', { because: 'seen-again' | 'acceptance-over'; detail: string | null; due: number }>
  /** `moment`: for which point of its time. */
  | Fact<'finding.reminded', { because: ReminderCause; moment: number; to: readonly string[] }>
  /** `by`: null where the machine saw that it is gone, and no more is asked for that cause. */
  | Fact<'finding.closed', { by: string | null; as: readonly string[]; policy: string; assurance: Assurance | null }>
  | ActRefused
  | Fact<'closed', { count: number }>

export type Severity = 'critical' | 'high' | 'medium' | 'low'

export type ReminderCause = 'due-soon' | 'due' | 'overdue' | 'acceptance-ends'

/** What it is about: with the cause, what makes two alarms one finding. The whole house has no id. */
export interface FindingSubject {
  readonly kind: 'grant' | 'target' | 'house'
  readonly id: string
}

interface Signed {
  readonly by: string
  readonly as: readonly string[]
  readonly policy: string
  readonly assurance: Assurance
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

const FINDING_STREAM = /^finding:(F-[0-9A-HJKMNP-TV-Z]{6})$/

export function findingStream(id: string): string {
  return `finding:${id}`
}

/** The finding id of a stream name, or null for another kind of stream. */
export function findingOfStream(stream: string): string | null {
  return FINDING_STREAM.exec(stream)?.[1] ?? null
}

/** Reads an id as a person typed it, with its `F-`: without one it would be a grant's. */
export function readFindingId(typed: string): string | null {
  const body = /^F-([0-9A-Z]{6})$/.exec(typed.trim().toUpperCase())?.[1]
  return body === undefined ? null : findingOfStream(findingStream(`F-${readIdBody(body)}`))
}
