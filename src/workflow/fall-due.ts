import { decideDue } from '../domain/decide-ending.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { advanceGrant } from './advance-grant.ts'
import type { Context } from './context.ts'
import { findDue, findEnding, findNextDue } from './find-grants.ts'
import { revokeGrant } from './revoke-grant.ts'

/** Removals that this process runs at once: each holds few connections to its target. */
const AT_ONCE = 32
/** How soon a removal that failed is tried again. */
const AGAIN_MS = 5_000
/** How soon another worker's removal is looked at again: that worker may have died, and its lane is free then. */
const BUSY_AGAIN_MS = 500

/**
 * The timer's two halves: when something falls due next, and doing what is due. What is due is read
 * from the folded grants; who writes the first event of an ending has claimed it.
 */
export function createFallDue(context: Context): FallDue {
  const running = new Map<string, Promise<void>>()
  const notBefore = new Map<string, number>()
  let kick = () => {}

  async function run(now: number): Promise<void> {
    const due = await findDue(context.db, now)
    await eachUpTo(AT_ONCE, due, async (id) => {
      const decide = (latest: GrantState, at: number) => decideDue(latest, at)
      const { state, wrote } = await advanceGrant(context, id, decide)
      if (wrote) await context.reached('due:after-commit')
      if (state?.status === 'ending') takeAway(id)
    })
    for (const id of await findEnding(context.db)) takeAway(id)
  }

  /** Starts a removal, unless it is running here, or was tried a moment ago, or too many are running. */
  function takeAway(id: string): void {
    if (running.has(id) || running.size >= AT_ONCE) return
    if ((notBefore.get(id) ?? 0) > context.clock.now()) return
    const work = revokeGrant(context, id)
      .then((outcome) => {
        if (outcome === 'gone') notBefore.delete(id)
        else notBefore.set(id, context.clock.now() + (outcome === 'busy' ? BUSY_AGAIN_MS : AGAIN_MS))
      })
      .catch((error: unknown) => {
        notBefore.set(id, context.clock.now() + AGAIN_MS)
        const detail = error instanceof Error ? error.message : 'unknown'
        context.alarm({ what: 'revocation-fault', detail, grant: id })
      })
      .finally(() => {
        running.delete(id)
        kick()
      })
    running.set(id, work)
  }

  async function nextDue(): Promise<number | null> {
    const [next, ending] = await Promise.all([findNextDue(context.db), findEnding(context.db)])
    const again = ending.filter((id) => !running.has(id)).map((id) => notBefore.get(id) ?? 0)
    const times = [...(next === null ? [] : [next]), ...again]
    return times.length === 0 ? null : Math.min(...times)
  }

  return {
    run,
    nextDue,
    onFree: (listener) => {
      kick = listener
    },
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running.values())
    },
  }
}

/** Runs all, `limit` at a time; one failure does not stop the others, the first is thrown at the end. */
async function eachUpTo<T>(limit: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const failures: unknown[] = []
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

export interface FallDue {
  run(now: number): Promise<void>
  nextDue(): Promise<number | null>
  /** Called whenever a removal has ended and there is room for another. */
  onFree(listener: () => void): void
  /** Resolves when no removal is running here. */
  idle(): Promise<void>
}
