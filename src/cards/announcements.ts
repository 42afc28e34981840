import { type GrantEvent, grantStream, type Placed } from '../domain/grant-event.ts'
import { foldGrant, type GrantState } from '../domain/grant-state.ts'
import type { Card, Line } from '../ports/chat.ts'
import { type ActivityEnded, activityLine } from './activity-line.ts'
import { type Announcement, inEveryChannel, type Told } from './announcement.ts'
import { joinLines } from './bundle-lines.ts'
import { extensionCard, mayDecide } from './extension-card.ts'
import { type ExtensionStory, extensionStories } from './extension-story.ts'
import { type CardContext, grantCard, signersOf } from './grant-card.ts'
import { holderMessages } from './holder-messages.ts'
import { threadLine } from './thread-line.ts'
import { type Undelivered, untoldMessages } from './untold.ts'

/** Steps of one grant that follow each other within this time are one line in its thread. */
const ONE_LINE_MS = 2_000

/**
 * Everything that people should see of one grant, from its events alone. Sending is somebody else's.
 * What needs a person's attention is a message of its own, because an update notifies nobody; the
 * older ones go on being updated, so that no button stays that would be refused.
 * @param undelivered what was given up of it, from the stream beside the grant's own
 * @param activity what was done with it, once the log of the target was read to its end
 */
export function announceGrant(
  id: string,
  events: readonly Placed<GrantEvent>[],
  context: CardContext,
  undelivered: readonly Undelivered[] = [],
  activity: ActivityEnded | null = null,
): Announcement[] {
  const state = foldGrant(id, events)
  if (state === null) return []
  const stream = grantStream(id)
  const stories = extensionStories(events)
  const told: Told[] = [
    {
      key: `${stream}:card`,
      to: { kind: 'card' },
      message: grantCard(state, 'channel', context),
      priority: state.status === 'pending' ? 0 : state.status === 'removed' ? 2 : 3,
    },
    ...approverCards(id, state, events, context),
    ...stories.flatMap((story) => extensionCards(stream, state, story, context)),
    ...holderMessages(stream, state, events, stories, context),
    ...escalations(stream, events, state, context),
    ...untoldMessages(stream, state, events, undelivered, context),
    ...threadLines(stream, events, state, context),
    ...activityLine(stream, activity),
  ]
  return inEveryChannel(told, { stream, announcedIn: state.announcedIn })
}

/** What an approver was asked, and how it was decided: what came of it is in the channel. */
function approverCards(
  id: string,
  state: GrantState,
  events: readonly Placed<GrantEvent>[],
  context: CardContext,
): Told[] {
  const stream = grantStream(id)
  const asked = events.flatMap((event) =>
    event.type === 'request.asked' || event.type === 'request.approvers-changed' ? event.data.approvers : [],
  )
  const decided = stateWhenDecided(id, events) ?? state
  return [...new Set(asked.map((approver) => approver.id))].map((identity) => {
    const mayStill =
      state.status === 'pending' &&
      state.approvers.some((approver) => approver.id === identity) &&
      !signersOf(state.signatures, state, context).includes(identity)
    const card = grantCard(decided, 'approver', context)
    return {
      key: `${stream}:approver:${identity}`,
      to: { kind: 'person', identity },
      message: mayStill ? card : withoutButtons(card),
      priority: mayStill ? 0 : 3,
    }
  })
}

/** An approver's card ends with the decision: Slack takes fifty updates a minute, and a storm of endings has better. */
function stateWhenDecided(id: string, events: readonly Placed<GrantEvent>[]): GrantState | null {
  const at = events.findLastIndex(({ type }) => DECIDED.includes(type))
  return at === -1 ? null : foldGrant(id, events.slice(0, at + 1))
}

const DECIDED: readonly GrantEvent['type'][] = [
  ...(['request.approved', 'request.denied', 'request.cancelled', 'request.lapsed'] as const),
  ...(['request.expired', 'grant.failed'] as const),
]

function extensionCards(stream: string, state: GrantState, story: ExtensionStory, context: CardContext): Told[] {
  // A click does not count where the policy needs a passkey now: they may decide again.
  const open = story.outcome === null ? state.extension : null
  const counted = open === null ? story : { ...story, signed: signersOf(open.signatures, state, context) }
  return story.approvers.map(({ id }) => ({
    key: `${stream}:approver:${id}:ext:${story.askedSeq}`,
    to: { kind: 'person', identity: id },
    message: extensionCard(state, counted, id, context),
    priority: mayDecide(counted, id) ? 0 : 3,
  }))
}

function escalations(
  stream: string,
  events: readonly Placed<GrantEvent>[],
  state: GrantState,
  context: CardContext,
): Told[] {
  return events.flatMap((event) => {
    if (event.type !== 'request.held' && event.type !== 'grant.stuck') return []
    return event.data.escalatedTo.map(
      (identity): Told => ({
        key: `${stream}:escalation:${event.seq}:${identity}`,
        to: { kind: 'person', identity },
        message: withoutButtons(grantCard(state, 'approver', context)),
        priority: 1,
      }),
    )
  })
}

function withoutButtons(card: Card): Card {
  return { ...card, buttons: [] }
}

function threadLines(
  stream: string,
  events: readonly Placed<GrantEvent>[],
  state: GrantState,
  context: CardContext,
): Told[] {
  const groups: { first: number; since: number; lines: Line[]; isLast: boolean }[] = []
  for (const event of events) {
    const said = threadLine(event, context.names, state.for)
    if (said === null) continue
    const before = groups.at(-1)
    const group =
      before !== undefined && event.at - before.since < ONE_LINE_MS
        ? before
        : { first: event.seq, since: event.at, lines: [], isLast: false }
    if (group !== before) groups.push(group)
    group.lines.push(said)
    group.isLast ||= event.type === 'grant.removed' || event.type === 'grant.stuck'
  }
  return groups.map((group) => ({
    key: `${stream}:line:${group.first}`,
    to: { kind: 'thread' },
    message: joinLines(group.lines),
    priority: group.isLast ? 2 : 3,
    steps: true,
  }))
}
