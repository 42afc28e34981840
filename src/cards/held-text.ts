import { ruleInWords, sourceWord } from '../domain/approvers.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { ApprovalRule, ApproverSource, Entitlement } from '../domain/policy.ts'
import type { Text } from '../ports/chat.ts'
import { code, joined, type Names, people, strong, text } from './text.ts'

/**
 * Why a request is held, and what mends it: which rule lacks whom.
 * @param entitlement by the policy of now; null when the policy has it no longer
 */
export function heldTexts(state: GrantState, entitlement: Entitlement | null, names: Names): Text[] {
  const right = code(`${state.target}:${state.entitlement}`)
  if (entitlement === null) {
    const what = text(strong('Held: '), 'the policy no longer has ', right, '.')
    return [what, text('Put it back into the policy, or deny the request.')]
  }
  const lacking = entitlement.approvals.filter((rule) => ableUnder(rule, state).length < rule.need)
  return [
    ...(lacking.length === 0
      ? [notEnoughTexts(state, names)]
      : lacking.map((rule) =>
          text(strong('Held: '), `it needs ${ruleInWords(rule)}, and `, ...lackOf(rule, state, names)),
        )),
    text('Mend the policy or the directory: the request then moves by itself, within a minute.'),
  ]
}

function ableUnder(rule: ApprovalRule, state: GrantState): string[] {
  const words = rule.from.map(sourceWord)
  return state.approvers.filter((one) => one.as.some((as) => words.includes(as))).map((one) => one.id)
}

function lackOf(rule: ApprovalRule, state: GrantState, names: Names) {
  const able = ableUnder(rule, state)
  if (able.length > 0) return ['only ', ...people(able, names), ' may sign.']
  const empty = rule.from.map((source) => emptyWord(source, state, names))
  return [...joined(empty.map((words) => ({ kind: 'text', text: words }) as const)), '.']
}

/** Nobody signs for themselves, and who left does not sign: an owner who asks is no approver. */
function emptyWord(source: ApproverSource, state: GrantState, names: Names): string {
  switch (source.kind) {
    case 'manager':
      return `${names(state.by)} has no manager here who may sign`
    case 'owners':
      return `${state.target} has no other owner who may sign`
    case 'group':
      return `the group ${source.group} has nobody else who may sign`
    default:
      return source satisfies never
  }
}

/** Each rule has somebody, but one person counts once. */
function notEnoughTexts(state: GrantState, names: Names): Text {
  const able = state.approvers.map((one) => one.id)
  const more = `${state.missing} more ${state.missing === 1 ? 'person' : 'different persons'}`
  return text(
    strong('Held: '),
    'one person counts once, and only ',
    ...people(able, names),
    ` may sign. It needs ${more}.`,
  )
}
