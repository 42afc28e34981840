/**
 * Something to be done outside, decided in a transaction and kept with it: it is done at least once
 * after the commit, and never when the transaction was rolled back.
 */
export interface Effect {
  /** Names the handler. Letters, digits, `_`, `-`, `.` and `/`. */
  readonly kind: string
  /**
   * What it is about, such as a grant id. While an effect of the same kind and key waits, another one
   * only replaces its data. One that runs already may be followed by one that waits.
   */
  readonly key: string
  /** Ids, never secrets and never texts from people: a handler loads what holds when it runs. */
  readonly data: EffectData
  /** Not before this moment, epoch milliseconds. Looked for once a second: what must be punctual has its own timer. */
  readonly delayUntil?: number
  /** Higher goes first within its kind; 0 when not said. */
  readonly priority?: number
}

export type EffectData = { readonly [name: string]: string | number | boolean | null }

export interface Handler {
  /**
   * `forever`: never given up, and reported as stuck once. `times`: so many attempts, then given up
   * and reported as stuck. An attempt that died with its process counts.
   */
  readonly retry: 'forever' | { readonly times: number }
  /** Must be harmless when repeated. */
  run(data: EffectData, context: EffectContext): Promise<void>
  /**
   * Of this kind at once in this process; 16 when not said. A look at a queue costs about 1 µs for each
   * effect that waits and takes as many as there is room for: a kind that comes in bursts wants more room.
   */
  readonly concurrency?: number
  /** How long one attempt may take before it counts as failed; 5 minutes when not said. */
  readonly budgetMs?: number
  readonly backOff?: BackOff
}

/** Milliseconds before the second attempt, and the most between any two. */
export interface BackOff {
  readonly firstMs: number
  readonly maxMs: number
}

export interface EffectContext {
  readonly key: string
  /** 1 for the first. */
  readonly attempt: number
  /** Aborted when the budget is spent or the process stops without waiting any longer. */
  readonly signal: AbortSignal
  /** False when another worker has taken the effect over, because this process was silent for too long. */
  stillMine(): Promise<boolean>
}

/** An effect that does not get done. */
export interface Stuck {
  readonly kind: string
  readonly key: string
  readonly data: EffectData
  readonly attempts: number
  readonly error: unknown
  /** True: nobody tries any longer. False: it goes on being tried. */
  readonly givenUp: boolean
}

/**
 * Thrown by a handler that was told when to come back. Any error with a number in `retryAfterMs` is
 * honoured in the same way, so a throttled connector or chat platform needs no translation.
 */
export class RetryLater extends Error {
  override name = 'RetryLater'
  readonly code = 'RETRY_LATER'
  readonly retryAfterMs: number
  constructor(retryAfterMs: number, options?: ErrorOptions) {
    super(`asked to come back in ${retryAfterMs} ms`, options)
    this.retryAfterMs = retryAfterMs
  }
}

/**
 * Thrown by a handler that cannot do it in this process, while another process may. Who put an effect back
 * is otherwise the first to take it again, for ever; so this process takes nothing of the kind for twice the time.
 */
export class LeaveToOthers extends RetryLater {
  override name = 'LeaveToOthers'
}
