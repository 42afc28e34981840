import type { MachineEvent } from './machine-event.ts'
import type { MachineState } from './machine-state.ts'
import type { PolicyMachine } from './policy.ts'

/**
 * Whether somebody still answers for a machine. Empty when nothing changed. An orphan stays one when its owner is hired
 * again: only a policy that names somebody else, or the machine no more, ends it.
 * @param machine as the policy in force has it; null when it names it no more
 * @param ownerLeft whether its owner has left
 */
export function decideMachine(
  state: MachineState | null,
  machine: PolicyMachine | null,
  ownerLeft: boolean,
  { policy, by }: { readonly policy: string; readonly by: string | null },
): MachineEvent[] {
  const orphanOf = state?.status === 'orphaned' ? state.owner : null
  if (machine === null) return orphanOf === null ? [] : [{ type: 'machine.unlisted', data: { policy, by } }]
  const { owner } = machine
  if (owner === orphanOf) return []
  if (ownerLeft) return [{ type: 'machine.orphaned', data: { owner, policy } }]
  return orphanOf === null ? [] : [{ type: 'machine.owned', data: { owner, before: orphanOf, policy, by } }]
}
