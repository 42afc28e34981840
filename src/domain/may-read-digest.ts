import { MOST_APPROVERS } from './approvers.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'

/**
 * Who may read the digest of everybody's access: compliance, and those who are told when something is wrong
 * (`escalateTo`). Nobody else: it names who was refused, and how the rules changed.
 */
export function mayReadDigest(by: string, { compliance, escalateTo }: Policy): Refused | null {
  const may = [...new Set([...compliance, ...escalateTo])].sort()
  return may.includes(by) ? null : refuse({ code: 'may-not-read-digest', may: may.slice(0, MOST_APPROVERS) })
}
