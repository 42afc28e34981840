import type { Placed } from '../domain/grant-event.ts'
import type { ThreadEvent } from '../domain/thread-event.ts'
import type { Button, Card, Line, Span } from '../ports/chat.ts'
import type { CardContext } from './grant-card.ts'
import { anyOf, code, line, type Names, person, strong, text, time, typed } from './text.ts'

type Asked = Extract<ThreadEvent, { type: 'thread.redaction-asked' }>
type Written = Placed<Extract<ThreadEvent, { type: 'thread.written' }>>
type Over = Placed<Extract<ThreadEvent, { type: 'thread.redacted' | 'thread.redaction-declined' }>>

/**
 * For whoever may be the second. It does not show the words: they are where they were written, and in the evidence; it says
 * where that is.
 * @param card the stream of the card that it stands under
 */
export function redactionCard(
  { data, at, seq }: Placed<Asked>,
  { over, written, card }: { readonly over: Over | null; readonly written: Written | null; readonly card: string },
  { names }: CardContext,
): Card {
  const isErased = over?.type === 'thread.redacted'
  const buttons: readonly Pick<Button, 'action' | 'label' | 'style'>[] = [
    { action: 'confirm-order', label: 'Confirm: erase it', style: 'danger' },
    { action: 'decline-order', label: 'Decline', style: 'plain' },
  ]
  return {
    tone: over === null ? 'waiting' : isErased ? 'done' : 'refused',
    title: `Erase the text of ${data.line}`,
    badge: over === null ? 'second signature' : isErased ? 'erased' : 'declined',
    facts: [
      {
        label: 'What',
        value: data.line.startsWith('T-')
          ? text(code(data.line), ', written', ...whoWrote(written, names), ' under ', code(card.replace(/^\w+:/, '')))
          : text(code(data.line), ', its reasons'),
      },
      { label: 'Why', value: text(typed(data.reason)) },
      { label: 'Asked by', value: text(person(data.by, names), ' at ', time(at, 'date-time')) },
      ...(over === null
        ? [{ label: 'Expires', value: text(time(data.pendingUntil, 'date-time')) }]
        : [
            {
              label: isErased ? 'Erased by' : 'Declined by',
              value: text(person(over.data.by, names), ' at ', time(over.at, 'date-time')),
            },
          ]),
    ],
    body:
      over === null
        ? [text('The events and their proofs stay; what the text said is gone from the record. It cannot be undone.')]
        : [],
    buttons: over === null ? buttons.map((button) => ({ ...button, request: data.line, revision: seq })) : [],
    footer: [],
  }
}

function whoWrote(written: Written | null, names: Names): (string | Span)[] {
  if (written === null) return []
  const { by, sentAt } = written.data
  return [' by ', by === null ? 'somebody unknown' : person(by, names), ' at ', time(sentAt, 'date-time')]
}

/** What the first of two hears, and who asks for the same again. */
export function redactionLine({ line: id, confirmers, pendingUntil }: Asked['data'], names: Names): Line {
  const who = anyOf(confirmers, names)
  return line(
    ...(['waiting', strong('One of two. '), 'The text of ', code(id), ' stays until '] as const),
    ...[...who, ' confirms, before ', time(pendingUntil, 'date-time'), '.'],
  )
}

/** What the second hears. */
export function redactedLine(id: string, isGrant: boolean): Line {
  const words = isGrant
    ? ' is erased from the record, and my own cards are changed.'
    : ' is erased from the record. What stands in chat is not mine to delete: whoever wrote it can.'
  return line('done', 'The text of ', code(id), words)
}
