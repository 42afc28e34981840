import type { Clock } from '../ports/clock.ts'
import type { Db } from './transaction.ts'

const REFRESH_MS = 10_000
/** Of several first samples the quickest is the most exact. */
const FIRST_SAMPLES = 3
/** Timers longer than 24.8 days fire at once; and a clock that was moved must be looked at again. */
const LONGEST_SLEEP_MS = 60_000
/** How fast time passes here while the database's clock is behind what was already said. */
const SLOW = 0.5

/**
 * Follows the database's clock: its offset to this process's monotonic clock is measured at the start
 * and every 10 s. When the database's clock jumps ahead, so does this one. When it falls back, this one
 * goes on at half speed until they meet: it neither steps back nor stands still, because an access must
 * not outlive its end. While the database is away it goes on as last measured.
 */
export async function openDatabaseClock(db: Db, options: ClockOptions = {}): Promise<DatabaseClock> {
  const { refreshMs = REFRESH_MS, monotonic = () => performance.now() } = options
  const tasks = new Map<number, { atMs: number; task: () => void }>()
  let nextId = 0
  let closed = false
  let timer: NodeJS.Timeout | undefined

  let best = await measure(db, monotonic)
  for (let sample = 1; sample < FIRST_SAMPLES; sample++) {
    const next = await measure(db, monotonic)
    if (next.roundTripMs < best.roundTripMs) best = next
  }
  let last = best
  let checkedAt = best.monotonicMs
  // What was said last, and when: time goes on from there.
  let said = { monotonicMs: last.monotonicMs, timeMs: last.databaseMs }

  function exact(): number {
    const at = monotonic()
    const passed = Math.max(0, at - said.monotonicMs)
    const database = last.databaseMs + (at - last.monotonicMs)
    said = { monotonicMs: at, timeMs: Math.max(database, said.timeMs + passed * SLOW) }
    return said.timeMs
  }

  const now = () => Math.floor(exact())

  function arm(): void {
    clearTimeout(timer)
    if (closed || tasks.size === 0) return
    const soonest = Math.min(...[...tasks.values()].map(({ atMs }) => atMs))
    const sleepMs = Math.min(Math.max(Math.ceil(soonest - exact()), 0), LONGEST_SLEEP_MS)
    timer = setTimeout(runDue, sleepMs)
    timer.unref()
  }

  function runDue(): void {
    try {
      for (const [id, { atMs, task }] of [...tasks].sort(([, a], [, b]) => a.atMs - b.atMs)) {
        if (atMs > now()) break
        // A task that ran before may have cancelled this one.
        if (tasks.delete(id)) task()
      }
    } finally {
      arm()
    }
  }

  async function look(): Promise<void> {
    const next = await measure(db, monotonic)
    const off = Math.abs(last.databaseMs + (next.monotonicMs - last.monotonicMs) - next.databaseMs)
    checkedAt = next.monotonicMs
    // A slow answer is a vague one: it replaces an exact one only when it contradicts it.
    if (off <= next.roundTripMs / 2 && next.roundTripMs > 2 * last.roundTripMs) return
    exact()
    last = next
    arm()
  }

  let looking: Promise<void> | undefined
  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }

  const refresher = setInterval(() => {
    refresh().catch((error: unknown) => closed || options.onFailure?.(error))
  }, refreshMs)
  refresher.unref()

  return {
    now,
    runAt(atMs, task) {
      const id = nextId++
      tasks.set(id, { atMs, task })
      arm()
      return () => {
        if (tasks.delete(id)) arm()
      }
    },
    refresh,
    skew() {
      const timeMs = exact()
      const at = said.monotonicMs
      const database = last.databaseMs + (at - last.monotonicMs)
      return {
        aheadMs: timeMs - database,
        hostAheadMs: performance.timeOrigin + at - database,
        uncertaintyMs: last.roundTripMs / 2,
        checkedAgoMs: at - checkedAt,
      }
    },
    close() {
      closed = true
      clearInterval(refresher)
      clearTimeout(timer)
      tasks.clear()
    },
  }
}

async function measure(db: Db, monotonic: () => number): Promise<Sample> {
  const before = monotonic()
  const [row] = await db<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
  const after = monotonic()
  if (!row) throw new Error('the database did not tell its time')
  return { monotonicMs: (before + after) / 2, databaseMs: row.ms, roundTripMs: after - before }
}

interface Sample {
  /** The middle between asking and hearing, on our clock. */
  monotonicMs: number
  databaseMs: number
  roundTripMs: number
}

export interface ClockOptions {
  refreshMs?: number
  /** A measurement failed; the clock goes on as last measured. */
  onFailure?: (error: unknown) => void
  /** Milliseconds from any start; for tests. */
  monotonic?: () => number
}

interface ClockSkew {
  /** How far this clock is ahead of the database's, which fell back; 0 normally. */
  aheadMs: number
  /** How far the wall clock that this process started with is ahead of the database's. Negative when behind. */
  hostAheadMs: number
  /** Half the round trip of the measurement in use. */
  uncertaintyMs: number
  /** Since the database was last heard. */
  checkedAgoMs: number
}

export interface DatabaseClock extends Clock {
  /** Measures now. Rejects when the database does not answer. */
  refresh(): Promise<void>
  skew(): ClockSkew
  /** Cancels all tasks. A second call does nothing. */
  close(): void
}
