import { counted } from '../domain/counted.ts'
import type { OrderState } from '../domain/order-state.ts'
import type { Subject } from '../domain/stewards.ts'
import type { Line, Span } from '../ports/chat.ts'
import { code, joined, line, type Names, person, strong } from './text.ts'

/** Whose access, or the access to what: `Ana`, `prod-db`. */
export function subjectSpan({ kind, id }: Subject, names: Names): Span {
  return kind === 'person' ? person(id, names) : code(id)
}

/** `2 grants and 1 request`. */
export function countWords(grants: number, requests: number): string {
  const of = (count: number, word: string) => (count === 0 ? [] : [counted(count, word)])
  const words = [...of(grants, 'grant'), ...of(requests, 'request')]
  return words.length === 0 ? 'nothing' : words.join(' and ')
}

/** What the first of two hears, or who proposes the same again. */
export function proposedLine(state: OrderState, isNew: boolean, names: Names): Line {
  const who = state.signers.map(({ id }) => person(id, names))
  const start = isNew
    ? [
        strong('Proposed'),
        ` to end ${countWords(state.grants, state.requests)} ${state.subject.kind === 'person' ? 'of' : 'on'} `,
      ]
    : ['That is proposed already, by ', person(state.by, names), ', for ']
  return line(
    ...(['waiting', ...start, subjectSpan(state.subject, names), ' (', code(state.id), '). '] as const),
    ...['Nothing ends before ', ...joined(who, ' or '), ' confirms.'],
  )
}

/** What who decides hears. */
export function decidedLine({ status, by, decided }: OrderState): Line {
  if (status !== 'declined') {
    return line(
      'waiting',
      strong('Confirmed.'),
      ' Ending it all now. I will say in the thread what is seen to be gone.',
    )
  }
  return line('info', strong(decided?.by === by ? 'Taken back.' : 'Declined.'), ' Nothing was ended.')
}
