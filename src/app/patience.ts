import { setTimeout as sleep } from 'node:timers/promises'

/** What comes when the time is over still gets so long: most things end in no time. */
const LAST_MS = 1_000

/** Waits for one thing after the other, for so long all together. */
export function createPatience(ms: number): Patience {
  const ended = new AbortController()
  const { signal } = ended
  const over = sleep(ms, undefined, { signal }).catch(() => undefined)
  return {
    async allows(work) {
      const done = new AbortController()
      const late = over
        .then(() => sleep(LAST_MS, false, { signal: AbortSignal.any([signal, done.signal]) }))
        .catch(() => false)
      const inTime = await Promise.race([work.then(() => true), late])
      done.abort()
      return inTime
    },
    end: () => ended.abort(),
  }
}

interface Patience {
  /** @returns false when the work was not done in time */
  allows(work: Promise<unknown>): Promise<boolean>
  end(): void
}
