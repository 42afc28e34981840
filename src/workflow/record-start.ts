import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { Context } from './context.ts'
import { recordFact } from './record-fact.ts'

/** Every start of a process is a fact: which build ran, with which settings, on which policy. */
export async function recordStart(
  around: Pick<Context, 'db' | 'record' | 'clock'>,
  start: Extract<SystemFact, { type: 'system.started' }>['data'],
): Promise<void> {
  const fact: SystemFact = { type: 'system.started', data: start }
  await recordFact(around, SYSTEM_STREAM, fact)
}
