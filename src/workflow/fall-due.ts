import { classifyFailure } from '../db/failure.ts'
import { inTransaction } from '../db/in-transaction.ts'
import { decideDue } from '../domain/decide-ending.ts'
import { grantStream } from '../domain/grant-event.ts'
import { foldGrant, type GrantState } from '../domain/grant-state.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { advanceGrant } from './advance-grant.ts'
import { createAdvanceTogether } from './advance-together.ts'
import type { Context } from './context.ts'
import { findDue, findEnding, findNextDue, lockDue } from './find-grants.ts'
import { appendToGrants, readable } from './grant-store.ts'
import { mendGrant } from './mend-grant.ts'
import { OVERDUE_MS, reconcileGrant } from './reconcile-target.ts'
import { type Revoked, revokeGrant } from './revoke-grant.ts'
import { createTakingAway, type Job, STORM } from './take-away-all.ts'

/** Read, and written, in one go. */
const TOGETHER = 100
/** So long another replica may have it in hand before we look at it by itself. */
const PASSED_OVER_FOR_MS = 500
/** In a storm, what another replica began is left to it for a while. */
const LEFT_FOR_MS = 5_000
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
 * mended; a grant whose record cannot be read, or not be written in time, is taken away without it, and holds
 * up no other.
 */
