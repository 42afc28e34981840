import type { Clock } from '../ports/clock.ts'
import { type Witness, WitnessRefused } from '../ports/witness.ts'
import type { WitnessedNote } from './witnessed.ts'

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 30_000

/**
 * Brings checkpoints to one witness, the newest that there is, one at a time. Sealing does not wait for it: what piles
 * up behind a slow witness is covered by the next checkpoint it takes. But a checkpoint at which one key follows another
 * is left out by none: without it, what comes after could not be led back to the key before.
 */
export function createKeeper({ witness, clock, onKept, onRefused }: KeeperOptions): Keeper {
  let handOvers: readonly Note[] = []
  let offered: Note | null = null
  /** Waits for the next attempt after a failure. */
  let resting = false
  let stopped = false
  let busy: Promise<void> | null = null
  let failures = 0
  let error: string | null = null
  let cancelRetry = () => {}

  async function keepNewest(): Promise<void> {
    try {
      for (let note = next(); note; note = next()) await keep(note)
    } finally {
      busy = null
    }
  }

  function next(): Note | null {
    return resting ? null : (handOvers[0] ?? offered)
  }

  async function keep(note: Note): Promise<void> {
    try {
      await witness.keep(note.note)
      failures = 0
      error = null
      if (offered === note) offered = null
      handOvers = handOvers.filter((one) => one !== note)
      await onKept({ ...note, witness: witness.name })
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause)
      if (cause instanceof WitnessRefused) {
        offered = null
        handOvers = []
        onRefused(witness.name, cause)
      } else {
        resting = true
        if (stopped) return
        const waitMs = Math.min(FIRST_RETRY_MS * 2 ** failures++, LAST_RETRY_MS)
        cancelRetry = clock.runAt(clock.now() + waitMs, retry)
      }
    }
  }

  function retry(): void {
    cancelRetry()
    resting = false
    busy ??= keepNewest()
  }

  function forget(): void {
    offered = null
    handOvers = []
    resting = false
    error = null
    cancelRetry()
  }

  return {
    offer(note) {
      if (stopped) return
      offered = note
      if (!resting) busy ??= keepNewest()
    },
    offerHandOver(note) {
      if (stopped) return
      handOvers = [...handOvers, note]
      if (!resting) busy ??= keepNewest()
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
  /** Is kept before anything larger. By rising size. */
  offerHandOver(note: Note): void
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
