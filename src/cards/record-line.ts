import { type GrantEvent, grantOfStream, type Placed } from '../domain/grant-event.ts'
import type { Text } from '../ports/chat.ts'
import { code, type Names, text } from './text.ts'
import { threadLine } from './thread-line.ts'

/** One event of any stream in human words, for the pane that shows the record. */
export function recordLine(stream: string, event: Placed<{ type: string; data: object }>, names: Names): Text {
  const id = grantOfStream(stream)
  if (id === null) return text(wordsFor(stream, event.type))
  if (event.type === 'closed') return text(code(id), ' is complete.')
  const said = threadLine(event as Placed<GrantEvent>, names)
  return said === null ? text(code(id), ' ', event.type) : text(code(id), ' ', ...said.text)
}

const WORDS: Readonly<Record<string, string>> = {
  'system.started': 'Countersign started.',
  'system.alarm': 'An alarm was raised.',
  'policy.loaded': 'A policy was loaded.',
  'policy.activated': 'A policy came into force.',
  'act.refused': 'An act was refused.',
  'orphan.found': 'An access that no grant explains was found.',
  'orphan.removed': 'An access that no grant explains was removed.',
  'notice.undeliverable': 'A notice could not be delivered.',
  'notice.deleted': 'A card was deleted in chat, and posted again.',
}

function wordsFor(stream: string, type: string): string {
  return WORDS[type] ?? `${stream.split(':')[0]} ${type}`
}
