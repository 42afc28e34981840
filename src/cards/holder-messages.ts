import { formatDuration } from '../domain/duration.ts'
import type { GrantEvent, Placed, WaitCause } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Card, Line, Span } from '../ports/chat.ts'
import type { Told } from './announcement.ts'
import { endNearCard } from './end-near-card.ts'
import type { ExtensionStory } from './extension-story.ts'
import { type CardContext, grantCard } from './grant-card.ts'
import { code, line, type Names, people, person, strong, time, typed } from './text.ts'
import { waitWord } from './wait-word.ts'

/**
 * What the holder hears in person: one message for each thing that they should notice, because an
 * update notifies nobody. Of the asking itself they hear nothing: they have just sent it.
 */
export function holderMessages(
  stream: string,
  state: GrantState,
  events: readonly Placed<GrantEvent>[],
  stories: readonly ExtensionStory[],
  context: CardContext,
): Told[] {
  const said = events.flatMap((event) => onEvent(event, events, state, context))
  const all = [...said, ...stories.flatMap((story) => onExtension(story, state, context.names))]
  // The last one under a key is what holds: a removal that was stuck, and is done.
  const byKey = new Map(all.map((one) => [one.about, one]))
  return [...byKey.values()].map(({ about, message, priority }) => ({
    key: `${stream}:holder:${about}`,
    to: { kind: 'person', identity: state.for },
    message,
    priority,
  }))
}

interface Said {
  readonly about: string
  readonly message: Card | Line
  readonly priority: Told['priority']
}

function onEvent(
  event: Placed<GrantEvent>,
  events: readonly Placed<GrantEvent>[],
  state: GrantState,
  context: CardContext,
): Said[] {
  const { names } = context
  const right = `${state.target}:${state.entitlement}`
  const mine: (string | Span)[] = ['your request for ', code(right), ' (', code(state.id), ')']
  const decided = (message: Line): Said[] => [{ about: 'decided', message, priority: 1 }]
  switch (event.type) {
    case 'request.held':
      // What is held from the start is in the answer to the asking.
      return event.seq <= 2 ? [] : [{ about: `held:${event.seq}`, priority: 1, message: heldLine(mine, event, names) }]
    case 'request.approved':
      return decided(
        line(
          ...(['active', strong('Approved'), ' by ', ...people(event.data.by, names), ': ', ...mine] as const),
          `, for ${formatDuration(state.durationMs)}. I will tell you when it works.`,
        ),
      )
    case 'request.denied':
      return decided(line('refused', person(event.data.by, names), ' denied ', ...mine, ...because(event.data.reason)))
    case 'request.expired':
      return decided(
        line(
          ...(['info', 'Nobody decided ', ...mine, ' in time, and nothing was given. Still needed? '] as const),
          ...[code(`/access ${right} ${formatDuration(state.durationMs)} <why>`), ' asks again.'],
        ),
      )
    case 'request.cancelled':
      return event.data.by === state.for || event.data.by === state.by
        ? []
        : decided(
            line(
              'info',
              person(event.data.by, names),
              ' withdrew ',
              ...mine,
              ...ordered(event.data.order),
              '. Nothing was given.',
            ),
          )
    case 'request.lapsed':
      return decided(line('info', 'The request for ', ...mine, ' is closed: ', LAPSED[event.data.because], '.'))
    case 'grant.waiting':
      return [{ about: 'waiting', priority: 1, message: waitingLine(mine, event.data.because) }]
    case 'grant.active':
      return [{ about: 'active', message: grantCard(state, 'holder', context), priority: 1 }]
    case 'grant.end-near': {
      const { endsAt } = event.data
      const open = state.status === 'active' && state.access?.endsAt === endsAt
      return [{ about: `end-near:${endsAt}`, message: endNearCard(state, endsAt, event.at), priority: open ? 0 : 3 }]
    }
    case 'grant.failed':
      return [{ about: 'failed', message: failedLine(mine, event.data.message), priority: 1 }]
    case 'grant.ending': {
      if (event.data.cause !== 'provision-failed') return []
      const tried = events.findLast((one) => one.seq < event.seq && one.type === 'grant.attempt-failed')
      const why = tried?.type === 'grant.attempt-failed' ? tried.data.message : 'The target did not take it.'
      return [{ about: 'failed', message: failedLine(mine, why), priority: 1 }]
    }
    case 'grant.removed':
    case 'grant.stuck':
      return state.ending?.cause === 'provision-failed'
        ? []
        : [{ about: 'over', message: overLine(event, state, names), priority: 2 }]
    default:
      return []
  }
}

