import type { Policy, PolicyPerson } from '../domain/policy.ts'
import type { Account } from '../ports/chat.ts'
import type { Directory } from '../ports/directory.ts'

/**
 * Everybody whom the policy knows, those of the file and those of a directory that pushes them, as the one directory.
 * It asks for the policy at every call, because another one may have come into force; what it looked up is kept for as
 * long as the policy is the same.
 */
export function createPolicyDirectory(currentPolicy: () => Policy): Directory {
  let index: Index | null = null
  const current = (): Index => {
    const policy = currentPolicy()
    if (index?.policy !== policy) index = indexOf(policy)
    return index
  }
  return {
    byAccount: async (account) => current().byAccount.get(keyOf(account)) ?? null,
    byId: async (id) => current().byId.get(id) ?? null,
    membersOf: async (group) => {
      const { groups } = current().policy
      return Object.hasOwn(groups, group) ? (groups[group] ?? []) : []
    },
  }
}

interface Index {
  readonly policy: Policy
  readonly byId: ReadonlyMap<string, PolicyPerson>
  readonly byAccount: ReadonlyMap<string, PolicyPerson>
}

function indexOf(policy: Policy): Index {
  return {
    policy,
    byId: new Map(policy.people.map((person) => [person.id, person])),
    byAccount: new Map(
      policy.people.flatMap((person) => person.accounts.map((account) => [keyOf(account), person] as const)),
    ),
  }
}

/** As JSON, so that no choice of ids can make two accounts one. */
function keyOf({ platform, tenant, id }: Account): string {
  return JSON.stringify([platform, tenant, id])
}
