import type { LinkProof, NotLinked } from './identity-event.ts'
import type { IdentityState } from './identity-state.ts'
import { domainOf, isProvisioned, mailboxOf, type People } from './people.ts'
import type { Policy } from './policy.ts'
import { heldPersons, knownAs } from './populate-policy.ts'

/** An account that nobody is known by, and what its platform says of whoever has it. */
export interface Newcomer {
  readonly platform: string
  readonly tenant: string
  readonly id: string
}

/** What a chat platform says of an account. Only a confirmed address counts for anything, and of nothing but a link. */
export interface AccountProfile {
  readonly kind: 'member' | 'guest' | 'bot' | 'stranger' | 'gone'
  /** Of a member, where the platform says that it is confirmed; null otherwise. */
  readonly confirmedEmail: string | null
}

export type LinkDecision =
  | { readonly outcome: 'link'; readonly person: string; readonly proof: LinkProof }
  /** Nobody here, as far as this shows. */
  | { readonly outcome: 'nobody' }
  | { readonly outcome: 'refused'; readonly because: NotLinked; readonly about: readonly string[] }

/**
 * Whose account this is, by what nobody can give themselves: on Slack a confirmed address of a domain that the policy
 * names, the same as the directory entered the person with, and nobody else's mailbox; on Teams, of a member of the
 * tenant that the policy names, the object id that the directory gives. An address that was changed since links nothing.
 * @param policy with everybody in it
 */
export function decideLink(
  newcomer: Newcomer,
  profile: AccountProfile | null,
  policy: Policy,
  people: People,
): LinkDecision {
  const rules = policy.directory
  if (rules === null) return { outcome: 'nobody' }
  if (newcomer.platform === 'teams') {
    if (rules.teamsTenant === null || newcomer.tenant.toLowerCase() !== rules.teamsTenant) return { outcome: 'nobody' }
    if (profile?.kind !== 'member') return { outcome: 'nobody' }
    const named = present(people).filter(
      ({ profile }) => profile?.externalId?.toLowerCase() === newcomer.id.toLowerCase(),
    )
    return choose(named, { how: 'object-id' }, newcomer, policy, people)
  }
  const email = profile?.kind === 'member' ? profile.confirmedEmail : null
  if (newcomer.platform !== 'slack' || email === null) return { outcome: 'nobody' }
  const domains = Object.hasOwn(rules.slackEmail, newcomer.tenant) ? (rules.slackEmail[newcomer.tenant] ?? []) : []
  if (!domains.includes(domainOf(email))) return { outcome: 'nobody' }
  const near = present(people).filter((state) => mailboxOf(state.profile?.email ?? '') === mailboxOf(email))
  const exact = near.filter(({ profile, emailIsFirst }) => {
    return emailIsFirst && profile?.email?.toLowerCase() === email.toLowerCase()
  })
  if (exact.length === 0) return { outcome: 'nobody' }
  if (near.length > 1) return { outcome: 'refused', because: 'email-ambiguous', about: near.map(({ id }) => id) }
  return choose(exact, { how: 'confirmed-email' }, newcomer, policy, people)
}

/** Why an account cannot be this person's, however it was shown; null when it can. */
export function mayHave(person: string, { platform, tenant, id }: Newcomer, policy: Policy): NotLinked | null {
  for (const one of policy.people) {
    for (const account of one.accounts) {
      if (account.platform !== platform || account.tenant !== tenant) continue
      if (one.id === person && account.id !== id) return 'has-another-account'
      if (one.id !== person && account.id === id) return 'belongs-to-another'
    }
  }
  return null
}

function choose(
  found: readonly IdentityState[],
  proof: LinkProof,
  newcomer: Newcomer,
  policy: Policy,
  people: People,
): LinkDecision {
  const [one] = found
  if (one === undefined) return { outcome: 'nobody' }
  const ids = found.map(({ id }) => id)
  if (found.length > 1) return { outcome: 'refused', because: 'email-ambiguous', about: ids }
  if (heldPersons(policy, people).some(({ id }) => id === one.id)) {
    return { outcome: 'refused', because: 'belongs-to-another', about: ids }
  }
  const person = knownAs(policy, people, one.id)
  const because = mayHave(person, newcomer, policy)
  return because === null ? { outcome: 'link', person, proof } : { outcome: 'refused', because, about: [person] }
}

/** Whom the directory has, and has not switched off. */
function present(people: People): IdentityState[] {
  return [...people.persons.values()].filter((state) => isProvisioned(state) && state.left === null)
}