const LAPSED = { left: 'whoever asked has left', moved: 'you may not ask for it any more' }

function heldLine(
  mine: readonly (string | Span)[],
  { data: { missing, escalatedTo } }: Placed<Extract<GrantEvent, { type: 'request.held' }>>,
  names: Names,
): Line {
  const lacks = missing === 1 ? 'an approver is missing' : `${missing} approvers are missing`
  const told = escalatedTo.length === 0 ? [] : [' Told: ', ...people(escalatedTo, names), '.']
  return line('alarm', 'Nobody can approve ', ...mine, ` any more: ${lacks}.`, ...told)
}

function waitingLine(mine: readonly (string | Span)[], because: WaitCause): Line {
  return line(
    ...['waiting' as const, 'Not yet: ', ...mine, ` is approved, and nothing is given. ${waitWord(because)} `],
    'You need not ask again: it is given by itself. Whoever runs Countersign sees the reason at /readyz.',
  )
}

function failedLine(mine: readonly (string | Span)[], why: string): Line {
  return line('refused', strong('No access: '), ...mine, ` was approved and could not be given. ${why}`)
}

function overLine(
  event: Placed<Extract<GrantEvent, { type: 'grant.removed' | 'grant.stuck' }>>,
  state: GrantState,
  names: Names,
): Line {
  const mine = ['Your access to ', code(`${state.target}:${state.entitlement}`), ' (', code(state.id), ')']
  const by = state.ending?.by
  const ended =
    by == null
      ? [' is over']
      : by === state.for
        ? [' is given back']
        : [' was ended by ', person(by, names), ...ordered(state.ending?.order)]
  return event.type === 'grant.removed'
    ? line('done', ...mine, ...ended, '. Looked, and it was gone at ', time(event.at, 'time-seconds'), '.')
    : line('alarm', ...mine, ...ended, ', but its removal is not proved yet. Please do not use it; somebody looks.')
}

function ordered(order: string | undefined): (string | Span)[] {
  return order === undefined ? [] : [', by order ', code(order)]
}

function onExtension(
  { askedSeq, outcome, durationMs, until }: ExtensionStory,
  state: GrantState,
  names: Names,
): Said[] {
  const ask = `your ask for ${formatDuration(durationMs)} more of `
  const right = code(`${state.target}:${state.entitlement}`)
  const about = `ext:${askedSeq}`
  switch (outcome?.how) {
    case 'extended': {
      const message = line('active', strong('Extended'), ' by ', ...people(outcome.by, names), ': ', right)
      return [{ about, priority: 1, message: { ...message, text: [...message.text, ...endsAt(until)] } }]
    }
    case 'denied':
      return [
        {
          ...{ about, priority: 1 },
          message: line('refused', ...people(outcome.by, names), ` denied ${ask}`, right, ...because(outcome.why)),
        },
      ]
    case 'failed':
      return [
        {
          ...{ about, priority: 1 },
          message: line('alarm', `I could not do ${ask}`, right, `: ${outcome.why} The old end stands.`),
        },
      ]
    case 'approved':
    case 'overtaken':
    case undefined:
      return []
    default:
      return outcome satisfies never
  }
}

function endsAt(at: number): Span[] {
  return [{ kind: 'text', text: ' ends at ' }, time(at, 'date-time'), { kind: 'text', text: '.' }]
}

function because(reason: string): (string | Span)[] {
  return reason === '' ? ['.'] : [': ', typed(reason)]
}
