import { activityNotProved, concludeActivity } from './conclude-activity.ts'
import { concludeAuthorised, type KnownPolicies } from './conclude-authorised.ts'
import { besidesPart, policyPart } from './conclude-beside.ts'
import { concludeEnded, concludeGiven } from './conclude-ended.ts'
import { concludeGone } from './conclude-gone.ts'
import { concludeHouse } from './conclude-house.ts'
import { concludePasskeys } from './conclude-passkeys.ts'
import { concludePeople } from './conclude-people.ts'
import { concludeThread } from './conclude-thread.ts'
import {
  allOf,
  type Conclusion,
  type EventOf,
  lastOf,
  type Part,
  type ProvedEvent,
  type ProvedFact,
  readable,
  unlessOdd,
  utc,
  worst,
} from './conclusion.ts'
import { formatDuration } from './duration.ts'
import { grantOfStream, grantStream } from './grant-event.ts'
import { lackOfIndependence } from './independence.ts'
import { listNotProved } from './list-not-proved.ts'

/**
 * Reads what was proved of one grant and says what it comes to. Pure, from the events alone: the state tables, the
 * policy and the people who run it have no say. What is not shown is never taken for granted.
 * @param policies those whose text came along with a proof
 * @returns null where the events are of no grant, or are not in a form that this version knows
 */
export function concludeGrant(
  facts: readonly ProvedFact[],
  policies: KnownPolicies,
  singles: readonly ProvedFact[] = [],
): Conclusion | null {
  return unlessOdd(() => conclude(facts, policies, singles))
}

function conclude(
  facts: readonly ProvedFact[],
  policies: KnownPolicies,
  singles: readonly ProvedFact[],
): Conclusion | null {
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
  const activity = concludeActivity(grant, beside, lastOf(own, 'grant.active')?.data.activatedAt ?? null)
  const parts = [
    askedPart(asked),
    ...concludePeople(own, policies),
    policyPart(own, policies, singles),
    authorised.part,
    ...concludePasskeys(beside),
    given,
    ...(ended === null ? [] : [ended.part]),
    ...(gone === null ? [] : [gone.part]),
    ...(activity.part === null ? [] : [activity.part]),
    ...concludeThread(beside),
    ...concludeHouse(own, singles),
    ...besidesPart(own, beside),
  ]
  const clauses = [
    authorised.clause,
    ...(ended === null ? [] : [ended.clause]),
    ...(gone === null ? [] : [gone.clause]),
    ...(activity.clause === null ? [] : [activity.clause]),
  ]
  return {
    about: grant,
    line: [...clauses.map(({ words }) => words), ...(exists ? unusable(own) : notGiven(own))].join(', '),
    standing: worst([...clauses.map(({ standing }) => standing), given.standing]),
    parts,
    notProved: listNotProved({
      ...{ own, beside, facts, policies, singles },
      first: exists ? activityNotProved(grant, beside) : [],
      kept: independence(own),
    }),
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

/** What the events do not show of who keeps the evidence. */
function independence(own: readonly ProvedEvent[]): string[] {
  const providings = allOf(own, 'grant.providing')
  const told = providings.flatMap(({ data }) => data.independence ?? [])
  const lacks = [...new Set(told.flatMap((one) => lackOfIndependence(one) ?? []))]
  if (told.length === providings.length && providings.length > 0) return lacks
  return [
    ...lacks,
    'the witness: these events do not say where else the checkpoint is kept. A file on the same machine is weak',
  ]
}
