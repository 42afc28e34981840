import { inTransaction } from '../db/in-transaction.ts'
import type { GrantEvent } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Context } from './context.ts'
import { appendToGrants } from './grant-store.ts'

const MOST_IN_ONE = 100
/** One is on its way to the disk while the next is prepared. */
const AT_ONCE = 2
/** Whoever keeps the row of one grant locked holds up what is written with it no longer. */
const LOCK_MS = 2_000
/** In a storm the next begins so long after the one before: that makes few and large ones. */
const GATHER_MS = 25

/**
 * Moves many grants on in few transactions: what is asked for while one is under way goes with the next. Each step is
 * still an event of its own, committed before anything is done that rests on it. Only a short cut: whoever is
 * overtaken by another writer, and everybody where a transaction fails, is told so and goes the long way, by itself.
 * @param isStorm whether so many end that nobody is held up when their steps wait for each other
 */
export function createAdvanceTogether(context: Context, isStorm: () => boolean): AdvanceTogether {
  const waiting: Waiting[] = []
  let underWay = 0
  let gathering = false

  function flush(): void {
    if (gathering || underWay >= AT_ONCE || waiting.length === 0) return
    const some = waiting.splice(0, MOST_IN_ONE)
    underWay += 1
    gathering = isStorm()
    if (gathering) setTimeout(gathered, GATHER_MS)
    void write(context, some).finally(() => {
      underWay -= 1
      flush()
    })
  }

  function gathered(): void {
    gathering = false
    flush()
  }

  return (state, decide) =>
    new Promise((resolve) => {
      waiting.push({ state, decide, resolve })
      // What else is asked for in this turn of the loop goes along.
      setImmediate(flush)
    })
}

async function write(context: Context, some: readonly Waiting[]): Promise<void> {
  try {
    const after = await inTransaction(context.db, { timeoutMs: 10_000, lockMs: LOCK_MS }, async (tx) => {
      const now = context.clock.now()
      const steps = some.map(({ state, decide }) => ({ id: state.id, before: state, facts: decide(state, now) }))
      return appendToGrants(
        context,
        tx,
        steps.filter(({ facts }) => facts.length > 0),
        now,
      )
    })
    if (after.size > 0) context.committed()
    for (const { state, resolve } of some) resolve(after.get(state.id) ?? 'overtaken')
  } catch {
    // The long way meets the same fault and says what it is.
    for (const { resolve } of some) resolve('failed')
  }
}

interface Waiting {
  readonly state: GrantState
  readonly decide: Decide
  readonly resolve: (after: Together) => void
}

/** @returns the events of this step; empty when there is none */
export type Decide = (state: GrantState, now: number) => readonly GrantEvent[]

/** The state after, committed; or nothing was written: somebody else is at it or there was nothing to write, or a fault. */
export type Together = GrantState | 'overtaken' | 'failed'

/** @param state folded by this process from what it read */
export type AdvanceTogether = (state: GrantState, decide: Decide) => Promise<Together>
