import type { IdentityState } from './identity-state.ts'
import { keyOf } from './identity-state.ts'
import { isProvisioned, mailboxOf, type People } from './people.ts'
import type { Entitlement, Policy, PolicyPerson, Target } from './policy.ts'

/**
 * The policy with everybody in it: the people of the file, the people of the directory, their accounts, and the
 * directory's groups where the policy names them. Whoever decides gets this one, so that nobody counts differently for
 * where they come from. What the file says of a person goes before what the directory says; whoever of the two says
 * `left` is believed.
 * @param setBy who activated the policy that first gave this person their manager, as far back as it stands unchanged
 */
export function populatePolicy(
  policy: Policy,
  people: People,
  setBy: (person: string) => string | null = () => null,
): Policy {
  if (people.persons.size === 0 && policy.directory === null) return withSetBy(policy, setBy)
  const alias = aliases(policy, people)
  const called = (id: string) => alias.get(id) ?? id
  const administrators = policy.directory?.administrators ?? []
  const held = new Set(heldPersons(policy, people).map(({ id }) => id))
  const ofFile = policy.people.map((person) => {
    const tied = tiedTo(person, people)
    return joined(person, tied, people.persons.get(person.id) ?? null, {
      ...{ called, administrators },
      setBy: setBy(person.id),
    })
  })
  const known = new Set(ofFile.map(({ id }) => id))
  const ofDirectory = [...people.persons.values()].flatMap((state) => {
    if (state.enteredAt === null || alias.has(state.id) || held.has(state.id) || known.has(state.id)) return []
    return [personOf(state, { called, administrators })]
  })
  const everybody = withoutDoubles(ofFile, ofDirectory, policy)
  return { ...withGroups(policy, people, called), people: everybody }
}

interface Around {
  readonly called: (id: string) => string
  readonly administrators: readonly string[]
}

/** A person of the file with what the directory says of the same human. */
function joined(
  person: PolicyPerson,
  tied: IdentityState | null,
  own: IdentityState | null,
  { called, administrators, setBy }: Around & { readonly setBy: string | null },
): PolicyPerson {
  const managed = person.manager ?? (tied?.manager == null ? null : called(tied.manager))
  const managerSetBy = person.manager === null ? administrators : setBy === null ? [] : [setBy]
  return {
    ...person,
    title: person.title === '' ? (tied?.profile?.title ?? '') : person.title,
    // A directory that forgot a person does not keep them: the leaving stays on record.
    status: person.status === 'left' || (tied !== null && isGone(tied)) ? 'left' : 'active',
    manager: managed,
    managerSetBy,
    accounts: [...person.accounts, ...accountsOf(own), ...accountsOf(tied)],
  }
}

function personOf(state: IdentityState, { called, administrators }: Around): PolicyPerson {
  return {
    id: state.id,
    name: state.profile?.name ?? state.id,
    title: state.profile?.title ?? '',
    status: isGone(state) ? 'left' : 'active',
    manager: state.manager === null ? null : called(state.manager),
    managerSetBy: administrators,
    accounts: accountsOf(state),
    externalId: state.profile?.externalId ?? null,
  }
}

/** Of whom nothing can be read any more nothing is known. */
function isGone({ left, profile }: IdentityState): boolean {
  return left !== null || profile === null
}

function accountsOf(state: IdentityState | null): PolicyPerson['accounts'] {
  return (state?.accounts ?? []).map(({ platform, tenant, account }) => ({ platform, tenant, id: account }))
}

/** Who the directory means by a person of the file; one that it forgot only where it has not entered them anew. */
function tiedTo(person: PolicyPerson, people: People): IdentityState | null {
  if (person.externalId === null) return null
  return byExternalId(people).get(person.externalId) ?? null
}

function byExternalId(people: People): ReadonlyMap<string, IdentityState> {
  let found = externalIds.get(people)
  if (found === undefined) {
    found = new Map()
    for (const state of people.persons.values()) {
      const key = state.profile?.externalId
      if (key == null) continue
      const other = found.get(key)
      if (other === undefined || (!isProvisioned(other) && isProvisioned(state))) found.set(key, state)
    }
    externalIds.set(people, found)
  }
  return found
}

const externalIds = new WeakMap<People, Map<string, IdentityState>>()

/** The id under which everybody knows a person of the directory whom the file has too. */
function aliases(policy: Policy, people: People): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const byExternal = new Map(
    policy.people.flatMap(({ id, externalId }) =>
      externalId === null || people.persons.get(id)?.enteredAt != null ? [] : [[externalId, id]],
    ),
  )
  for (const { id, profile } of people.persons.values()) {
    const named = byExternal.get(profile?.externalId ?? '')
    if (named !== undefined) found.set(id, named)
  }
  return found
}

/** The id by which decisions know this person of the directory. */
export function knownAs(policy: Policy, people: People, id: string): string {
  return aliases(policy, people).get(id) ?? id
}

/**
 * Persons of the directory of whom nobody can say whether they are a human who is here already: they have the name of a
 * person of the file whom the policy does not tie to anybody, or the mailbox of somebody whom the policy ties or who was
 * entered before. Until the policy or the directory says, they are nobody.
 */
