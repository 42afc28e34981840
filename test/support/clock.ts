import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../src/ports/clock.ts'

const TURNS = 5

/** A clock that stands still until the test moves it. Due tasks run in the order of their times. */
export function createTestClock(startMs = Date.UTC(2026, 10, 23, 9)): TestClock {
  let now = startMs
  let nextId = 0
  const tasks = new Map<number, { atMs: number; task: () => void }>()

  function runDue(untilMs: number): boolean {
    const due = [...tasks].filter(([, { atMs }]) => atMs <= untilMs).sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b)
    const [first] = due
    if (!first) return false
    const [id, { atMs, task }] = first
    tasks.delete(id)
    now = Math.max(now, atMs)
    task()
    return true
  }

  async function settle(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) {
      await nextTurn()
      if (runDue(now)) turn = -1
    }
  }

  async function set(atMs: number): Promise<void> {
    if (atMs < now) throw new RangeError(`a clock does not go back: ${atMs} is before ${now}`)
    await settle()
    while (runDue(atMs)) await settle()
    now = atMs
    await settle()
  }

  return {
    now: () => now,
    runAt(atMs, task) {
      const id = nextId++
      tasks.set(id, { atMs, task })
      // Due already: it must not wait for the test to move the clock.
      if (atMs <= now) setImmediate(() => tasks.has(id) && runDue(now))
      return () => void tasks.delete(id)
    },
    set,
    advance: (ms) => set(now + ms),
    settle,
    waiting: () => [...tasks.values()].map(({ atMs }) => atMs).sort((a, b) => a - b),
  }
}

export interface TestClock extends Clock {
  /** Moves on by `ms`, running what comes due at its own time, and lets promises settle after each. */
  advance(ms: number): Promise<void>
  /** Moves on to `atMs`, in the same way. */
  set(atMs: number): Promise<void>
  /** Lets promises and due tasks settle without moving the clock. Work on sockets is not waited for. */
  settle(): Promise<void>
  /** The times of the tasks that wait, soonest first. */
  waiting(): number[]
}
