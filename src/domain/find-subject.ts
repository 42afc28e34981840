import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'
import type { Subject } from './stewards.ts'

/** Where somebody types: an account id is only an account id on its own platform. */
interface Place {
  readonly platform: string
  readonly tenant: string
}

/**
 * Finds whom or what `@ana`, `@E1001`, `<@U0456EFGH>` or `prod-db` names. A person is found by their id, their
 * account here, or their whole name; what could be two persons is refused, not guessed.
 * @param targets that may hold something, those that left the policy too
 */
export function findSubject(policy: Policy, said: string, place: Place, targets: readonly string[]): Subject | Refused {
  if (!/^<?@/u.test(said)) {
    const known = [...new Set([...Object.keys(policy.targets), ...targets])].sort()
    if (known.includes(said.toLowerCase())) return { kind: 'target', id: said.toLowerCase() }
    return refuse({ code: 'unknown-subject', said, known })
  }
  const word = said.replace(/^<?@/u, '').replace(/(\|[^>]*)?>$/u, '')
  const found = policy.people.filter(
    ({ id, name, accounts }) =>
      id.toLowerCase() === word.toLowerCase() ||
      bare(name) === bare(word) ||
      accounts.some((one) => one.id === word && one.platform === place.platform && one.tenant === place.tenant),
  )
  const [person] = found
  if (person !== undefined && found.length === 1) return { kind: 'person', id: person.id }
  if (found.length > 1) return refuse({ code: 'ambiguous-person', said, ids: found.map(({ id }) => id) })
  return refuse({ code: 'unknown-subject', said, known: [] })
}

/** `Ana Ruiz`, `ana.ruiz` and `Ana_Ruiz` are the same name. */
function bare(name: string): string {
  return name
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\s._-]+/gu, '')
}
