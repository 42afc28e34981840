import type { Db } from '../db/transaction.ts'
import { type KeepingRun, SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'

/** The newest check of the record that is on record. For eyes and metrics: nothing is proved here. */
export async function readLastCheck(db: Db): Promise<LastCheck | null> {
  return readLast(db, 'record.checked')
}

/** How the newest pruning by the calendar ended; null before the first. For eyes and metrics: nothing is proved here. */
export async function readLastPruning(db: Db): Promise<LastPruning | null> {
  return readLast(db, 'record.kept')
}

/** When the first log of this record began, epoch ms; null before it did. */
export async function readRecordStart(db: Db): Promise<number | null> {
  const [row] = await db<{ at: number | null }[]>`select min(started_at) as at from log`
  return row?.at ?? null
}

async function readLast<T>(db: Db, type: string): Promise<(T & { readonly at: number }) | null> {
  const [row] = await db<{ at: number; body: string }[]>`
    select at, body from event where type = ${type} and starts_with(stream, ${SYSTEM_STREAM})
    order by at desc limit 1`
  if (row === undefined) return null
  try {
    return { ...JSON.parse(row.body).data, at: row.at }
  } catch {
    // Somebody changed it: that is for the check to tell.
    return null
  }
}

export type LastPruning = KeepingRun & { readonly at: number }

export type LastCheck = Extract<SystemFact, { type: 'record.checked' }>['data'] & { readonly at: number }
