import { DAY, HOUR, LONGEST_MS, parseDuration } from '../domain/duration.ts'
import { type FindingDue, USUAL_DUE } from '../domain/finding-due.ts'
import type { EntitlementFile, PolicyFile } from './policy-file.ts'

/**
 * What holds for an entitlement once the defaults are in. Null stands for what neither says.
 *
 * Two things are not inherited, because what is harmless for one is not for another: the approvals of
 * `defaults` count for level read alone, and `maxTotal` of `defaults` does not count beside a `maxDuration`
 * that the entitlement sets itself.
 */
export function settleEntitlement(own: EntitlementFile, defaults: PolicyFile['defaults']): SettledEntitlement {
  const maxDuration = own.maxDuration ?? defaults?.maxDuration
  const maxDurationMs = maxDuration === undefined ? null : readDuration(maxDuration, DAY)
  const maxTotal = own.maxTotal ?? (own.maxDuration === undefined ? defaults?.maxTotal : undefined)
  const twice = Math.min(2 * (maxDurationMs ?? 0), LONGEST_MS)
  const reason = { ...defaults?.reason, ...own.reason }
  return {
    maxDurationMs,
    maxTotalMs: maxTotal === undefined ? twice : readDuration(maxTotal, twice),
    requesters: own.requesters ?? defaults?.requesters ?? 'everyone',
    approvals: own.approvals ?? (own.level === 'read' ? defaults?.approvals : undefined) ?? null,
    reason: {
      min: reason.min ?? 10,
      max: reason.max ?? 500,
      pattern: reason.pattern ?? null,
      hint: reason.hint ?? null,
    },
    denyReasonRequired: (own.denyReason ?? defaults?.denyReason ?? 'required') === 'required',
  }
}

/** How long a pending request waits and how early a holder is warned. */
export function settleWaits(file: Pick<PolicyFile, 'pendingFor' | 'warnBefore'>) {
  return {
    pendingForMs: readDuration(file.pendingFor ?? '8h', 8 * HOUR),
    warnBeforeMs: readDuration(file.warnBefore ?? '10m', HOUR / 6),
  }
}

/** By when what is found must be seen to. */
export function settleFindingDue(file: PolicyFile['findings']): FindingDue {
  const read = (said: Readonly<Partial<Record<string, string>>> = {}) =>
    Object.fromEntries(
      Object.entries(said).flatMap(([name, text]) => (text === undefined ? [] : [[name, readDuration(text, DAY)]])),
    )
  return {
    bySeverity: { ...USUAL_DUE.bySeverity, ...read(file?.due) },
    financial: read(file?.dueFinancial),
    byCause: read(file?.dueOf),
  }
}

/** The form has been checked; `fallback` is for looking at a file that has faults elsewhere. */
function readDuration(text: string, fallback: number): number {
  const reading = parseDuration(text)
  return 'ok' in reading ? reading.ok : fallback
}

export interface SettledEntitlement {
  readonly maxDurationMs: number | null
  readonly maxTotalMs: number
  readonly requesters: 'everyone' | readonly string[]
  readonly approvals: NonNullable<EntitlementFile['approvals']> | null
  readonly reason: {
    readonly min: number
    readonly max: number
    readonly pattern: string | null
    readonly hint: string | null
  }
  readonly denyReasonRequired: boolean
}
