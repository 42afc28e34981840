import type { FindingEvent } from '../domain/finding-event.ts'
import type { FindingState } from '../domain/finding-state.ts'
import type { Line } from '../ports/chat.ts'
import { code, line, type Names, people, strong, time } from './text.ts'

/** What who acted on a finding hears. @param facts what came of it */
export function settledLine(state: FindingState, facts: readonly FindingEvent[], names: Names): Line {
  const last = facts.at(-1)
  const id = code(state.id)
  switch (last?.type) {
    case 'finding.taken':
      return line(
        'active',
        strong('Yours.'),
        ' You are reminded before ',
        id,
        ' is due, ',
        time(state.due, 'date-time'),
        '.',
      )
    case 'finding.due-moved':
      return line('info', strong('Moved.'), ' ', id, ' is due ', time(state.due, 'date-time'), '.')
    case 'finding.fixed':
      return line('waiting', strong('Noted.'), ' Somebody else looks now whether ', id, ' is gone, and closes it.')
    case 'finding.retested':
      return last.data.passed
        ? line('done', strong('Gone.'), ' ', id, ' can be closed, by anybody but ', ...people(state.fixers, names), '.')
        : line('alarm', strong('Still there.'), ' ', id, ' is open again.')
    case 'finding.acceptance-asked':
      return line('waiting', strong('One of two.'), ' ', id, ' stays open until a second person lets it rest.')
    case 'finding.accepted':
      return line(
        'info',
        strong('Accepted'),
        ' until ',
        time(last.data.until, 'date-time'),
        '. Then ',
        id,
        ' is open again.',
      )
    case 'finding.closed':
      return line('done', strong('Closed.'), ' ', id, ' is over.')
    default:
      return line('info', id, ' is as it was.')
  }
}

/** What who asks for a look at the record hears. */
export function checkingLine(id: string): Line {
  return line(
    'waiting',
    strong('Reading the whole record.'),
    ' What comes of it is told in the thread of ',
    code(id),
    '.',
  )
}
