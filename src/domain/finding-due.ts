import { DAY } from './duration.ts'
import type { Severity } from './finding-event.ts'

/** Until when somebody must have seen to a finding, from when it was opened. Milliseconds. */
export interface FindingDue {
  readonly bySeverity: Readonly<Record<Severity, number>>
  /** In place of these, where financial reporting may be touched; what is left out is as elsewhere. */
  readonly financial: Readonly<Partial<Record<Severity, number>>>
  /** In place of both. */
  readonly byCause: Readonly<Record<string, number>>
}

/** Where the policy says nothing. */
export const USUAL_DUE: FindingDue = {
  bySeverity: { critical: DAY, high: 3 * DAY, medium: 14 * DAY, low: 30 * DAY },
  financial: {},
  byCause: {},
}

/** How long somebody has, milliseconds: by its cause, else by its exposure. */
export function dueAfterMs({ bySeverity, financial, byCause }: FindingDue, one: Due): number {
  const ofCause = Object.hasOwn(byCause, one.cause) ? byCause[one.cause] : undefined
  return ofCause ?? (one.financial ? financial[one.severity] : undefined) ?? bySeverity[one.severity]
}

interface Due {
  readonly cause: string
  readonly severity: Severity
  readonly financial: boolean
}
