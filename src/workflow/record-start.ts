import { inTransaction } from '../db/in-transaction.ts'
import type { Db } from '../db/transaction.ts'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventRecord } from '../record/record.ts'

/** Every start of a process is a fact: which build ran, with which settings, on which policy. */
export async function recordStart(
  around: { readonly db: Db; readonly record: EventRecord; readonly clock: Clock },
  start: Extract<SystemFact, { type: 'system.started' }>['data'],
): Promise<void> {
  await inTransaction(around.db, { timeoutMs: 10_000 }, async (tx) => {
    const fact: SystemFact = { type: 'system.started', data: start }
    await around.record.append(tx, SYSTEM_STREAM, null, [fact], around.clock.now())
  })
}
