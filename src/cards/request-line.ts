import { formatDuration } from '../domain/duration.ts'
import { type GrantState, isOpen } from '../domain/grant-state.ts'
import type { Line } from '../ports/chat.ts'
import { anyOf, code, line, type Names, strong, time } from './text.ts'

/** What somebody is told who has just asked, or who asks again for what is open already. */
export function requestLine(state: GrantState, isNew: boolean, names: Names): Line {
  const right = code(`${state.target}:${state.entitlement}`)
  const id = code(state.id)
  if (!isNew && state.status === 'active' && state.access !== null) {
    return line(
      'active',
      'You have ',
      right,
      ' already, until ',
      time(state.access.endsAt, 'date-time'),
      ' (',
      id,
      ').',
    )
  }
  if (!isNew && isOpen(state) && state.status !== 'pending') {
    return line('active', 'You have asked for ', right, ` already: it is ${state.status} (`, id, ').')
  }
  const start = isNew
    ? [strong('Asked'), ' for ', right, ` for ${formatDuration(state.durationMs)} (`, id, '). ']
    : ['You have asked for ', right, ' already (', id, '). ']
  if (state.missing > 0) {
    return line('alarm', ...start, 'Nobody may approve it yet: it is held, and the people who can mend that are told.')
  }
  const approvers = anyOf(state.approvers, names)
  return line('waiting', ...start, ...approvers, ' may decide. I will tell you.')
}
