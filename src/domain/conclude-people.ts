import type { KnownPolicies } from './conclude-authorised.ts'
import type { Part, PartFact, StoryEvent } from './conclusion.ts'

/** Who the ids are, by the policies whose text came along: the events themselves name nobody. */
export function concludePeople(events: readonly StoryEvent[], policies: KnownPolicies): Part[] {
  const known = [...policies.values()].flatMap((policy) => policy?.people ?? [])
  const facts = [...new Set(events.flatMap(idsIn))].flatMap((id): PartFact[] => {
    const person = known.findLast((one) => one.id === id)
    return person === undefined ? [] : [{ label: id, value: [person.name, person.title].filter(Boolean).join(', ') }]
  })
  return facts.length === 0
    ? []
    : [{ title: 'People', standing: 'shown', says: 'named by the text of the policy', facts }]
}

/** Who did it, whose it is, whom it is about, and who might decide. */
function idsIn({ data }: StoryEvent): string[] {
  const { by, persons, approvers, owners, signers, ...rest } = data
  const listed = [approvers, owners, signers].flat().map((one) => (one as { id?: unknown } | undefined)?.id)
  return [by, rest.for, persons, listed].flat().filter((id) => typeof id === 'string')
}
