import type { KnownPolicies } from './conclude-authorised.ts'
import { type Part, type PartFact, type ProvedFact, utc } from './conclusion.ts'
import { POLICY_STREAM } from './house-event.ts'

/** By which policies the events of one story went, which of their texts came along, and who had put them into force. */
export function policyPart(own: readonly PlacedTold[], policies: KnownPolicies, singles: readonly ProvedFact[]): Part {
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
      value: `${utc(at)} ${data.by === null ? 'as the first one, by nobody' : `by ${word(data, 'by', 'somebody')}`}${'unproved' in data ? `, on their word: ${word(data, 'unproved', '')}` : ''}`,
    })),
  ])
  const changed = uses.size > 1 ? `decided by ${uses.size} policies, one after the other` : 'decided by one policy'
  return { title: 'Policy', standing: 'shown', says: changed, facts }
}

/** The event that put a policy into force before it was first gone by, where it stands alone in the file; one at most. */
export function activationOf(
  hash: string,
  own: readonly PlacedTold[],
  singles: readonly ProvedFact[],
): readonly ProvedFact[] {
  const used = own.find(({ data }) => 'policy' in data && data.policy === hash)
  return singles
    .filter(({ stream, type, data }) => stream === POLICY_STREAM && type === 'policy.activated' && data.policy === hash)
    .filter(({ leafIndex }) => used !== undefined && leafIndex < used.leafIndex)
    .slice(-1)
}

/** What others tried, and what did not reach anybody. */
export function besidesPart(own: readonly Told[], beside: readonly ProvedFact[]): Part[] {
  const all: readonly Told[] = [...own, ...beside]
  const refused = all.filter(({ type }) => type === 'act.refused')
  const lost = all.filter(({ type }) => type === 'notice.undeliverable')
  const deleted = own.filter(({ type }) => type === 'notice.deleted')
  const count = refused.length + lost.length + deleted.length
  if (count === 0) return []
  const facts: PartFact[] = [
    ...refused.map(({ at, data }) => ({
      label: 'Refused',
      value: `${utc(at)}: ${word(data, 'by', 'a stranger')} tried to ${word(data, 'act', 'do something')} (${word(data, 'code', 'no code')})`,
    })),
    ...lost.map(({ at, data }) => ({
      label: 'Not delivered',
      value: `${utc(at)}: ${word(data, 'notice', 'a notice')} to ${word(data, 'to', 'somebody')} (${word(data, 'code', 'no code')})`,
    })),
    ...deleted.map(({ at, data }) => ({
      label: 'Deleted in chat',
      value: `${utc(at)}: ${word(data, 'notice', 'a notice')}; posted again`,
    })),
  ]
  return [{ title: 'Besides', standing: 'shown', says: `${count} more on record beside the story`, facts }]
}

function word(data: object, name: string, otherwise: string): string {
  const value = (data as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value : otherwise
}

export type PlacedTold = Told & { readonly leafIndex: number }

/** An event of any stream, as far as it matters here. */
export interface Told {
  readonly type: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly data: object
}
