import { classifyFailure } from '../db/failure.ts'
import { inTransaction } from '../db/in-transaction.ts'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { Context } from './context.ts'

/**
 * Every start of a process is a fact: which build ran, with which settings, on which policy. Where the
 * stream was changed so that it takes no more, that is named, and the process starts: somebody has to revoke.
 */
export async function recordStart(
  around: Pick<Context, 'db' | 'record' | 'clock' | 'alarm'>,
  start: Extract<SystemFact, { type: 'system.started' }>['data'],
): Promise<void> {
  const fact: SystemFact = { type: 'system.started', data: start }
  try {
    await inTransaction(around.db, { timeoutMs: 10_000 }, async (tx) => {
      await around.record.append(tx, SYSTEM_STREAM, null, [fact], around.clock.now())
    })
  } catch (error) {
    if (classifyFailure(error) !== 'refused') throw error
    const detail = error instanceof Error ? error.message : 'unknown'
    around.alarm({ what: 'start-not-recorded', detail, grant: null })
  }
}
