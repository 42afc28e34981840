import type { Db, Tx } from '../db/transaction.ts'
import { holdsAt } from '../domain/keeping-state.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { KeepingFigures } from '../telemetry/house-figures.ts'
import type { Context } from './context.ts'
import { loadKeeping } from './keeping-store.ts'

/** What is held and what is erased, for metrics and readiness. @returns null where somebody changed the record of it */
export async function countKeeping(
  { record, clock }: Pick<Context, 'record' | 'clock'>,
  db: Db | Tx,
): Promise<KeepingFigures | null> {
  try {
    const keeping = await loadKeeping({ record }, db)
    const erasures = [...keeping.erasures.values()]
    return {
      holds: holdsAt(keeping, clock.now()).length,
      waiting: erasures.filter(({ ordered, over }) => ordered !== null && over === null).length,
      erased: erasures.reduce((sum, { texts, over }) => sum + (over?.how === 'carried-out' ? texts : 0), 0),
    }
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}
