import { type Check, ConnectorError } from '../../ports/connector.ts'

/** One look: equal is well. */
export function check(name: string, expected: string, observed: string): Check {
  return { name, expected, observed, ok: expected === observed }
}

/** For what nobody could look at: not well, and not known to be bad. */
export const NOT_SEEN = 'could not look'

export function listOr(nothing: string, items: readonly string[]): string {
  return items.length === 0 ? nothing : items.join(', ')
}

/** For people who read what was looked at. @param at epoch ms */
export function instantOr(nothing: string, at: number | null): string {
  if (at === null) return nothing
  return Math.abs(at) <= LATEST_DATE ? new Date(at).toISOString() : `${at} ms`
}

/** Of a later moment there is no date, and PostgreSQL knows later ones. */
const LATEST_DATE = 8.64e15

/** @throws ConnectorError `VerificationFailed` naming the first look that was not as expected */
export function requireAll(where: string, checks: readonly Check[]): void {
  const failed = checks.find(({ ok }) => !ok)
  if (!failed) return
  const { name, expected, observed } = failed
  throw new ConnectorError('VerificationFailed', `${where}: ${name}: expected ${expected}, saw ${observed}`)
}
