import { decideMachine } from '../domain/decide-machine.ts'
import type { MachineEvent } from '../domain/machine-event.ts'
import type { People } from '../domain/people.ts'
import type { Context } from './context.ts'
import { noteByPolicy } from './note-by-policy.ts'
import { standingIn } from './reconsider.ts'

/**
 * A machine whose owner has left is orphaned, on record and told, whether the file or a directory said so; and is one
 * no more when a policy gives it to somebody else.
 */
export async function noteMachines(context: Context): Promise<void> {
  await noteByPolicy(
    context,
    (people) => wanted(context, people),
    (stage, id, facts) => void stage.writeMachine(id, facts),
  )
}

function wanted(context: Context, people: People): Map<string, MachineEvent[]> {
  const facts = new Map<string, MachineEvent[]>()
  const [active] = context.policy.activations()
  // A policy that cannot be read says nothing of any machine.
  if (active?.policy == null) return facts
  const listed = new Map(active.policy.machines.map((machine) => [machine.id, machine]))
  const ids = new Set([...listed.keys(), ...people.machines.keys()])
  if (ids.size === 0) return facts
  const standing = standingIn(context)
  const said = { policy: active.policy.hash, by: active.by }
  for (const id of ids) {
    const machine = listed.get(id) ?? null
    const ownerLeft = machine !== null && standing(machine.owner) === 'left'
    const events = decideMachine(people.machines.get(id) ?? null, machine, ownerLeft, said)
    if (events.length > 0) facts.set(id, events)
  }
  return facts
}
