import type { Db, Tx } from '../db/transaction.ts'
import type { People } from '../domain/people.ts'
import type { Policy } from '../domain/policy.ts'
import { populatePolicy } from '../domain/populate-policy.ts'
import { isRefused, type Refused } from '../domain/refusal.ts'
import type { PeopleStore } from './people-store.ts'
import type { PolicyInForce } from './policy-in-force.ts'

/**
 * The policy in force with everybody in it, the same object for as long as neither the policy nor anybody changed: who
 * decided by an older one finds that out as with a policy that was activated meanwhile.
 */
export function createPopulatedPolicy(inner: PolicyInForce, store: PeopleStore): PolicyInForce {
  let last: { policy: Policy; people: People; history: unknown; populated: Policy } | null = null

  function populated(policy: Policy, people: People): Policy {
    const history = inner.activations()
    if (last?.policy !== policy || last.people !== people || last.history !== history) {
      const setBy = (person: string) => whoSetManager(policy, history, person)
      last = { policy, people, history, populated: populatePolicy(policy, people, setBy) }
    }
    return last.populated
  }

  async function withPeople(policy: Promise<Policy | Refused>, db: Db | Tx): Promise<Policy | Refused> {
    const [found, people] = await Promise.all([policy, store.look(db)])
    return isRefused(found) ? found : populated(found, people)
  }

  return {
    ...inner,
    current: () => populated(inner.current(), store.current()),
    inForce: (db) => withPeople(inner.inForce(db), db),
    provedInForce: (db) => withPeople(inner.provedInForce(db), db),
  }
}

/**
 * Who activated the policy that first gave this person the manager whom they have: as far back as the policies can be
 * read and name that manager. Null for the first policy of all, which nobody activated.
 */
function whoSetManager(
  policy: Policy,
  history: readonly { readonly policy: Policy | null; readonly by: string | null }[],
  person: string,
): string | null {
  const managerIn = (one: Policy) => one.people.find(({ id }) => id === person)?.manager ?? null
  const manager = managerIn(policy)
  let by: string | null = null
  for (const activation of history) {
    if (activation.policy === null || managerIn(activation.policy) !== manager) break
    by = activation.by
  }
  return by
}
