import type { Db, Tx } from '../db/transaction.ts'
import { type DigestEvent, type DigestState, digestStream, foldDigest } from '../domain/digest-event.ts'
import type { Context } from './context.ts'
import { readable } from './grant-store.ts'

/** @returns null when no digest of that week was made */
export async function loadDigest(
  { record }: Pick<Context, 'record'>,
  db: Db | Tx,
  week: string,
): Promise<DigestState | null> {
  const events = await record.readStream(db, digestStream(week))
  return foldDigest(events.map((event) => readable<DigestEvent>(event)))
}
