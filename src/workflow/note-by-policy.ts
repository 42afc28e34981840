import { inTransaction } from '../db/in-transaction.ts'
import type { People } from '../domain/people.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { changePeople, type PeopleStage } from './write-people.ts'

/**
 * Brings on record what the policy in force says of people or machines and the record does not say yet. Noted once,
 * whoever comes first; writes nothing while nothing changed.
 * @param wanted by id, seen from the people as they are on record
 */
export async function noteByPolicy<Wanted>(
  context: Context,
  wanted: (people: People) => ReadonlyMap<string, Wanted>,
  write: (stage: PeopleStage, id: string, wanted: Wanted) => void,
): Promise<void> {
  await context.policy.inForce(context.db)
  const people = await context.people.look(context.db)
  if (!context.policy.isFromRecord() || wanted(people).size === 0) return
  await decideAgain(() =>
    inTransaction(context.db, { timeoutMs: 10_000 }, (tx) =>
      changePeople(context, tx, context.clock.now(), async (stage) => {
        // Whoever waited here may have an older policy, which says something else.
        await context.policy.inForce(tx)
        for (const [id, one] of wanted(stage.people)) write(stage, id, one)
      }),
    ),
  )
  context.committed()
}
