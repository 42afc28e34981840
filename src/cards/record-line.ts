import { type FindingEvent, findingOfStream } from '../domain/finding-event.ts'
import { targetOfFreeze } from '../domain/freeze-event.ts'
import { type GrantEvent, grantOfStream, type Placed } from '../domain/grant-event.ts'
import { type OrderEvent, orderOfStream } from '../domain/order-event.ts'
import type { Text } from '../ports/chat.ts'
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
  return said === null ? text(code(id), ' ', event.type) : text(code(id), ' ', ...said.text)
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
  return text(wordsFor(stream, event.type))
}

const FREEZE_WORDS: Readonly<Record<string, string>> = {
  'freeze.set': 'was frozen.',
  'freeze.lift-asked': 'is to be unfrozen: one of two has signed.',
  'freeze.lifted': 'is not frozen any more.',
}

const WORDS: Readonly<Record<string, string>> = {
  'system.started': 'Countersign started.',
  'system.alarm': 'An alarm was raised.',
  'record.checked': 'The record was checked.',
  'record.mac-key-retired': 'A MAC key was retired.',
  'record.signer-appointed': 'Another signing key was appointed.',
  'policy.loaded': 'A policy was loaded.',
  'policy.activated': 'A policy came into force.',
  'act.refused': 'An act was refused.',
  'person.told-on': 'Somebody said where they want to be told.',
  'orphan.found': 'An access that no grant explains was found.',
  'orphan.removed': 'An access that no grant explains was removed.',
  'hold.asked': 'A hold was asked for.',
  'hold.placed': 'A hold was placed, by two.',
  'hold.lift-asked': 'A hold is to be lifted: one of two has signed.',
  'hold.lifted': 'A hold was lifted, by two.',
  'erasure.asked': 'Erasing personal texts was asked for.',
  'erasure.ordered': 'Erasing personal texts was ordered, by two.',
  'erasure.carried-out': 'Personal texts were erased.',
  'keeping.declined': 'A hold or an erasure was declined.',
  'texts.erased': 'Personal texts were erased.',
  'erasure.done': 'An erasure is done.',
  'machine.orphaned': 'A machine has no owner any more.',
  'machine.owned': 'A machine has an owner again.',
  'machine.unlisted': 'A machine without an owner left the policy.',
  'thread.written': 'Somebody wrote under a card.',
  'thread.edited': 'Somebody changed what was written under a card.',
  'thread.deleted': 'What was written under a card was deleted.',
  'thread.flooded': 'More was written under a card than is mirrored.',
  'thread.differs': 'A thread in chat differs from the record.',
  'thread.compared': 'A thread in chat was compared with the record.',
  'thread.redaction-asked': 'Erasing a text was asked for.',
  'thread.redaction-declined': 'Erasing a text was declined.',
  'thread.redacted': 'A text was erased, by two.',
  'threads.expired': 'Old messages are gone from a channel by schedule.',
  'notice.undeliverable': 'A notice could not be delivered.',
  'notice.deleted': 'A card was deleted in chat, and posted again.',
}

function wordsFor(stream: string, type: string): string {
  return WORDS[type] ?? `${stream.split(':')[0]} ${type}`
}
