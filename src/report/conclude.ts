import { concludeGrant } from '../domain/conclude-grant.ts'
import type { Conclusion } from '../domain/conclusion.ts'
import type { Policy } from '../domain/policy.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { PolicyText, Verdict } from '../record/verify.ts'

/** What the events of a verified file come to. @returns null where it is of no grant, or was refused */
export function conclude({ events, reveals, policies }: Verdict): Conclusion | null {
  const texts = new Map<number, Record<string, string>>()
  for (const { leafIndex, path, value } of reveals) {
    texts.set(leafIndex, { ...texts.get(leafIndex), [path]: value })
  }
  const facts = events.map((event) => ({ ...event, texts: texts.get(event.leafIndex) ?? {} }))
  return concludeGrant(facts, new Map(policies.map((policy) => [policy.hash, read(policy)])))
}

/** A text of another version cannot be read, and says nothing then. */
function read({ text }: PolicyText): Policy | null {
  const reading = parsePolicy(text, 'policy')
  return 'policy' in reading ? reading.policy : null
}
