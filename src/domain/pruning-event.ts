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

/** Which event says that a stream was pruned. */
export interface StreamPruned extends Pick<RecordPruned['data'], 'origin' | 'leaves' | 'retentionYears' | 'policy'> {
  /** Epoch ms. */
  readonly at: number
  /** Its place in the stream `pruned`. */
  readonly seq: number
}

/** Long lists of leaves would not be read: the event has them all. */
const MOST_CHARACTERS = 80

/** When and why it went, by which event, and what is left. */
export function prunedInWords({ at, seq, retentionYears, policy, origin, leaves }: StreamPruned): string {
  const which =
    leaves.length > MOST_CHARACTERS ? `${leaves.slice(0, leaves.lastIndexOf(',', MOST_CHARACTERS))},…` : leaves
  return [
    `It was pruned on ${new Date(at).toISOString()} by the event ${PRUNED_STREAM} #${seq},`,
    `after its retention of ${retentionYears} years, under the policy ${policy.slice(0, 12)}.`,
    `What remains are its leaf hashes, among the leaves ${which} of ${origin}:`,
    'what it said is gone, and every proof of the others still holds',
  ].join(' ')
}
