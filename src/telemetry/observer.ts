/** What a process notices about its own work while it does it. Everything else is read from the record. */
export interface Observer {
  /** An act of a person was answered. `verb` is one of the verbs' names, never what somebody typed. */
  act(verb: string, outcome: ActOutcome, tookMs: number): void
  /** Chat shows a stream as the record has it; `lateMs` since the oldest event that it did not show before. */
  chatInStep(lateMs: number): void
  /** A card went to the fallback channel, because its own could not be reached. */
  fellBack(): void
  alarm(what: string): void
}

/** `refused` is an expected no. `not-recorded` and `unknown` were said to the person; `failed` is a fault of ours. */
export type ActOutcome = 'answered' | 'refused' | 'repeated' | 'not-recorded' | 'unknown' | 'failed'
