import type { ActivityCounts } from '../domain/activity-event.ts'

/**
 * What was done under the accounts of grants, as the target's own log has it. For connectors of targets that write one
 * which the accounts cannot stop or change.
 */
export interface ActivityReader {
  /**
   * Reads on, one bounded piece. Changes nothing in the target. Secrets are taken out before it returns.
   * @param cursor as the reading before gave it; null begins where the log ends now
   * @param since epoch ms; without a cursor: begins with what was written since then
   * @throws ConnectorError
   */
  read(cursor: string | null, since: number | null): Promise<ActivityReading>
}

export type ActivityReading =
  /** The target keeps no such log, or lets nobody read it. */
  { readonly state: 'off'; readonly why: string } | ActivityPiece

export interface ActivityPiece {
  readonly state: 'on'
  /** Where the next reading goes on. Opaque. */
  readonly cursor: string
  /** Nothing more was there. */
  readonly atEnd: boolean
  readonly place: ActivityPlace
  /** How far the target's clock is before ours; null when it did not say. */
  readonly aheadMs: number | null
  /** Why something before this piece cannot be read any more: null when nothing is missing. */
  readonly gap: string | null
  /** What the target writes besides statements. */
  readonly logged: ActivityLogged
  /** Accounts whose statements are not logged, or not any more. */
  readonly unlogged: readonly string[]
  readonly used: readonly UsedAccount[]
}

/** Bytes `from` (inclusive) to `to` (exclusive) of a file of the log. */
export interface ActivityPlace {
  readonly file: string
  readonly from: number
  readonly to: number
}

export interface ActivityLogged {
  /** Beginnings of sessions. */
  readonly connections: boolean
  /** Ends of sessions. */
  readonly disconnections: boolean
  /** What runs inside of functions and blocks. */
  readonly audit: boolean
}

/** What one account did, in one piece of the log. */
export interface UsedAccount extends ActivityCounts {
  readonly account: string
  /** As the target itself remembers it; null for an account that nobody of ours made. */
  readonly grantId: string | null
  readonly lines: number
  readonly bytes: number
  /** SHA-256, hex, of the account's lines as they stand in the file, ends of line included; null for a line past all size. */
  readonly sha256: string | null
  /** By the target's clock, epoch ms. */
  readonly firstAt: number
  readonly lastAt: number
  /** The first of them. */
  readonly sessions: readonly UsedSession[]
  readonly moreSessions: number
  /** What was done, one entry a statement, without secrets. May hold anything that people type. */
  readonly text: readonly string[]
}

export interface UsedSession {
  readonly id: string
  /** Where from, as the target saw it, and what the client calls itself. */
  readonly address: string
  /** Epoch ms, by the target's clock. */
  readonly firstAt: number
  readonly lastAt: number
  readonly statements: number
  /** Whether its login, and its end, are among these lines. */
  readonly began: boolean
  readonly ended: boolean
}
