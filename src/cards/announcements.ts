import { type GrantEvent, grantStream, type Placed } from '../domain/grant-event.ts'
import { foldGrant, type GrantState } from '../domain/grant-state.ts'
import type { Card, Line } from '../ports/chat.ts'
import { type CardContext, grantCard } from './grant-card.ts'
import { threadLine } from './thread-line.ts'

/** A message that should exist. `key` is stable: posted once, replaced when its content changes. */
export interface Announcement {
  readonly key: string
  readonly to:
    | { readonly kind: 'channel'; readonly channel: string }
    | { readonly kind: 'thread' }
    | { readonly kind: 'person'; readonly identity: string }
  readonly message: Card | Line
  /** Lower goes first: decision asked, then how to connect, then removed, then the rest. */
  readonly priority: 0 | 1 | 2 | 3
}

/** Steps of one grant that follow each other within this time are one line in its thread. */
const ONE_LINE_MS = 2_000

/** Everything that people should see of one grant, from its events alone. Sending is somebody else's. */
export function announceGrant(id: string, events: readonly Placed<GrantEvent>[], context: CardContext): Announcement[] {
  const state = foldGrant(id, events)
  if (state === null) return []
  const stream = grantStream(id)
  return [
    {
      key: `${stream}:card`,
      to: { kind: 'channel', channel: state.channel },
      message: grantCard(state, 'channel', context),
      priority: state.status === 'pending' ? 0 : 3,
    },
    ...approverCards(stream, state, events, context),
    ...holderCard(stream, state, events, context),
    ...escalations(stream, events, state, context),
    ...threadLines(stream, events, context),
  ]
}

function approverCards(
  stream: string,
  state: GrantState,
  events: readonly Placed<GrantEvent>[],
  context: CardContext,
): Announcement[] {
  const asked = events.flatMap((event) => {
    const changes = event.type === 'request.asked' || event.type === 'request.approvers-changed'
    return changes || event.type === 'extension.asked' ? event.data.approvers.map((approver) => approver.id) : []
  })
  const deciding = state.status === 'pending' || state.extension?.status === 'pending'
  return [...new Set(asked)].map((identity) => ({
    key: `${stream}:approver:${identity}`,
    to: { kind: 'person', identity },
    message: grantCard(state, 'approver', context),
    priority: deciding ? 0 : 3,
  }))
}

/** The holder hears of the request only once something happened to it: they have just sent it themselves. */
function holderCard(
  stream: string,
  state: GrantState,
  events: readonly Placed<GrantEvent>[],
  context: CardContext,
): Announcement[] {
  if (state.status === 'pending' && state.missing === 0 && events.length === 1) return []
  return [
    {
      key: `${stream}:holder`,
      to: { kind: 'person', identity: state.for },
      message: grantCard(state, 'holder', context),
      priority: state.status === 'active' ? 1 : 2,
    },
  ]
}

function escalations(
  stream: string,
  events: readonly Placed<GrantEvent>[],
  state: GrantState,
  context: CardContext,
): Announcement[] {
  return events.flatMap((event) => {
    if (event.type !== 'request.held' && event.type !== 'grant.stuck') return []
    return event.data.escalatedTo.map(
      (identity): Announcement => ({
        key: `${stream}:escalation:${event.type}:${identity}`,
        to: { kind: 'person', identity },
        message: { ...grantCard(state, 'approver', context), buttons: [] },
        priority: 1,
      }),
    )
  })
}

function threadLines(stream: string, events: readonly Placed<GrantEvent>[], context: CardContext): Announcement[] {
  const groups: { first: number; since: number; lines: Line[] }[] = []
  for (const event of events) {
    const said = threadLine(event, context.names)
    if (said === null) continue
    const group = groups.at(-1)
    if (group !== undefined && event.at - group.since < ONE_LINE_MS) group.lines.push(said)
    else groups.push({ first: event.seq, since: event.at, lines: [said] })
  }
  return groups.map((group) => ({
    key: `${stream}:line:${group.first}`,
    to: { kind: 'thread' },
    message: joinLines(group.lines),
    priority: 3,
  }))
}

function joinLines(lines: readonly Line[]): Line {
  const last = lines.at(-1)
  if (last === undefined) throw new Error('A group of thread lines is never empty')
  return {
    tone: lines.find((one) => one.tone === 'alarm')?.tone ?? last.tone,
    text: lines.flatMap((one, index) => [...(index === 0 ? [] : [{ kind: 'text', text: ' ' } as const]), ...one.text]),
  }
}
