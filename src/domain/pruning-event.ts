/**
 * What was pruned: stream `pruned`, never closed and never pruned itself. The events of whole streams are gone; their
 * leaf hashes, the tree and every checkpoint stay. The database removes what such an event names, in the same
 * transaction, and nothing else.
 */
export interface RecordPruned {
  readonly type: 'record.pruned'
  readonly data: {
    /** Of the log that the leaves are counted in. */
    readonly origin: string
    readonly streams: readonly string[]
    /** Leaf indexes, ascending: `3-5,9`. */
    readonly leaves: string
    readonly events: number
    /** Epoch ms: nothing that was recorded after it is among them. */
    readonly cutoff: number
    /** Calendar years that all of them were kept at least, from their end, and the policy that was in force. */
    readonly retentionYears: number
    readonly policy: string
  }
}

export const PRUNED_STREAM = 'pruned'
