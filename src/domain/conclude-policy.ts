import type { KnownPolicies } from './conclude-authorised.ts'
import { nameOf, namesIn } from './conclude-people.ts'
import { type Part, type PartFact, type ProvedFact, type StoryEvent, utc, word } from './conclusion.ts'
import { POLICY_STREAM } from './house-event.ts'

/** By which policies the events of one story went, which of their texts came along, and who had put them into force. */
export function concludePolicy(
  own: readonly StoryEvent[],
  policies: KnownPolicies,
  singles: readonly ProvedFact[],
): Part {
  const uses = new Map<string, string[]>()
  for (const { type, data } of own) {
    if (!('policy' in data) || typeof data.policy !== 'string') continue
    uses.set(data.policy, [...(uses.get(data.policy) ?? []), type])
  }
  const facts: PartFact[] = [...uses].flatMap(([hash, types]) => [
    {
      label: policies.has(hash) ? 'Policy, text in this file' : 'Policy, text not in this file',
      value: `${hash}: ${[...new Set(types)].join(', ')}`,
    },
    ...activationOf(hash, own, singles).map(({ at, data }) => ({
      label: 'Put into force',
      value: `${utc(at)} ${data.by === null ? 'as the first one, by nobody' : `by ${nameOf(data.by, namesIn(policies), 'somebody')}`}${'unproved' in data ? `, on their word: ${word(data.unproved, '')}` : ''}`,
    })),
  ])
  const says = uses.size > 1 ? `decided by ${uses.size} policies, one after the other` : 'decided by one policy'
  return { title: 'Policy', standing: 'shown', says, facts }
}

/** The event that put a policy into force before it was first gone by, where it stands alone in the file; one at most. */
export function activationOf(
  hash: string,
  own: readonly StoryEvent[],
  singles: readonly ProvedFact[],
): readonly ProvedFact[] {
  const used = own.find(({ data }) => 'policy' in data && data.policy === hash)
  return singles
    .filter(({ stream, type, data }) => stream === POLICY_STREAM && type === 'policy.activated' && data.policy === hash)
    .filter(({ leafIndex }) => used !== undefined && leafIndex < used.leafIndex)
    .slice(-1)
}
