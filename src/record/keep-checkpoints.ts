import type { Clock } from '../ports/clock.ts'
import { type Witness, WitnessRefused } from '../ports/witness.ts'
import type { WitnessedNote } from './witnessed.ts'

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 30_000

/**
 * Brings checkpoints to one witness, the newest that there is, one at a time. Sealing does not wait for it: what piles
 * up behind a slow witness is covered by the next checkpoint it takes.
 */
export function createKeeper({ witness, clock, onKept, onRefused }: KeeperOptions): Keeper {
  let offered: Note | null = null
  /** What waits for the next attempt after a failure. */
  let later: Note | null = null
  let stopped = false
  let busy: Promise<void> | null = null
  let failures = 0
  let error: string | null = null
  let cancelRetry = () => {}

  async function keepNewest(): Promise<void> {
    try {
      while (offered) await keep(offered)
    } finally {
      busy = null
    }
  }

  async function keep(note: Note): Promise<void> {
    try {
      await witness.keep(note.note)
      failures = 0
      error = null
      if (offered === note) offered = null
      await onKept({ witness: witness.name, ...note })
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause)
      later = offered
      offered = null
      if (cause instanceof WitnessRefused) {
        later = null
        onRefused(witness.name, cause)
      } else if (!stopped) {
        const waitMs = Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS)
        cancelRetry = clock.runAt(clock.now() + waitMs, retry)
      }
    }
  }

  function retry(): void {
    cancelRetry()
    offered = later
    later = null
    busy ??= keepNewest()
  }

  function forget(): void {
    offered = null
    later = null
    error = null
    cancelRetry()
  }

  return {
    offer(note) {
      if (stopped) return
      if (later) {
        later = note
        return
      }
      offered = note
      busy ??= keepNewest()
    },
    forget,
    error: () => error,
    async stop() {
      stopped = true
      forget()
      await busy
    },
  }
}

type Note = Omit<WitnessedNote, 'witness'>

export interface Keeper {
  offer(note: Note): void
  /** Another process may be making checkpoints now: what was not brought is not brought any more. */
  forget(): void
  /** Why the last attempt failed; null when it did not. */
  error(): string | null
  /** Waits for the attempt that is under way. */
  stop(): Promise<void>
}

export interface KeeperOptions {
  readonly witness: Witness
  readonly clock: Clock
  onKept(note: WitnessedNote): Promise<void>
  /** The witness holds what contradicts the note. Not tried again. */
  onRefused(witness: string, error: WitnessRefused): void
}