export function createFallDue(context: Context): FallDue {
  const together = createAdvanceTogether(context, () => removals.inHand.size >= STORM)
  const notBefore = new Map<string, number>()
  /** Still due, and in somebody else's hand: since when. */
  const passedOverSince = new Map<string, number>()
  const busySince = new Map<string, number>()
  /** Being removed, and the step that was taken could not be recorded: since when. */
  const unrecordedSince = new Map<string, number>()
  /** Endings that somebody else wrote, since they were first seen here. */
  const leftToOthers = new Set<string>()
  /** Said to be over by their events, since the last look at the rows. */
  const gone = new Set<string>()
  let kick = () => {}
  const removals = createTakingAway({ work: revoke, onFree: () => kick() })
  /** Beside the timer: who keeps the row of one grant locked holds up that grant alone. */
  const looks = createTakingAway({ work: lookAlone, onFree: () => kick() })

  async function run(now: number): Promise<void> {
    for (const [id, at] of notBefore) if (at <= now) notBefore.delete(id)
    await claim(now)
    const ending = await findEnding(context.db)
    for (const { id, target } of ending) {
      if (gone.has(id)) looks.add({ id, target })
      else takeUp(id, target)
    }
    const still = new Set(ending.map(({ id }) => id))
    for (const id of leftToOthers) if (!still.has(id)) leftToOthers.delete(id)
    gone.clear()
  }

  /**
   * Whoever writes the first event of an ending has it. Of many, each replica takes those that no other has in hand at
   * the moment. What cannot be written with others is looked at by itself: at once after a fault, and where somebody
   * holds its row, once that has taken long.
   */
  async function claim(now: number): Promise<void> {
    const tried = new Set<string>()
    // One is on its way to the disk while the next is decided.
    await eachUpTo(2, [1, 2], async () => {
      for (;;) {
        const claimed = await claimTogether(now, [...seenTo(), ...tried])
        if (claimed.size === 0) return
        for (const [id, state] of claimed) {
          tried.add(id)
          if (state === null) looks.add({ id, target: '' })
          else await written(state)
        }
      }
    })
    for (const id of await passedOver(now, [...seenTo(), ...tried])) looks.add({ id, target: '' })
  }

  /** @returns whom time has decided something about, with what now holds; null where that could not be written */
  async function claimTogether(now: number, except: readonly string[]): Promise<Map<string, GrantState | null>> {
    let ids: string[] = []
    try {
      const after = await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
        ids = await lockDue(tx, now, except, TOGETHER)
        const streams = await context.record.readStreams(tx, ids.map(grantStream))
        const at = context.clock.now()
        const steps = ids.flatMap((id) => {
          const before = foldGrant(id, (streams.get(grantStream(id)) ?? []).map(readable))
          const facts = before === null ? [] : decideDue(before, at)
          return facts.length === 0 ? [] : [{ id, before, facts }]
        })
        return steps.length === 0 ? new Map<string, GrantState>() : appendToGrants(context, tx, steps, at)
      })
      if (after.size > 0) context.committed()
      return new Map(ids.map((id) => [id, after.get(id) ?? null]))
    } catch (error) {
      if (classifyFailure(error) !== 'refused') throw error
      return new Map(ids.map((id) => [id, null]))
    }
  }

  /** Those that are still due because somebody else has had them for long. */
  async function passedOver(now: number, except: readonly string[]): Promise<string[]> {
    const due = new Set(await findDue(context.db, now, except))
    for (const id of passedOverSince.keys()) if (!due.has(id)) passedOverSince.delete(id)
    for (const id of due) if (!passedOverSince.has(id)) passedOverSince.set(id, now)
    return [...due].filter((id) => now - (passedOverSince.get(id) ?? now) >= PASSED_OVER_FOR_MS)
  }

  async function fallDue(id: string): Promise<void> {
    const { state, wrote } = await advanceGrant(context, id, decideDue)
    if (wrote && state !== null) await written(state)
    else if (state?.status === 'ending') removals.add({ id, target: state.target })
    else await mendGrant(context, id)
  }

  async function written(state: GrantState): Promise<void> {
    await context.reached('due:after-commit')
    if (state.status === 'ending') removals.add({ id: state.id, target: state.target, state })
  }

  /** What fails is the fault of one grant; where its end cannot be recorded it is taken away all the same. */
  async function lookAlone({ id, target }: Job): Promise<null> {
    try {
      await fallDue(id)
    } catch (error) {
      if (error instanceof RecordTampered) takeUp(id, target)
      else {
        fault('due-fault', id, error)
        if (classifyFailure(error) !== 'refused') await takeAwayUnrecorded(id)
      }
    }
    return null
  }

  /** @param because known to the caller; else the record says whether it should have ended long ago */
  async function takeAwayUnrecorded(id: string, because?: 'overdue'): Promise<void> {
    try {
      await reconcileGrant(context, id, because)
    } catch (error) {
      fault('revocation-fault', id, error)
    }
  }

  function fault(what: string, id: string, error: unknown): void {
    putOff(id, AGAIN_MS)
    context.alarm({ what, detail: error instanceof Error ? error.message : 'unknown', grant: id })
  }

  /** Takes up an ending, unless it was tried a moment ago. In a storm one that another replica began is left to it. */
  function takeUp(id: string, target: string): void {
    if (removals.inHand.has(id) || (notBefore.get(id) ?? 0) > context.clock.now()) return
    if (removals.inHand.size >= STORM && !leftToOthers.has(id)) {
      leftToOthers.add(id)
      putOff(id, LEFT_FOR_MS)
    } else removals.add({ id, target })
  }

  async function revoke(job: Job, mayRest: () => boolean): Promise<GrantState | null> {
    const { id } = job
    const begunAt = context.clock.now()
    try {
      const outcome = await revokeOnce(job, mayRest)
      unrecordedSince.delete(id)
      return typeof outcome === 'object' ? outcome.disabled : null
    } catch (error) {
      fault('revocation-fault', id, error)
      const since = unrecordedSince.get(id) ?? begunAt
      unrecordedSince.set(id, since)
      if (context.clock.now() - since >= OVERDUE_MS) await takeAwayUnrecorded(id, 'overdue')
      return null
    }
  }

  async function revokeOnce(job: Job, mayRest: () => boolean): Promise<Revoked> {
    const { id } = job
    try {
      const now = context.clock.now()
      const passBusy = now - (busySince.get(id) ?? now) >= BUSY_FOR_MS
      const outcome = await revokeGrant(context, { ...job, passBusy, together, mayRest })
      if (outcome === 'busy') busySince.set(id, busySince.get(id) ?? now)
      else busySince.delete(id)
      if (outcome === 'gone') gone.add(id)
      else if (typeof outcome === 'string') putOff(id, outcome === 'busy' ? BUSY_AGAIN_MS : AGAIN_MS)
      return outcome
    } catch (error) {
      if (!(error instanceof RecordTampered)) throw error
      await reconcileGrant(context, id)
      putOff(id, TAMPERED_AGAIN_MS)
      return 'again'
    }
  }

  function putOff(id: string, ms: number): void {
    notBefore.set(id, context.clock.now() + ms)
  }

  const seenTo = () => [...removals.inHand, ...looks.inHand, ...notBefore.keys()]

  async function nextDue(): Promise<number | null> {
    const next = await findNextDue(context.db, seenTo())
    const times = [...(next === null ? [] : [next]), ...notBefore.values()]
    return times.length === 0 ? null : Math.min(...times)
  }

  return {
    run,
    nextDue,
    onFree: (listener) => {
      kick = listener
    },
    calm: (forMs) => removals.calm(forMs),
    async idle() {
      await looks.idle()
      await removals.idle()
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
  /** Resolves when few removals are in hand here, or after so long, ms. */
  calm(forMs: number): Promise<void>
  /** Resolves when no removal is running here. */
  idle(): Promise<void>
}