export function heldPersons(policy: Policy, people: People): readonly IdentityState[] {
  const untied = new Set(
    policy.people
      .filter(({ id, externalId }) => externalId === null && people.persons.get(id)?.enteredAt == null)
      .map(({ name }) => bareName(name)),
  )
  const alias = aliases(policy, people)
  const first = firstOfMailbox(people)
  // Whom the policy ties is settled, whenever they were entered: who else reads that mailbox is not.
  const settled = new Set(
    [...people.persons.values()].flatMap(({ id, profile, left }) =>
      alias.has(id) && left === null && profile?.email != null ? [mailboxOf(profile.email)] : [],
    ),
  )
  return [...people.persons.values()].filter(({ id, profile, enteredAt, left }) => {
    if (enteredAt === null || profile === null || left !== null) return false
    const mailbox = profile.email === null ? null : mailboxOf(profile.email)
    if (alias.has(id)) return false
    if (mailbox !== null && (settled.has(mailbox) || first.get(mailbox) !== id)) return true
    return untied.has(bareName(profile.name))
  })
}

/** Of several who share a mailbox, whoever was entered first; nobody where they came together. */
function firstOfMailbox(people: People): ReadonlyMap<string, string | null> {
  const first = new Map<string, { at: number; id: string | null }>()
  for (const { id, profile, enteredAt, left } of people.persons.values()) {
    if (profile?.email == null || enteredAt === null || left !== null) continue
    const mailbox = mailboxOf(profile.email)
    const other = first.get(mailbox)
    if (other === undefined || enteredAt < other.at) first.set(mailbox, { at: enteredAt, id })
    else if (enteredAt === other.at) first.set(mailbox, { at: enteredAt, id: null })
  }
  return new Map([...first].map(([mailbox, { id }]) => [mailbox, id]))
}

function bareName(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '')
}

/** An account is one person's: the file's word goes first, and what two of the directory claim is nobody's. */
function withoutDoubles(
  ofFile: readonly PolicyPerson[],
  ofDirectory: readonly PolicyPerson[],
  policy: Policy,
): PolicyPerson[] {
  const written = new Map(policy.people.flatMap(({ id, accounts }) => accounts.map((one) => [key(one), id] as const)))
  const claims = new Map<string, Set<string>>()
  const everybody = [...ofFile, ...ofDirectory]
  for (const { id, accounts } of everybody) {
    for (const one of accounts) claims.set(key(one), (claims.get(key(one)) ?? new Set()).add(id))
  }
  const isTheirs = (id: string, account: PolicyPerson['accounts'][number]) => {
    const owner = written.get(key(account))
    return owner === undefined ? claims.get(key(account))?.size === 1 : owner === id
  }
  return everybody.map((person) => {
    const accounts = person.accounts.filter((one) => isTheirs(person.id, one))
    const each = [...new Map(accounts.map((one) => [key(one), one])).values()]
    return each.length === person.accounts.length ? person : { ...person, accounts: each }
  })
}

function key({ platform, tenant, id }: PolicyPerson['accounts'][number]): string {
  return keyOf({ platform, tenant, account: id })
}

const MARK = 'group:'

/** Lists of the file that name a group of the directory hold `group:name`; here they get its members. */
function withGroups(policy: Policy, people: People, called: (id: string) => string): Policy {
  const rules = policy.directory
  if (rules === null) return policy
  const members = new Map(Object.entries(rules.groups).map(([name, said]) => [name, membersOf(people, said, called)]))
  // Whoever can put themselves into a group decides nothing by it.
  const deciding = new Map(
    [...members].map(([name, ids]) => [name, ids.filter((id) => !rules.administrators.includes(id))]),
  )
  const expand = (list: readonly string[], by: ReadonlyMap<string, readonly string[]>) => [
    ...new Set(list.flatMap((one) => (one.startsWith(MARK) ? (by.get(one.slice(MARK.length)) ?? []) : [one]))),
  ]
  const decides = (list: readonly string[]) => expand(list, deciding)
  const entitlementOf = (one: Entitlement): Entitlement => ({
    ...one,
    requesters: one.requesters === 'everyone' ? 'everyone' : expand(one.requesters, members),
  })
  const targetOf = (one: Target): Target => ({
    ...one,
    owners: decides(one.owners),
    entitlements: mapValues(one.entitlements, entitlementOf),
  })
  return {
    ...policy,
    escalateTo: decides(policy.escalateTo),
    compliance: decides(policy.compliance),
    mayFreeze: decides(policy.mayFreeze),
    keepers: decides(policy.keepers),
    groups: Object.assign(Object.create(null), policy.groups, Object.fromEntries(deciding)),
    targets: mapValues(policy.targets, targetOf),
  }
}

function membersOf(people: People, name: string, called: (id: string) => string): string[] {
  const group = [...people.groups.values()].find((one) => !one.removed && one.name.toLowerCase() === name.toLowerCase())
  return group === undefined ? [] : [...new Set([...group.members].map(called))].sort()
}

/** Without a prototype, as the policy's own. */
function mapValues<T>(record: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)])),
  )
}

function withSetBy(policy: Policy, setBy: (person: string) => string | null): Policy {
  const people = policy.people.map((person) => {
    const by = person.manager === null ? null : setBy(person.id)
    return by === null ? person : { ...person, managerSetBy: [by] }
  })
  return people.every((person, index) => person === policy.people[index]) ? policy : { ...policy, people }
}
