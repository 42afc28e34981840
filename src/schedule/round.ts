import type { Clock } from '../ports/clock.ts'

/**
 * Does the same again and again in this process, from its start on. No table says whether it is its turn: for what is
 * harmless when every replica does it, and must not be switched off by whoever can write the database.
 */
export function createRound({ clock, everyMs, run, onFault }: RoundOptions): Round {
  let cancel = () => {}
  let running: Promise<void> | null = null
  let stopped = false

  function look(): Promise<void> {
    running ??= run()
      .catch(onFault)
      .finally(() => {
        running = null
      })
    return running
  }

  function next(): void {
    if (stopped) return
    cancel = clock.runAt(clock.now() + everyMs, () => {
      next()
      void look()
    })
  }

  return {
    start() {
      next()
      void look()
    },
    async now() {
      await running
      await look()
    },
    async stop() {
      stopped = true
      cancel()
      await running
    },
  }
}

export interface RoundOptions {
  readonly clock: Clock
  readonly everyMs: number
  run(): Promise<void>
  onFault(error: unknown): void
}

export interface Round {
  start(): void
  /** Runs it once more, after the run that may be under way. Never rejects. */
  now(): Promise<void>
  stop(): Promise<void>
}
