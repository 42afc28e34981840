import type { Text } from '../../ports/chat.ts'
import type { SeenAccount } from '../../workflow/look-at-target.ts'

/** What stands beside the chat. Read about once a second while somebody looks; a failure is shown, never guessed over. */
export interface Panes {
  target(): Promise<TargetPane>
  record(): Promise<RecordPane>
}

/** What exists in one target right now, as the target itself shows it. */
export interface TargetPane {
  readonly target: string
  readonly accounts: readonly SeenAccount[]
}

/** The newest of the record, and how far it is sealed. */
export interface RecordPane {
  readonly checkpoint: RecordCheckpoint | null
  readonly witnesses: readonly RecordWitness[]
  /** Newest first. */
  readonly events: readonly RecordEvent[]
}

interface RecordCheckpoint {
  readonly size: number
  /** The root hash as the signed note has it; shortened for reading by the page. */
  readonly root: string
  readonly signedAt: number
}

interface RecordWitness {
  readonly name: string
  readonly strength: 'weak' | 'independent'
  /** The size of the newest checkpoint that it keeps; null when it keeps none. */
  readonly size: number | null
}

export interface RecordEvent {
  /** Stays the same while the seal changes: stream and seq. */
  readonly id: string
  /** Its place in the tree; null while it is unsealed. */
  readonly leafIndex: number | null
  readonly what: Text
  readonly at: number
  readonly seal: 'unsealed' | 'sealed' | 'witnessed'
}
