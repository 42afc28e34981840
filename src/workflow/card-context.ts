import type { CardContext } from '../cards/grant-card.ts'
import type { Policy, PolicyPerson } from '../domain/policy.ts'
import type { Context } from './context.ts'

/** What cards need of the active policy: names, titles, what a target is. */
export function cardContext(context: Context): CardContext {
  const policy = context.policy.current()
  return {
    names: namesOf(context),
    titleOf: (id) => personIn(policy, id)?.title ?? '',
    target: (name) => policy.targets[name] ?? null,
    escalateTo: policy.escalateTo,
  }
}

/** Names for cards, from the policy: a name is never worth a failure. */
export function namesOf(context: Context): (id: string) => string {
  const policy = context.policy.current()
  return (id) => personIn(policy, id)?.name ?? id
}

function personIn(policy: Policy, id: string): PolicyPerson | undefined {
  let people = byId.get(policy)
  if (people === undefined) {
    people = new Map(policy.people.map((one) => [one.id, one]))
    byId.set(policy, people)
  }
  return people.get(id)
}

/** A policy may have thousands of people, and every answer asks for a name or two. */
const byId = new WeakMap<Policy, ReadonlyMap<string, PolicyPerson>>()
