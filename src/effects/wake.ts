import type { Clock } from '../ports/clock.ts'

/** Also how late something is that another replica decided and did not live to do: nobody poked us for it. */
const LONGEST_SLEEP_MS = 1_000
/** What stays due after a run is looked at again, but not without a breath. */
const BREATH_MS = 20
const FIRST_BACK_OFF_MS = 250
const LONGEST_BACK_OFF_MS = 15_000

/**
 * Wakes for the next due moment and runs what is due: a timer of every replica, for what must be
 * punctual. It owns no list: `nextDue` is asked before every sleep, so a moment that another replica
 * took care of, or that came in without a `poke`, is found within a second.
 *
 * `run` must leave nothing due that it could do; who does the work among replicas is for `run` to settle.
 */
export function createWaker({ clock, nextDue, run, onError }: WakerOptions): Waker {
  let cancel: () => void = () => undefined
  let looking: Promise<void> | null = null
  let lookAgain = false
  let stopped = false
  let failures = 0

  function poke(): void {
    if (stopped) return
    cancel()
    if (looking) {
      lookAgain = true
      return
    }
    looking = look().finally(() => {
      looking = null
      if (lookAgain) {
        lookAgain = false
        poke()
      }
    })
  }

  async function look(): Promise<void> {
    const wakeAt = await runWhatIsDue()
    if (stopped || lookAgain) return
    cancel = clock.runAt(wakeAt, poke)
  }

  /** @returns when to look next */
  async function runWhatIsDue(): Promise<number> {
    try {
      const due = await nextDue()
      if (due !== null && due <= clock.now() && !stopped) {
        await run(clock.now())
        failures = 0
        return clock.now() + BREATH_MS
      }
      failures = 0
      return Math.min(due ?? Number.POSITIVE_INFINITY, clock.now() + LONGEST_SLEEP_MS)
    } catch (error) {
      onError(error)
      return clock.now() + Math.min(FIRST_BACK_OFF_MS * 2 ** failures++, LONGEST_BACK_OFF_MS)
    }
  }

  return {
    poke,
    async stop() {
      stopped = true
      cancel()
      await looking
    },
  }
}

export interface WakerOptions {
  clock: Clock
  /** The earliest moment that something is due, past or future, epoch milliseconds; null when nothing is. */
  nextDue: () => Promise<number | null>
  run: (now: number) => Promise<void>
  /** Must not throw. The waker tries again by itself. */
  onError: (error: unknown) => void
}

export interface Waker {
  /** Looks now: to begin with, and whenever something earlier may have come. */
  poke(): void
  /** Waits for what is running. Twice is harmless. */
  stop(): Promise<void>
}
