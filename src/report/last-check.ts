import type { Db } from '../db/transaction.ts'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'

/** The newest check of the record that is on record. For eyes and metrics: nothing is proved here. */
export async function readLastCheck(db: Db): Promise<LastCheck | null> {
  const [row] = await db<{ at: number; body: string }[]>`
    select at, body from event where type = 'record.checked' and starts_with(stream, ${SYSTEM_STREAM})
    order by at desc limit 1`
  if (row === undefined) return null
  try {
    return { at: row.at, ...JSON.parse(row.body).data }
  } catch {
    // Somebody changed it: that is for the check to tell.
    return null
  }
}

export type LastCheck = Extract<SystemFact, { type: 'record.checked' }>['data'] & { readonly at: number }
