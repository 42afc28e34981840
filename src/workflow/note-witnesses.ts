import { isDeepStrictEqual } from 'node:util'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { KeptBy } from '../domain/independence.ts'
import type { Context } from './context.ts'
import { recordFact } from './record-fact.ts'

/**
 * Puts on record who keeps the checkpoints and what each is worth, where that is another than what was recorded last: so
 * that evidence of what no access came of says it too. A second process may say the same again; that is harmless.
 */
export async function noteWitnesses(
  around: Pick<Context, 'db' | 'record' | 'clock'>,
  seen: readonly KeptBy[],
): Promise<void> {
  // The time of its last answer is another each time.
  const keptBy = seen.map(({ witness, strength, administeredBy }) => ({ witness, strength, administeredBy }))
  const last = await around.record.newestOf(around.db, 'witnesses.seen', around.clock.now() + 1)
  if (last !== null && isDeepStrictEqual(last.data.keptBy, keptBy)) return
  const fact: SystemFact = { type: 'witnesses.seen', data: { keptBy } }
  await recordFact(around, SYSTEM_STREAM, fact)
}
