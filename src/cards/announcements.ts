import { type GrantEvent, grantStream, type Placed } from '../domain/grant-event.ts'
import { foldGrant, type GrantState } from '../domain/grant-state.ts'
import type { Card, Line } from '../ports/chat.ts'
import type { Announcement } from './announcement.ts'
import { extensionCard, mayDecide } from './extension-card.ts'
import { type ExtensionStory, extensionStories } from './extension-story.ts'
import { type CardContext, grantCard } from './grant-card.ts'
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
 */
export function announceGrant(
  id: string,
  events: readonly Placed<GrantEvent>[],
  context: CardContext,
  undelivered: readonly Undelivered[] = [],
): Announcement[] {
  const state = foldGrant(id, events)
  if (state === null) return []
  const stream = grantStream(id)
  const stories = extensionStories(events)
  return [
    {
      key: `${stream}:card`,
      to: { kind: 'channel', channel: state.channel },
      message: grantCard(state, 'channel', context),
      priority: state.status === 'pending' ? 0 : 3,
    },
    ...approverCards(stream, state, events, context),
    ...stories.flatMap((story) => extensionCards(stream, state, story, context)),
    ...holderMessages(stream, state, events, stories, context),
    ...escalations(stream, events, state, context),
    ...untoldMessages(stream, state, events, undelivered, context),
    ...threadLines(stream, events, state, context),
  ]
}

function approverCards(
  stream: string,
  state: GrantState,
  events: readonly Placed<GrantEvent>[],
  context: CardContext,
): Announcement[] {
  const asked = events.flatMap((event) =>
    event.type === 'request.asked' || event.type === 'request.approvers-changed' ? event.data.approvers : [],
  )
  return [...new Set(asked.map((approver) => approver.id))].map((identity) => {
    const mayStill =
      state.status === 'pending' &&
      state.approvers.some((approver) => approver.id === identity) &&
      !state.signatures.some((signature) => signature.by === identity)
    const card = grantCard(state, 'approver', context)
    return {
      key: `${stream}:approver:${identity}`,
      to: { kind: 'person', identity },
      message: mayStill ? card : withoutButtons(card),
      priority: mayStill ? 0 : 3,
    }
  })
}

function extensionCards(
  stream: string,
  state: GrantState,
  story: ExtensionStory,
  context: CardContext,
): Announcement[] {
  return story.approvers.map(({ id }) => ({
    key: `${stream}:approver:${id}:ext:${story.askedSeq}`,
    to: { kind: 'person', identity: id },
    message: extensionCard(state, story, id, context),
    priority: mayDecide(story, id) ? 0 : 3,
  }))
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
): Announcement[] {
  const groups: { first: number; since: number; lines: Line[] }[] = []
  for (const event of events) {
    const said = threadLine(event, context.names, state.for)
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
