import type { ReasonRule } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'

/** Checks a reason against its rule. Length counts what people see: code points, outer blanks left out. */
export function checkReason(reason: string, rule: ReasonRule): Refused | null {
  const length = [...reason.trim()].length
  if (length < rule.minLength) return refuse({ code: 'reason-too-short', length, minLength: rule.minLength })
  if (length > rule.maxLength) return refuse({ code: 'reason-too-long', length, maxLength: rule.maxLength })
  if (rule.pattern !== null && !new RegExp(rule.pattern.source, 'u').test(reason)) {
    return refuse({ code: 'reason-pattern', hint: rule.pattern.hint })
  }
  return null
}
