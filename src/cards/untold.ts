import type { ChannelOn } from '../domain/channels.ts'
import type { Approver, GrantEvent, Placed } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { cardKey, keyIn, type Told } from './announcement.ts'
import { cardPlaces, channelName } from './channel-name.ts'
import { type CardContext, grantCard } from './grant-card.ts'
import { code, line, people, person, text } from './text.ts'
import { threadLine } from './thread-line.ts'

/** A message that was given up, or was found deleted, as the record has it. */
export type Undelivered = Placed<Extract<GrantEvent, { type: 'notice.undeliverable' | 'notice.deleted' }>>
type GivenUp = Extract<Undelivered, { type: 'notice.undeliverable' }>

/**
 * Who was to decide and could not be told: said in the thread and to the holder, so that somebody asks
 * them in another way; and when none of them could be told, to the people of last resort. Derived from
 * what was known when it happened, so that it stays said when more happens.
 */
export function untoldMessages(
  stream: string,
  state: GrantState,
  events: readonly Placed<GrantEvent>[],
  undelivered: readonly Undelivered[],
  context: CardContext,
): Told[] {
  const failed = new Map<string, Set<string>>()
  // A crash may have written the same fact twice.
  const once = undelivered.filter((fact, at) => undelivered.findIndex((one) => isSame(one, fact)) === at)
  return once.flatMap((fact): Told[] => {
    if (fact.type === 'notice.deleted') return cardDeleted(stream, fact, context)
    if (fact.data.instead !== undefined) return []
    const missing = state.announcedIn.find((where) => cardKey(stream, where) === fact.data.notice)
    if (missing !== undefined) return cardMissing(stream, missing, state, fact, context)
    const asking = askingOf(stream, events, fact)
    if (asking === null) return []
    const untold = (failed.get(asking.scope) ?? new Set()).add(fact.data.to)
    failed.set(asking.scope, untold)
    const nobody = asking.approvers.every((approver) => untold.has(approver))
    return [...oneUntold(stream, state, fact, context), ...(nobody ? escalate(stream, state, asking, context) : [])]
  })
}

function isSame(one: Undelivered, other: Undelivered): boolean {
  const wentTo = ({ type, data }: Undelivered) =>
    type === 'notice.undeliverable' ? `${data.fallback ?? ''} ${data.instead ?? ''}` : ''
  return one.type === other.type && one.data.notice === other.data.notice && wentTo(one) === wentTo(other)
}

interface Asking {
  readonly scope: string
  readonly approvers: readonly string[]
}

/** Which decision the message asked for; null when it asked for none, or the decision had been taken. */
function askingOf(stream: string, events: readonly Placed<GrantEvent>[], fact: GivenUp): Asking | null {
  const key = `${stream}:approver:${fact.data.to}`
  const known = events.filter((event) => event.at <= fact.at)
  if (fact.data.notice === key) {
    if (known.some((event) => DECIDED.includes(event.type))) return null
    const last = known.findLast((event) => event.type === 'request.approvers-changed' || event.type === 'request.asked')
    return last === undefined ? null : { scope: 'request', approvers: idsOf(last.data.approvers) }
  }
  const asked = known.find((event) => fact.data.notice === `${key}:ext:${event.seq}`)
  if (asked?.type !== 'extension.asked') return null
  if (known.some((event) => event.seq > asked.seq && EXTENSION_DECIDED.includes(event.type))) return null
  return { scope: `ext:${asked.seq}`, approvers: idsOf(asked.data.approvers) }
}

const DECIDED: readonly GrantEvent['type'][] = [
  'request.approved',
  'request.denied',
  'request.cancelled',
  'request.lapsed',
  'request.expired',
]
const EXTENSION_DECIDED: readonly GrantEvent['type'][] = ['extension.approved', 'extension.denied', 'grant.ending']

function idsOf(approvers: readonly Approver[]): string[] {
  return approvers.map((approver) => approver.id)
}

function oneUntold(stream: string, state: GrantState, fact: GivenUp, { names }: CardContext): Told[] {
  const who = person(fact.data.to, names)
  const message = line(
    ...([
      'alarm',
      who,
      ` could not be told in person (${fact.data.code}). Ask them in another way: the card in `,
    ] as const),
    ...[...cardPlaces(state.announcedIn), ' has the buttons, for ', code(state.id), '.'],
  )
  const about = `untold:${fact.seq}`
  return [
    { key: `${stream}:${about}`, to: { kind: 'thread' }, message, priority: 1 },
    { key: `${stream}:holder:${about}`, to: { kind: 'person', identity: state.for }, message, priority: 1 },
  ]
}

function escalate(stream: string, state: GrantState, asking: Asking, context: CardContext): Told[] {
  const { names, escalateTo } = context
  const untold = people(asking.approvers, names)
  const card = grantCard(state, 'approver', context)
  const why = text('None of those who may decide could be told: ', ...untold, '. Reach them in another way.')
  const told = line(
    'alarm',
    'None of those who may decide could be told. Told instead: ',
    ...people(escalateTo, names),
    '.',
  )
  const nobody = line(
    'alarm',
    'None of those who may decide could be told, and the policy names nobody to escalate to.',
  )
  return [
    {
      key: `${stream}:untold:all:${asking.scope}`,
      to: { kind: 'thread' },
      message: escalateTo.length === 0 ? nobody : told,
      priority: 1,
    },
    ...escalateTo.map(
      (identity): Told => ({
        key: `${stream}:escalation:untold:${asking.scope}:${identity}`,
        to: { kind: 'person', identity },
        message: { ...card, tone: 'alarm', body: [why, ...card.body], buttons: [] },
        priority: 0,
      }),
    ),
  ]
}

/** Without its card the request has no thread, and its approvers only the message in person. */
function cardMissing(stream: string, where: ChannelOn, state: GrantState, fact: GivenUp, context: CardContext): Told[] {
  const { fallback, code: why } = fact.data
  const start = ['The card of ', code(state.id), ' could not be posted in ', channelName(where), ` (${why}). `]
  const message =
    fallback === undefined
      ? line('alarm', ...start, 'Let me into that channel, or name another one in the policy.')
      : line(
          'alarm',
          ...start,
          'It is in ',
          channelName({ ...where, channel: fallback }),
          ' instead, until I am let into that channel.',
        )
  const about = keyIn(where, fallback === undefined ? 'no-card' : 'card-elsewhere')
  const told = new Set([...(context.target(state.target)?.owners ?? []), ...context.escalateTo])
  return [...told].map((identity) => ({
    key: `${stream}:escalation:${about}:${identity}`,
    to: { kind: 'person', identity },
    message,
    priority: 1,
  }))
}

function cardDeleted(stream: string, fact: Undelivered, { names }: CardContext): Told[] {
  const message = threadLine(fact, names)
  return message === null
    ? []
    : [{ key: `${stream}:deleted:${fact.seq}`, to: { kind: 'thread' }, message, priority: 3 }]
}
