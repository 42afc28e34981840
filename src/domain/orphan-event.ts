import type { Left, Look } from './grant-event.ts'

/**
 * An access of ours that no live grant explains: a restore lost the events that gave it, or somebody
 * changed the record. It is taken away, in a stream of its own (`orphan:<grant id>`).
 */
export type OrphanFact =
  | {
      readonly type: 'orphan.found'
      readonly data: {
        readonly target: string
        readonly account: string
        readonly grants: readonly string[]
        readonly why: OrphanReason
      }
    }
  | {
      readonly type: 'orphan.removed'
      readonly data: {
        readonly target: string
        readonly account: string
        readonly checks: readonly Look[]
        readonly left: readonly Left[]
      }
    }

/**
 * `not-on-record`: the record knows nothing of it. `already-ended`: it says that it was seen gone.
 * `overdue`: its end is past and could not be recorded. `record-unreadable`: past the target's own
 * expiry, and the record cannot be asked.
 */
export type OrphanReason =
  | 'not-on-record'
  | 'already-ended'
  | 'record-tampered'
  | 'never-provided'
  | 'overdue'
  | 'record-unreadable'

const PREFIX = 'orphan:'

export function orphanStream(grantId: string): string {
  return `${PREFIX}${grantId}`
}

/** The grant id of a stream name; null for another kind of stream, and for one beside a stream that takes no more. */
export function grantOfOrphan(stream: string): string | null {
  const id = stream.startsWith(PREFIX) ? stream.slice(PREFIX.length) : ':'
  return id.includes(':') ? null : id
}
