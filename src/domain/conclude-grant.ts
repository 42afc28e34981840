import { concludeActivity } from './conclude-activity.ts'
import { concludeAuthorised, type KnownPolicies } from './conclude-authorised.ts'
import { concludeEnded, concludeGiven } from './conclude-ended.ts'
import { concludeGone } from './conclude-gone.ts'
import { concludePasskeys } from './conclude-passkeys.ts'
import { concludePeople } from './conclude-people.ts'
import { concludeThread } from './conclude-thread.ts'
import {
  allOf,
  type Conclusion,
  type EventOf,
  lastOf,
  type Part,
  type PartFact,
  type ProvedEvent,
  type ProvedFact,
  readable,
  utc,
  worst,
} from './conclusion.ts'
import { formatDuration } from './duration.ts'
import { grantOfStream, grantStream } from './grant-event.ts'
import { listNotProved } from './list-not-proved.ts'

/**
 * Reads what was proved of one grant and says what it comes to. Pure, from the events alone: the state tables, the
 * policy and the people who run it have no say. What is not shown is never taken for granted.
 * @param policies those whose text came along with a proof
 * @returns null where the events are of no grant, or are not in a form that this version knows
 */
export function concludeGrant(facts: readonly ProvedFact[], policies: KnownPolicies): Conclusion | null {
  try {
    return conclude(facts, policies)
  } catch (error) {
    // Whoever holds the keys can add an event of any form; it gets no verdict at all.
    if (error instanceof TypeError || error instanceof RangeError) return null
    throw error
  }
}

function conclude(facts: readonly ProvedFact[], policies: KnownPolicies): Conclusion | null {
  const grant = facts.map(({ stream }) => grantOfStream(stream)).find((id) => id !== null)
  if (grant === undefined || grant === null) return null
  const own = facts.filter(({ stream }) => stream === grantStream(grant)).map(readable)
  const beside = facts.filter(({ stream }) => stream !== grantStream(grant))
  const [asked] = own
  if (asked?.type !== 'request.asked') return null
  const authorised = concludeAuthorised(asked, own, policies)
  const given = concludeGiven(own)
  const exists = own.some(({ type }) => type === 'grant.providing')
  const ended = exists ? concludeEnded(own) : null
  const gone = exists || beside.some(({ type }) => type === 'orphan.found') ? concludeGone(own, beside) : null
  const activity = concludeActivity(grant, beside)
  const parts = [
    askedPart(asked),
    ...concludePeople(own, policies),
    policyPart(own, policies),
    authorised.part,
    ...concludePasskeys(beside),
    given,
    ...(ended === null ? [] : [ended.part]),
    ...(gone === null ? [] : [gone.part]),
    ...(activity.part === null ? [] : [activity.part]),
    ...concludeThread(beside),
    ...triedPart(own, beside),
  ]
  const clauses = [
    authorised.clause,
    ...(ended === null ? [] : [ended.clause]),
    ...(gone === null ? [] : [gone.clause]),
    ...(activity.clause === null ? [] : [activity.clause]),
  ]
  return {
    grant,
    line: [...clauses.map(({ words }) => words), ...(exists ? unusable(own) : notGiven(own))].join(', '),
    standing: worst([...clauses.map(({ standing }) => standing), given.standing]),
    parts,
    notProved: listNotProved({ grant, own, beside, facts, policies }),
  }
}

function askedPart({ at, data }: EventOf<'request.asked'>): Part {
  const right = `${data.target}:${data.entitlement}`
  return {
    title: 'Asked',
    standing: 'shown',
    says: `${data.by} asked for ${right}${data.for === data.by ? '' : ` for ${data.for}`}, for ${formatDuration(data.durationMs)}`,
    facts: [
      { label: 'By', value: data.by },
      { label: 'For', value: data.for },
      { label: 'What', value: `${right}, which the target calls ${data.grants}` },
      { label: 'How long', value: formatDuration(data.durationMs) },
      { label: 'Why', value: data.reason },
      { label: 'When', value: utc(at) },
    ],
  }
}

function policyPart(own: readonly ProvedEvent[], policies: KnownPolicies): Part {
  const uses = new Map<string, string[]>()
  for (const { type, data } of own) {
    if (!('policy' in data) || typeof data.policy !== 'string') continue
    uses.set(data.policy, [...(uses.get(data.policy) ?? []), type])
  }
  const facts: PartFact[] = [...uses].map(([hash, types]) => ({
    label: policies.has(hash) ? 'Policy, text in this file' : 'Policy, text not in this file',
    value: `${hash}: ${[...new Set(types)].join(', ')}`,
  }))
  const changed = uses.size > 1 ? `decided by ${uses.size} policies, one after the other` : 'decided by one policy'
  return { title: 'Policy', standing: 'shown', says: changed, facts }
}

/** What others tried, and what did not reach anybody. */
function triedPart(own: readonly ProvedEvent[], beside: readonly ProvedFact[]): Part[] {
  const refused = [...allOf(own, 'act.refused'), ...beside.filter(({ type }) => type === 'act.refused')]
  const lost = [...allOf(own, 'notice.undeliverable'), ...beside.filter(({ type }) => type === 'notice.undeliverable')]
  const deleted = allOf(own, 'notice.deleted')
  const count = refused.length + lost.length + deleted.length
  if (count === 0) return []
  const facts: PartFact[] = [
    ...refused.map(({ at, data }) => ({
      label: 'Refused',
      value: `${utc(at)}: ${word(data.by, 'a stranger')} tried to ${word(data.act, 'do something')} (${word(data.code, 'no code')})`,
    })),
    ...lost.map(({ at, data }) => ({
      label: 'Not delivered',
      value: `${utc(at)}: ${word(data.notice, 'a notice')} to ${word(data.to, 'somebody')} (${word(data.code, 'no code')})`,
    })),
    ...deleted.map(({ at, data }) => ({ label: 'Deleted in chat', value: `${utc(at)}: ${data.notice}; posted again` })),
  ]
  return [{ title: 'Besides', standing: 'shown', says: `${count} more on record beside the story`, facts }]
}

function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function notGiven(own: readonly ProvedEvent[]): string[] {
  const isOver = own.some(({ type }) => OVER.includes(type))
  const cancelled = own.some(({ type }) => type === 'request.approved') ? lastOf(own, 'request.cancelled') : undefined
  const back = cancelled === undefined ? [] : [`taken back by ${cancelled.data.by}`]
  return [...back, isOver ? 'never given' : 'not given yet']
}

const OVER: readonly ProvedEvent['type'][] = [
  ...(['request.denied', 'request.cancelled', 'request.lapsed', 'request.expired', 'grant.failed'] as const),
]

function unusable(own: readonly ProvedEvent[]): string[] {
  const wasEnded = own.some(({ type }) => type === 'grant.ending')
  return wasEnded && !own.some(({ type }) => type === 'grant.active') ? ['never seen to work'] : []
}
