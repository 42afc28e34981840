import type { KnownPolicies } from './conclude-authorised.ts'
import type { Part, PartFact, ProvedEvent } from './conclusion.ts'

/** Who the ids are, by the policies whose text came along: the events themselves name nobody. */
export function concludePeople(events: readonly ProvedEvent[], policies: KnownPolicies): Part[] {
  const known = [...policies.values()].flatMap((policy) => policy?.people ?? [])
  const facts = [...new Set(events.flatMap(idsIn))].flatMap((id): PartFact[] => {
    const person = known.findLast((one) => one.id === id)
    return person === undefined ? [] : [{ label: id, value: [person.name, person.title].filter(Boolean).join(', ') }]
  })
  return facts.length === 0
    ? []
    : [{ title: 'People', standing: 'shown', says: 'named by the text of the policy', facts }]
}

function idsIn({ data }: ProvedEvent): string[] {
  const by = 'by' in data ? [data.by].flat() : []
  const holder = 'for' in data ? [data.for] : []
  const approvers = 'approvers' in data ? data.approvers.map(({ id }) => id) : []
  return [...by, ...holder, ...approvers].filter((id) => typeof id === 'string')
}
