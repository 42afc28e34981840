import { inTransaction } from '../db/in-transaction.ts'
import type { IdentityEvent } from '../domain/identity-event.ts'
import type { People } from '../domain/people.ts'
import type { Policy } from '../domain/policy.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { changePeople } from './write-people.ts'

/**
 * Whom the policy file says to have left, or names no more, gets the same leaving on record as whom the directory takes
 * away. Noted once, whoever comes first; writes nothing while nothing changed.
 */
export async function noteFileLeavers(context: Context): Promise<void> {
  await context.policy.inForce(context.db)
  const people = await context.people.look(context.db)
  if (!context.policy.isFromRecord() || wanted(context, people).size === 0) return
  await decideAgain(() =>
    inTransaction(context.db, { timeoutMs: 10_000 }, (tx) =>
      changePeople(context, tx, context.clock.now(), async (stage) => {
        // Whoever waited here may have an older policy, in which they are still here.
        await context.policy.inForce(tx)
        for (const [id, fact] of wanted(context, stage.people)) {
          stage.write(id, [fact])
          stage.decideAgain(id)
        }
      }),
    ),
  )
  context.committed()
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
