import { type FindingEvent, findingOfStream } from '../domain/finding-event.ts'
import { targetOfFreeze } from '../domain/freeze-event.ts'
import { type GrantEvent, grantOfStream, type Placed } from '../domain/grant-event.ts'
import { type OrderEvent, orderOfStream } from '../domain/order-event.ts'
import type { Text } from '../ports/chat.ts'
import { eventWords } from './event-words.ts'
import { findingEventLine } from './finding-announcements.ts'
import { scopeSpan } from './freeze-lines.ts'
import { orderLine } from './order-announcements.ts'
import { code, type Names, text } from './text.ts'
import { threadLine } from './thread-line.ts'

/** One event of any stream in human words, for the pane that shows the record. */
export function recordLine(stream: string, event: Placed<{ type: string; data: object }>, names: Names): Text {
  const id = grantOfStream(stream)
  if (id === null) return otherLine(stream, event, names)
  if (event.type === 'closed') return text(code(id), ' is complete.')
  const said = threadLine(event as Placed<GrantEvent>, names)
  return said === null ? text(code(id), ' ', eventWords(event.type)) : text(code(id), ' ', ...said.text)
}

function otherLine(stream: string, event: Placed<{ type: string; data: object }>, names: Names): Text {
  const order = orderOfStream(stream)
  const said = order === null ? null : orderLine(event as Placed<OrderEvent>, names)
  if (order !== null && event.type === 'closed') return text(code(order), ' is complete.')
  if (order !== null && said !== null) return text(code(order), ' ', ...said.text)
  const finding = findingOfStream(stream)
  const found = finding === null ? null : findingEventLine(event as Placed<FindingEvent>, names)
  if (finding !== null && event.type === 'finding.opened') return text(code(finding), ' A finding was opened.')
  if (finding !== null && event.type === 'closed') return text(code(finding), ' is complete.')
  if (finding !== null && found !== null) return text(code(finding), ' ', ...found.text)
  const target = targetOfFreeze(stream)
  if (target !== null) return text(scopeSpan(target), ` ${FREEZE_WORDS[event.type] ?? event.type}`)
  const [kind = stream] = stream.split(':')
  return text(event.type === 'closed' ? `The record of one ${kind} is complete.` : eventWords(event.type))
}

const FREEZE_WORDS: Readonly<Record<string, string>> = {
  'freeze.set': 'was frozen.',
  'freeze.lift-asked': 'is to be unfrozen: one of two has signed.',
  'freeze.lifted': 'is not frozen any more.',
}
