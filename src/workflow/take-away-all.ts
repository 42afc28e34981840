import type { GrantState } from '../domain/grant-state.ts'

/** Removals that this process runs at once: each holds few connections to its target, and a lock of ours. */
const AT_ONCE_A_TARGET = 32
const AT_ONCE = 512
/** So many in hand are a storm: what only tells of them can wait. */
export const STORM = 32

/**
 * The removals that this process has in hand, so many at once a target: one that cannot be reached holds up its own
 * alone. Who can still come in goes first: shutting out comes before clearing away.
 */
export function createTakingAway(options: TakingAwayOptions): TakingAway {
  const { work, onFree } = options
  const inHand = new Set<string>()
  const waiting = new Map<string, { first: Job[]; rest: Job[] }>()
  const running = new Map<string, Promise<void>>()
  const runningOf = new Map<string, number>()
  const forCalm = new Set<() => void>()
  let stopped = false

  function startNext(): void {
    for (const [target, { first, rest }] of waiting) {
      while (!stopped && running.size < AT_ONCE && (runningOf.get(target) ?? 0) < AT_ONCE_A_TARGET) {
        const job = first.shift() ?? rest.shift()
        if (job === undefined) break
        start(job)
      }
      if (first.length + rest.length === 0) waiting.delete(target)
    }
  }

  function start(job: Job): void {
    const { id, target } = job
    runningOf.set(target, (runningOf.get(target) ?? 0) + 1)
    const turn = work(job, () => (waiting.get(target)?.first.length ?? 0) > 0).then((disabled) => {
      running.delete(id)
      runningOf.set(target, (runningOf.get(target) ?? 1) - 1)
      if (disabled === null) inHand.delete(id)
      else queueOf(target).rest.push({ id, target, state: disabled })
      if (inHand.size < STORM) for (const go of forCalm) go()
      startNext()
      if (!waiting.has(target)) onFree()
    })
    running.set(id, turn)
  }

  function queueOf(target: string) {
    const found = waiting.get(target) ?? { first: [], rest: [] }
    waiting.set(target, found)
    return found
  }

  return {
    inHand,
    add(job) {
      if (inHand.has(job.id)) return
      inHand.add(job.id)
      queueOf(job.target).first.push(job)
      startNext()
    },
    calm(forMs) {
      if (inHand.size < STORM) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(go, forMs)
        function go(): void {
          clearTimeout(timer)
          forCalm.delete(go)
          resolve()
        }
        forCalm.add(go)
      })
    },
    async idle() {
      stopped = true
      while (running.size > 0) await Promise.allSettled(running.values())
    },
  }
}

/** One removal. Its target is what its row says: where it waits, and nothing more, hangs on it. */
export interface Job {
  readonly id: string
  readonly target: string
  /** Where it stands, when this process has just written it. */
  readonly state?: GrantState
}

interface TakingAwayOptions {
  /** Must not throw. @returns where it stands, when nobody comes in any more and the rest waits for its turn; else null */
  readonly work: (job: Job, mayRest: () => boolean) => Promise<GrantState | null>
  /** Called when a target has room again and nothing of it waits. */
  readonly onFree: () => void
}

interface TakingAway {
  /** Ids of those that run or wait. */
  readonly inHand: ReadonlySet<string>
  /** Once is enough: one that is in hand stays where it is. */
  add(job: Job): void
  /** Resolves when few are in hand, or after so long, ms. */
  calm(forMs: number): Promise<void>
  /** Begins no more, and waits for those that run. */
  idle(): Promise<void>
}
