import type { IdentityEvent } from '../domain/identity-event.ts'
import type { People } from '../domain/people.ts'
import type { Policy } from '../domain/policy.ts'
import type { Context } from './context.ts'
import { noteByPolicy } from './note-by-policy.ts'

/**
 * Whom the policy file says to have left, or names no more, gets the same leaving on record as whom the directory takes
 * away.
 */
export async function noteFileLeavers(context: Context): Promise<void> {
  await noteByPolicy(
    context,
    (people) => wanted(context, people),
    (stage, id, fact) => {
      stage.write(id, [fact])
      stage.decideAgain(id)
    },
  )
}

function wanted(context: Context, people: People): Map<string, IdentityEvent> {
  const [active] = context.policy.activations()
  const file = active?.policy ?? null
  const facts = new Map<string, IdentityEvent>()
  // A policy that cannot be read says nothing of anybody.
  if (active === undefined || file === null) return facts
  const status = new Map(file.people.map((person) => [person.id, person.status]))
  for (const id of everNamed(context)) {
    const left = people.persons.get(id)?.left ?? null
    const gone = (status.get(id) ?? 'left') === 'left'
    if (gone && left === null) {
      const data = { removed: !status.has(id), effectiveAt: null, policy: file.hash, by: active.by }
      facts.set(id, { type: 'identity.left', data: { source: 'policy', ...data } })
    } else if (!gone && left?.source === 'policy') {
      facts.set(id, { type: 'identity.returned', data: { source: 'policy', policy: file.hash } })
    }
  }
  return facts
}

/** The same until another policy is activated. */
function everNamed({ policy }: Pick<Context, 'policy'>): ReadonlySet<string> {
  const activations = policy.activations()
  let ids = named.get(activations)
  if (ids === undefined) {
    ids = new Set(
      activations.flatMap(({ policy }) => policy?.people.map(({ id }: Policy['people'][number]) => id) ?? []),
    )
    named.set(activations, ids)
  }
  return ids
}

const named = new WeakMap<object, ReadonlySet<string>>()
