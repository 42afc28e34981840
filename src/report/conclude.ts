import type { KnownPolicies } from '../domain/conclude-authorised.ts'
import { concludeFinding } from '../domain/conclude-finding.ts'
import { concludeFreezes } from '../domain/conclude-freezes.ts'
import { concludeGrant } from '../domain/conclude-grant.ts'
import { concludeOrder } from '../domain/conclude-order.ts'
import type { Conclusion, ProvedFact } from '../domain/conclusion.ts'
import type { Policy } from '../domain/policy.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { PolicyText, Verdict } from '../record/verify.ts'

/** What the events of a verified file come to. @returns null where it is of nothing that we know, or was refused */
export function conclude(verdict: Verdict): Conclusion | null {
  const [facts, policies] = [factsOf(verdict), readPolicies(verdict.policies)]
  const singles = factsOf({ events: verdict.singles, reveals: [] })
  const readers = [concludeGrant, concludeOrder, concludeFinding, concludeFreezes]
  return readers.map((read) => read(facts, policies, singles)).find((one) => one !== null) ?? null
}

/** The events of a verified file, each with its texts. */
export function factsOf({ events, reveals }: Pick<Verdict, 'events' | 'reveals'>): ProvedFact[] {
  const texts = new Map<number, Record<string, string>>()
  for (const { leafIndex, path, value } of reveals) {
    texts.set(leafIndex, { ...texts.get(leafIndex), [path]: value })
  }
  return events.map((event) => ({ ...event, texts: texts.get(event.leafIndex) ?? {} }))
}

export function readPolicies(policies: readonly PolicyText[]): KnownPolicies {
  return new Map(policies.map((policy) => [policy.hash, read(policy)]))
}

/** A text of another version cannot be read, and says nothing then. */
function read({ text }: PolicyText): Policy | null {
  const reading = parsePolicy(text, 'policy')
  return 'policy' in reading ? reading.policy : null
}
