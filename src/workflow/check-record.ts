import type { LogVerdict } from '../record/verify-log.ts'
import type { Context } from './context.ts'

/** More than these would bury one another; `verify --log` shows all. */
const MOST_NAMED = 20

/** Checks the whole record, as an auditor would, and names what is not as it was recorded. */
export async function checkRecord(context: Pick<Context, 'alarm'>, verify: () => Promise<LogVerdict>): Promise<void> {
  const { differences } = await verify()
  for (const { what, where } of differences.slice(0, MOST_NAMED)) {
    context.alarm({ what: 'record-differs', detail: `${what}: ${where}`, grant: null })
  }
  const more = differences.length - MOST_NAMED
  if (more > 0) context.alarm({ what: 'record-differs', detail: `${more} more: run verify --log`, grant: null })
}
