import { type FindingEvent, findingStream } from '../domain/finding-event.ts'
import { type FindingState, foldFinding } from '../domain/finding-state.ts'
import type { Placed } from '../domain/grant-event.ts'
import type { Line } from '../ports/chat.ts'
import { type Announcement, inEveryChannel, type Told } from './announcement.ts'
import { findingCard, titleOf } from './finding-card.ts'
import { code, line, type Names, people, person, strong, time, typed } from './text.ts'
import { triedLine } from './tried-line.ts'

/** So many are told in person at most. */
const MOST_TOLD = 10

/** Everything that people should see of one finding, from its events alone. */
export function announceFinding(id: string, events: readonly Placed<FindingEvent>[], names: Names): Announcement[] {
  const state = foldFinding(id, events)
  if (state === null) return []
  const stream = findingStream(id)
  const card = findingCard(state, wasToldOverdue(state, events), names)
  const isOpen = state.status !== 'closed' && state.status !== 'accepted'
  const priority = isOpen && (state.severity === 'critical' || state.severity === 'high') ? 1 : 3
  const told: Told[] = [
    { key: `${stream}:card`, to: { kind: 'card' }, message: card, priority },
    ...state.owners.slice(0, MOST_TOLD).map(
      ({ id: identity }): Told => ({
        ...{ key: `${stream}:owner:${identity}`, to: { kind: 'person', identity }, message: card, priority },
      }),
    ),
    ...events.flatMap((event): Told[] => {
      const message = findingEventLine(event, names)
      const inThread: Told[] =
        message === null ? [] : [{ key: `${stream}:line:${event.seq}`, to: { kind: 'thread' }, message, priority: 3 }]
      return [...inThread, ...inPerson(state, event, names)]
    }),
  ]
  return inEveryChannel(told, { stream, announcedIn: state.announcedIn })
}

function wasToldOverdue(state: FindingState, events: readonly Placed<FindingEvent>[]): boolean {
  if (state.status === 'closed' || state.status === 'accepted') return false
  const last = events.findLast(({ type }) => type === 'finding.reminded')
  return last?.type === 'finding.reminded' && last.data.because !== 'due-soon' && last.data.moment >= state.due
}

/** An update notifies nobody: who is to do something next hears it. */
function inPerson(state: FindingState, event: Placed<FindingEvent>, names: Names): Told[] {
  if (event.type !== 'finding.reminded') return []
  const { to, because, moment } = event.data
  return to.map((identity) => ({
    key: `${findingStream(state.id)}:reminder:${moment}:${identity}`,
    to: { kind: 'person', identity },
    message: reminderLine(state, because, names),
    priority: because === 'due-soon' ? 3 : 1,
  }))
}

type Because = Extract<FindingEvent, { type: 'finding.reminded' }>['data']['because']

function reminderLine(state: FindingState, because: Because, names: Names): Line {
  const { id, due, takenBy, acceptance } = state
  const show = [' ', code(`/access findings ${id}`), ' shows it.']
  const owner = takenBy === null ? [' Nobody has taken it.'] : [' ', person(takenBy, names), ' has it.']
  const start = [code(id), ` ${titleOf(state)}: `] as const
  if (because === 'acceptance-ends') {
    return line('waiting', ...start, 'it is accepted until ', time(acceptance?.until ?? due, 'date-time'), '.', ...show)
  }
  const when =
    because === 'overdue' ? [strong('overdue'), ' since '] : because === 'due' ? [strong('due'), ' since '] : ['due ']
  return line(
    because === 'due-soon' ? 'waiting' : 'alarm',
    ...start,
    ...when,
    time(due, 'date-time'),
    '.',
    ...owner,
    ...show,
  )
}

/** What an event says in the thread of its card; null for what the card itself says. */
export function findingEventLine(event: Placed<FindingEvent>, names: Names): Line | null {
  switch (event.type) {
    case 'finding.opened':
      return null
    case 'finding.seen-again':
      return line('alarm', 'Seen again: ', typed(event.data.detail))
    case 'finding.taken':
      return line('active', person(event.data.by, names), ' sees to it.')
    case 'finding.due-moved':
      return line(
        ...(['waiting', person(event.data.by, names), ' moved when it is due to '] as const),
        ...[time(event.data.due, 'date-time'), ': ', typed(event.data.reason)],
      )
    case 'finding.fixed':
      return line(
        'active',
        person(event.data.by, names),
        ' says that it is ',
        strong('fixed'),
        ': ',
        typed(event.data.done),
      )
    case 'finding.retested': {
      const { by, passed, saw } = event.data
      const who = by === null ? 'I looked' : [person(by, names), ' looked']
      const what = passed ? ': it is gone. ' : ': it is still there. '
      return line(passed ? 'done' : 'alarm', ...[who].flat(), what, typed(saw))
    }
    case 'finding.acceptance-asked': {
      const { by, until, reason, control } = event.data
      return line(
        ...(['waiting', person(by, names), ' asks to let it rest until ', time(until, 'date-time')] as const),
        ...[': ', typed(reason), '. Instead: ', typed(control), '. A second person has to say so too.'],
      )
    }
    case 'finding.accepted':
      return line(
        ...(['info', strong('Accepted'), ' until ', time(event.data.until, 'date-time'), ' by '] as const),
        ...[...people(event.data.by, names), '.'],
      )
    case 'finding.reopened':
      return event.data.because === 'seen-again'
        ? line('alarm', strong('Open again'), ': the fix did not hold. ', typed(event.data.detail ?? ''))
        : line('alarm', strong('Open again'), ': the time for which it was accepted is over.')
    case 'finding.reminded': {
      const { because, to } = event.data
      return line('info', 'Reminded ', ...people(to, names), `: ${REMINDED[because]}.`)
    }
    case 'finding.closed':
      return event.data.by === null
        ? line('done', strong('Closed'), ': it was seen to be gone, and no more is asked for this.')
        : line('done', strong('Closed'), ' by ', person(event.data.by, names), '.')
    case 'act.refused':
      return triedLine(event.data, names)
    case 'closed':
      return null
    default:
      return event satisfies never
  }
}

const REMINDED: Readonly<Record<Because, string>> = {
  'due-soon': 'it is due soon',
  due: 'it is due',
  overdue: 'it is overdue',
  'acceptance-ends': 'the time for which it is accepted ends soon',
}
