import { findingStream, readFindingId } from './finding-event.ts'
import { freezeStream, targetOfFreeze } from './freeze-event.ts'
import { grantStream, readGrantId } from './grant-event.ts'
import { orderStream, readOrderId } from './order-event.ts'

/** What evidence is asked for by: `G-7K3QF2`, `R-7K3QF2`, `F-7K3QF2` or `freeze:prod-db`; null for anything else. */
export function readEvidenceId(typed: string): string | null {
  return readOrderId(typed) ?? readFindingId(typed) ?? readFreezes(typed) ?? readGrantId(typed)
}

function readFreezes(typed: string): string | null {
  const target = targetOfFreeze(typed.trim().toLowerCase())
  return target === null || target === '' ? null : freezeStream(target)
}

/** The stream that tells its story. */
export function streamOfEvidence(id: string): string {
  if (targetOfFreeze(id) !== null) return id
  if (readOrderId(id) !== null) return orderStream(id)
  return readFindingId(id) !== null ? findingStream(id) : grantStream(id)
}
