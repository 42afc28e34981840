/**
 * The one clock of a process. Adapters follow the database's clock; tests move it by hand.
 * Nothing else in `src/` may read the time: no `Date.now()`, no `now()` in our SQL.
 */
export interface Clock {
  /** Epoch milliseconds. Never steps back within a process. */
  now(): number
  /**
   * Runs `task` once, at `atMs` (epoch milliseconds) or as soon as possible after.
   * The task must not throw: it reports its own failures.
   * @returns a function that cancels it; calling it late or twice does nothing.
   */
  runAt(atMs: number, task: () => void): () => void
}
