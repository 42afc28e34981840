import { activityNotProved, concludeActivity } from './conclude-activity.ts'
import { concludeAuthorised } from './conclude-authorised.ts'
import { concludeEnded, concludeGiven } from './conclude-ended.ts'
import { concludeGone } from './conclude-gone.ts'
import { concludePasskeys } from './conclude-passkeys.ts'
import type { Names } from './conclude-people.ts'
import { concludeStory } from './conclude-story.ts'
import { allOf, type Clause, type EventOf, lastOf, type Part, type ProvedEvent, utc, worst } from './conclusion.ts'
import { formatDuration } from './duration.ts'
import { type GrantEvent, grantOfStream } from './grant-event.ts'
import { lackOfIndependence } from './independence.ts'

/** Reads what was proved of one grant and says what it comes to. What is not shown is never taken for granted. */
export const concludeGrant = concludeStory<GrantEvent>(
  grantOfStream,
  ({ id, own, beside, policies, names, targets }) => {
    const [asked] = own
    if (asked?.type !== 'request.asked') return null
    const exists = own.some(({ type }) => type === 'grant.providing')
    const authorised = concludeAuthorised(asked, own, policies)
    const given = concludeGiven(own, names)
    const ended = exists ? [concludeEnded(own, names)] : []
    const gone = exists || beside.some(({ type }) => type === 'orphan.found') ? [concludeGone(own, beside, names)] : []
    const activity = concludeActivity(
      { grant: id, givenAt: lastOf(own, 'grant.active')?.data.activatedAt ?? null, names },
      beside,
    )
    const clauses = [authorised.clause, ...[...ended, ...gone].map(clauseOf), ...activity.clauses]
    return {
      about: id,
      line: [...clauses.map(({ words }) => words), ...(exists ? unusable(own) : notGiven(own, names))].join(', '),
      standing: worst([...clauses, given].map(({ standing }) => standing)),
      begins: [askedPart(asked, names, targets)],
      goesOn: [authorised.part, ...concludePasskeys(beside, names), given, ...ended, ...gone, ...activity.parts],
      notProved: exists ? activityNotProved(id, beside) : [],
      ...(exists && { kept: independence(own) }),
    }
  },
)

function askedPart({ at, data }: EventOf<'request.asked'>, names: Names, targets: Names): Part {
  const right = `${data.target}:${data.entitlement}`
  const on = targets(data.target)
  return {
    title: 'Asked',
    standing: 'shown',
    says: `${names(data.by)} asked for ${right}${data.for === data.by ? '' : ` for ${names(data.for)}`}, for ${formatDuration(data.durationMs)}`,
    facts: [
      { label: 'By', value: names(data.by) },
      { label: 'For', value: names(data.for) },
      { label: 'What', value: `${right}, which the target calls ${data.grants}` },
      ...(on === data.target ? [] : [{ label: 'On', value: on }]),
      { label: 'How long', value: formatDuration(data.durationMs) },
      { label: 'Why', value: data.reason },
      { label: 'When', value: utc(at) },
    ],
  }
}

function clauseOf({ says, standing }: Part): Clause {
  return { words: says, standing }
}

function notGiven(own: readonly ProvedEvent[], names: Names): string[] {
  const isOver = own.some(({ type }) => OVER.includes(type))
  const cancelled = own.some(({ type }) => type === 'request.approved') ? lastOf(own, 'request.cancelled') : undefined
  const back = cancelled === undefined ? [] : [`taken back by ${names(cancelled.data.by)}`]
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
  if (told.length === providings.length) return lacks
  return [
    ...lacks,
    'the witness: these events do not say where else the checkpoint is kept. A file on the same machine is weak',
  ]
}
