import type { Roster } from '../domain/approvers.ts'
import { findEntitlement } from '../domain/decide-ask.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import type { ApprovalRule, Policy } from '../domain/policy.ts'
import type { Identity } from '../ports/directory.ts'
import { StreamConflict } from '../record/append.ts'
import type { Context } from './context.ts'

/** Nobody signs as the manager of somebody whom they put under themselves. */
function managerOf(asker: Identity | null): string | null {
  if (asker === null || asker.manager === null) return null
  return asker.managerSetBy.includes(asker.manager) ? null : asker.manager
}

/** The roster around one grant, by one policy: its rules, its parties and everybody who signed. */
export function rosterFor(
  context: Context,
  policy: Policy,
  state: GrantState,
  others: readonly string[] = [],
): Promise<Roster> {
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  const rules = 'refused' in entitled ? [] : entitled.entitlement.approvals
  const signers = [...state.signatures, ...(state.extension?.signatures ?? [])].map((signature) => signature.by)
  return loadRoster(context, policy, state.target, rules, state.by, [state.for, ...signers, ...others])
}

/**
 * Asks the directory who stands where around one request. An unreachable directory throws: no step
 * is ever skipped because nobody could be asked.
 * @param others more persons whose status is needed: signers, the parties
 * @throws StreamConflict when another policy came into force meanwhile: the directory answered by both
 */
export async function loadRoster(
  context: Context,
  policy: Policy,
  target: string,
  approvals: readonly ApprovalRule[],
  asker: string,
  others: readonly string[] = [],
): Promise<Roster> {
  const { directory } = context
  const owners = policy.targets[target]?.owners ?? []
  const manager = managerOf(await directory.byId(asker))
  const groups: { [group: string]: readonly string[] } = {}
  for (const source of approvals.flatMap((rule) => rule.from)) {
    if (source.kind === 'group') groups[source.group] ??= await directory.membersOf(source.group)
  }
  const everybody = new Set([
    ...[asker, ...others, ...owners, ...Object.values(groups).flat()],
    ...(manager === null ? [] : [manager]),
  ])
  const active = new Set<string>()
  for (const id of everybody) if ((await directory.byId(id))?.status === 'active') active.add(id)
  if (context.policy.current() !== policy) throw new StreamConflict(POLICY_STREAM, null, null)
  return { manager, owners, groups, active }
}
