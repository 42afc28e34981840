import type { Db, Tx } from '../db/transaction.ts'
import type { Cron } from './slots.ts'

const DAY_MS = 24 * 60 * 60_000
/** What was due longer ago is not caught up. */
const LONGEST_CATCH_UP_MS = 35 * DAY_MS
/** How long rows are kept, for people who look. */
const KEPT_MS = 90 * DAY_MS

export interface Job {
  readonly name: string
  /** Five fields, in the schedule's time zone. */
  readonly cron: string
  /** After a down-time: `each` missed slot in order, or the `latest` only. `each` when not said. */
  readonly catchUp?: 'each' | 'latest'
  /**
   * Decides what is due and keeps it in `tx`, usually as effects. The slot is kept in the same
   * transaction: it is run once, over all replicas and kills. Long work belongs into an effect.
   * @param slot when it was due, epoch milliseconds
   */
  run(tx: Tx, slot: number): Promise<void>
}

/**
 * Runs, in order, the slots of one job that are due and not yet run by anybody. The first failure ends
 * it: a later slot never goes before an earlier one.
 *
 * @param lookedUntil up to here, everything due is known to have been run
 */
export async function runDueSlots(db: Db, job: Job, cron: Cron, now: number, lookedUntil: number): Promise<void> {
  const last = await lastSlot(db, job, now)
  const slots = [...cron.slotsBetween(Math.max(last, lookedUntil, now - LONGEST_CATCH_UP_MS), now)]
  for (const slot of job.catchUp === 'latest' ? slots.slice(-1) : slots) {
    await db.begin(async (tx: Tx) => {
      // A replica that runs the same slot at this moment is waited for here.
      const taken = await tx`
        insert into schedule_slot (job, slot, at) values (${job.name}, ${slot}, ${now})
        on conflict do nothing returning 1`
      if (taken.length === 0) return
      await tx`delete from schedule_slot where job = ${job.name} and slot < ${now - KEPT_MS}`
      await job.run(tx, slot)
    })
  }
}

/** A job that was never seen before starts now: it has missed nothing. A slot that is still to come says nothing. */
async function lastSlot(db: Db, job: Job, now: number): Promise<number> {
  const [row] = await db<{ slot: number | null }[]>`
    select max(slot) as slot from schedule_slot where job = ${job.name} and slot <= ${now}`
  if (row?.slot != null) return row.slot
  await db`insert into schedule_slot (job, slot, at) values (${job.name}, ${now}, ${now}) on conflict do nothing`
  return now
}
