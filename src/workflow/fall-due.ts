import { classifyFailure } from '../db/failure.ts'
import { decideDue } from '../domain/decide-ending.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { advanceGrant } from './advance-grant.ts'
import type { Context } from './context.ts'
import { findDue, findEnding, findNextDue } from './find-grants.ts'
import { mendGrant } from './mend-grant.ts'
import { reconcileGrant } from './reconcile-target.ts'
import { revokeGrant } from './revoke-grant.ts'

/** Removals that this process runs at once: each holds few connections to its target. */
const AT_ONCE = 32
/** How soon a removal that failed is tried again. */
const AGAIN_MS = 5_000
/** How soon another worker's removal is looked at again: that worker may have died, and its lane is free then. */
const BUSY_AGAIN_MS = 500
/** What the record cannot explain was taken away; how soon that is looked at again. */
const TAMPERED_AGAIN_MS = 60_000
/** A lane that somebody else holds longer than this holds no removal up. */
const BUSY_FOR_MS = 10_000

/**
 * The timer's two halves: when something falls due next, and doing what is due. What is due is read
 * from the folded grants; who writes the first event of an ending has claimed it. A row that lies is
 * mended; a grant that cannot be read is taken away without its record, and holds up no other.
 */
export function createFallDue(context: Context): FallDue {
  const running = new Map<string, Promise<void>>()
  const notBefore = new Map<string, number>()
  const busySince = new Map<string, number>()
  /** Said to be over by their events, since the last look at the rows. */
  const gone = new Set<string>()
  let kick = () => {}

  async function run(now: number): Promise<void> {
    for (const [id, at] of notBefore) if (at <= now) notBefore.delete(id)
    const due = await findDue(context.db, now, seenTo())
    await eachUpTo(AT_ONCE, due, (id) => guarded(id, () => fallDue(id)))
    for (const id of await findEnding(context.db)) {
      if (gone.has(id)) await guarded(id, () => mendGrant(context, id))
      else takeAway(id)
    }
    gone.clear()
  }

  async function fallDue(id: string): Promise<void> {
    const decide = (latest: GrantState, at: number) => decideDue(latest, at)
    const { state, wrote } = await advanceGrant(context, id, decide)
    if (wrote) await context.reached('due:after-commit')
    if (state?.status === 'ending') takeAway(id)
    else if (!wrote) await mendGrant(context, id)
  }

  /** Without a database everything waits; anything else is the fault of one grant. */
  async function guarded(id: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof RecordTampered) return takeAway(id)
      if (classifyFailure(error) !== 'refused') throw error
      putOff(id, AGAIN_MS)
      context.alarm({ what: 'due-fault', detail: error instanceof Error ? error.message : 'unknown', grant: id })
    }
  }

  /** Starts a removal, unless it is running here, or was tried a moment ago, or too many are running. */
  function takeAway(id: string): void {
    if (running.has(id) || running.size >= AT_ONCE) return
    if ((notBefore.get(id) ?? 0) > context.clock.now()) return
    const work = revoke(id)
      .catch((error: unknown) => {
        putOff(id, AGAIN_MS)
        const detail = error instanceof Error ? error.message : 'unknown'
        context.alarm({ what: 'revocation-fault', detail, grant: id })
      })
      .finally(() => {
        running.delete(id)
        kick()
      })
    running.set(id, work)
  }

  async function revoke(id: string): Promise<void> {
    try {
      const now = context.clock.now()
      const passBusy = now - (busySince.get(id) ?? now) >= BUSY_FOR_MS
      const outcome = await revokeGrant(context, id, { passBusy })
      if (outcome === 'busy') busySince.set(id, busySince.get(id) ?? now)
      else busySince.delete(id)
      if (outcome === 'gone') gone.add(id)
      else putOff(id, outcome === 'busy' ? BUSY_AGAIN_MS : AGAIN_MS)
    } catch (error) {
      if (!(error instanceof RecordTampered)) throw error
      await reconcileGrant(context, id)
      putOff(id, TAMPERED_AGAIN_MS)
    }
  }

  function putOff(id: string, ms: number): void {
    notBefore.set(id, context.clock.now() + ms)
  }

  const seenTo = () => [...running.keys(), ...notBefore.keys()]

  async function nextDue(): Promise<number | null> {
    const [next, ending] = await Promise.all([findNextDue(context.db, seenTo()), findEnding(context.db)])
    const now = ending.some((id) => !running.has(id) && !notBefore.has(id)) ? [0] : []
    const times = [...(next === null ? [] : [next]), ...now, ...notBefore.values()]
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
