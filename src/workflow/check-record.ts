import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { LogVerdict } from '../record/verify-log.ts'
import { ProgressRefused, progressReadAt } from '../record/verify-progress.ts'
import type { Context } from './context.ts'
import { recordFact } from './record-fact.ts'

/** More than these would bury one another; `verify --log` shows all. */
const MOST_NAMED = 20
const HOUR_MS = 60 * 60_000
/** Everything is read again at least once a week: six days and a half, so that a daily check is punctual. */
const WHOLE_AFTER_MS = 156 * HOUR_MS

/**
 * Checks the record, as an auditor would, and names what is not as it was recorded. Goes on from what the last check of
 * this process's folder kept, where that began less than a week ago; else from the beginning. The result is an event.
 * @param kept null to read everything now
 * @returns whether it is whole, and when the first of what was read was read
 */
export async function checkRecord(context: Checking, verify: VerifyFrom, kept: KeptProgress | null): Promise<Checked> {
  const { clock } = context
  const since = clock.now()
  const text = (await kept?.read()) ?? null
  const readAt = text === null ? null : progressReadAt(text)
  const progress = readAt !== null && since - readAt < WHOLE_AFTER_MS ? text : null
  const verdict = await verify(progress).catch((error: unknown) => {
    // Of another key or log, or changed: then nothing is taken from it.
    if (progress === null || !(error instanceof ProgressRefused)) throw error
    return verify(null)
  })
  const { ok, size, differences, witnesses, resumed } = verdict
  const fact: SystemFact = {
    type: 'record.checked',
    data: {
      ...{ ok, size, differences: differences.length, from: resumed?.size ?? 0, tookMs: clock.now() - since },
      checkpoint: witnesses.length === 0 ? 0 : Math.min(...witnesses.map((witness) => witness.size)),
    },
  }
  name(context, differences)
  await recordFact(context, SYSTEM_STREAM, fact)
  context.committed()
  return { ok, readAt: resumed?.readAt ?? since }
}

export interface Checked {
  readonly ok: boolean
  /** Epoch ms. */
  readonly readAt: number
}

function name(context: Pick<Context, 'alarm'>, differences: LogVerdict['differences']): void {
  for (const { what, where, column } of differences.slice(0, MOST_NAMED)) {
    const which = column === undefined ? '' : ` (${column})`
    context.alarm({ what: 'record-differs', detail: `${what}: ${where}${which}`, grant: null })
  }
  const more = differences.length - MOST_NAMED
  if (more > 0) context.alarm({ what: 'record-differs', detail: `${more} more: run verify --log`, grant: null })
}

export type Checking = Pick<Context, 'alarm' | 'db' | 'record' | 'clock' | 'committed'>

/** @param progress null to read everything */
export type VerifyFrom = (progress: string | null) => Promise<LogVerdict>

/** Outside the database: whoever writes there must not say what was found right. */
export interface KeptProgress {
  /** Null when there is none. */
  read(): Promise<string | null>
}
