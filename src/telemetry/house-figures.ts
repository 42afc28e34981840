/** What the metrics say about the whole house, whichever process is asked. */
export interface HouseFigures {
  readonly endings: { readonly unproved: number; readonly stuck: number }
  readonly record: {
    readonly size: number
    readonly pending: number
    readonly oldestPendingMs: number
    readonly oldestUnwitnessedMs: number
    readonly quarantined: number
  }
  /** The newest check of the record; null before the first. */
  readonly check: {
    readonly ok: boolean
    readonly size: number
    readonly tookMs: number
    readonly ageMs: number
  } | null
  readonly witnesses: readonly WitnessFigures[]
  readonly undeliverable: number
  /** Those in force; `*` stands for everything. */
  readonly freezes: readonly { readonly target: string; readonly forMs: number }[]
  readonly findings: FindingFigures
  /** Null where somebody changed the record of it. */
  readonly keeping: KeepingFigures | null
  /** The newest pruning by the calendar: grants whose retention is over, by what became of them; null before the first. */
  readonly pruning: {
    readonly pruned: number
    readonly held: number
    readonly due: number
    readonly refused: boolean
    readonly ageMs: number
  } | null
  /** Grants that chat is not in step with, and since when. */
  readonly chat: { readonly behind: number; readonly oldestMs: number }
  readonly effects: readonly EffectFigures[]
  /** Steps of endings that came under the tree since the last time. */
  readonly seen: readonly SeenEnding[]
}

export interface FindingFigures {
  /** By severity, each of them; those that are accepted are not among them. */
  readonly open: readonly { readonly severity: string; readonly open: number; readonly overdue: number }[]
  /** Exceptions in force. */
  readonly accepted: number
  /** Those whose own record was changed. */
  readonly unreadable: number
}

export interface KeepingFigures {
  /** In force, or asked for. */
  readonly holds: number
  /** Erasures that were ordered and are not carried out. */
  readonly waiting: number
  /** Texts, since the record began. */
  readonly erased: number
}

export interface WitnessFigures {
  readonly witness: string
  /** Since its newest confirmation. */
  readonly ageMs: number
  /** Of the newest checkpoint: from the commit of its oldest event to the confirmation. */
  readonly lagMs: number
}

export type SeenEnding =
  | { readonly step: 'begun'; readonly cause: string; readonly lateMs: number }
  | { readonly step: 'proved'; readonly lateMs: number }
  | { readonly step: 'stuck' }

export interface EffectFigures {
  readonly kind: string
  readonly waiting: number
  readonly running: number
  readonly stuck: number
  readonly givenUp: number
  /** Negative when none is due yet. */
  readonly lateByMs: number
}
