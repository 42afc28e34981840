import type { KnownPolicies } from './conclude-authorised.ts'
import type { Part, PartFact, StoryEvent } from './conclusion.ts'

/** Who the ids are, by the policies whose text came along: the events themselves name nobody. */
export function concludePeople(events: readonly StoryEvent[], policies: KnownPolicies): Part[] {
  const known = identitiesIn(policies)
  const facts = [...new Set(events.flatMap(idsIn))].flatMap((id): PartFact[] => {
    const one = known.get(id)
    return one === undefined ? [] : [{ label: id, value: [one.name, one.is].filter(Boolean).join(', ') }]
  })
  return facts.length === 0
    ? []
    : [{ title: 'People', standing: 'shown', says: 'named by the text of the policy', facts }]
}

/** How an id is said: `Ana Ruiz (E101)`, or the id alone where no text in the file has a name for it. */
export type Names = (id: string) => string

/** The same of a member that may hold something else. */
export function nameOf(id: unknown, names: Names, otherwise: string): string {
  return typeof id === 'string' ? names(id) : otherwise
}

/** Of persons and machines, by the policies whose text came along; of two texts the later one counts. */
export function namesIn(policies: KnownPolicies): Names {
  const known = identitiesIn(policies)
  return (id) => beside(known.get(id)?.name, id)
}

/** Of targets, as `prod-db (Production ledger)`. */
export function targetNamesIn(policies: KnownPolicies): Names {
  const known = new Map(
    [...policies.values()].flatMap((policy) =>
      Object.values(policy?.targets ?? {}).map(({ name, description }) => [name, description] as const),
    ),
  )
  return (target) => beside(target, known.get(target) ?? '')
}

function beside(name: string | undefined, more: string): string {
  return name === undefined || name === more ? more : more === '' ? name : `${name} (${more})`
}

/** Read once for all grants of a period: a large house has thousands of people, in each of its policies. */
function identitiesIn(policies: KnownPolicies): Identities {
  const known = read.get(policies) ?? readIdentities(policies)
  read.set(policies, known)
  return known
}

type Identities = ReadonlyMap<string, { readonly name: string; readonly is: string }>
const read = new WeakMap<KnownPolicies, Identities>()

function readIdentities(policies: KnownPolicies): Identities {
  const all = [...policies.values()].flatMap((policy) => [
    ...(policy?.people ?? []).map(({ id, name, title }) => [id, { name, is: title }] as const),
    ...(policy?.machines ?? []).map(({ id, name, kind }) => [id, { name, is: kind }] as const),
  ])
  return new Map(all)
}

/** Who did it, whose it is, whom it is about, and who might decide. */
function idsIn({ data }: StoryEvent): string[] {
  const { by, persons, approvers, owners, signers, ...rest } = data
  const listed = [approvers, owners, signers].flat().map((one) => (one as { id?: unknown } | undefined)?.id)
  return [by, rest.for, persons, listed].flat().filter((id) => typeof id === 'string')
}
