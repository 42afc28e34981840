/**
 * What was done under the account of a grant, as the target's own log has it. In a stream beside the grant's
 * (`activity:<id>`): a decision never waits for it, and it goes on after the grant's own stream is closed, for what was
 * written last is read last.
 */
export type ActivityEvent =
  | Fact<'activity.collected', Used>
  /** The log was read to its end after the access was gone. With the gaps in words. */
  | Fact<
      'activity.ended',
      {
        target: string
        account: string
        outcome: ActivityOutcome
        /** Of the gaps, or why nothing was collected. */
        why: readonly string[]
        /** Without our own looks that the login works, which are counted beside them. */
        sessions: number
        statements: number
        looks?: { readonly sessions: number; readonly statements: number }
      }
    >
  | Fact<'closed', { count: number }>

/** `after:grant:<id>`: the account was used after its grant was seen gone and its activity was closed. */
export type LateActivity = Fact<'activity.after-removal', Used>

/** `unexplained:<target>`: a login of our form that no grant explains. */
export type UnexplainedActivity = Fact<'activity.without-grant', Used>

/** `collection:<target>`: from when on a target's log was read, and where it has holes. */
export type CollectionEvent =
  /** `since`: what was written from then on is read; null for what is written from now on. Epoch ms. */
  | Fact<'collection.began', { since: number | null; file: string; from: number; logged: Logged }>
  /** Something that was written since `from` cannot be read any more. Epoch ms. */
  | Fact<'collection.gap', { from: number; why: string }>
  | Fact<'collection.off', { why: string }>
  /** Somebody stopped the logging of this account's statements, or it was never begun. */
  | Fact<'collection.unlogged', { account: string }>

export type ActivityOutcome = 'complete' | 'gaps' | 'not-collected'

/** What is counted of an account's use. */
export interface ActivityCounts {
  readonly statements: number
  /** Statements by what they begin with: `SELECT`, `ALTER ROLE`. From a closed list. */
  readonly commands: Readonly<Record<string, number>>
  readonly errors: number
  /** Lines of an audit extension. */
  readonly audited: number
  /** Logins that the target refused: anybody may try under any name. */
  readonly refusedLogins: number
  /** Literals and comments that looked like secrets and are not kept. */
  readonly scrubbed: number
  /** Statements of which only the beginning is kept. */
  readonly cut: number
  /** Lines that the sessions wrote and the log does not have: somebody took them out. */
  readonly missing: number
}

/** What an account did in one piece of the log. Times are by the target's clock. */
interface Used extends ActivityCounts {
  target: string
  account: string
  /** Whose grant it is; null where no grant explains it. */
  person: string | null
  /** Bytes `from` (inclusive) to `to` (exclusive) of this file were read. */
  file: string
  from: number
  to: number
  lines: number
  bytes: number
  /** SHA-256 of the account's lines there, as they stand in the file, ends of line included. */
  sha256: string | null
  firstAt: number
  lastAt: number
  /** How far the target's clock was before ours, ms; not known of an older set-up. */
  aheadMs?: number | null
  sessions: readonly {
    readonly id: string
    readonly firstAt: number
    readonly lastAt: number
    readonly statements: number
    readonly began: boolean
    readonly ended: boolean
  }[]
  moreSessions: number
  /** Private: a line a session, its id and where it came from. */
  addresses: string
  /** Private: an entry a statement, without what looked like a secret. */
  text: string
}

/** What the target writes besides statements: beginnings and ends of sessions, and an audit extension's lines. */
interface Logged {
  connections: boolean
  disconnections: boolean
  audit: boolean
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

export type UsedData = Readonly<Used>

export const activityStream = (grant: string) => `activity:${grant}`
export const collectionStream = (target: string) => `collection:${target}`
export const unexplainedStream = (target: string) => `unexplained:${target}`
