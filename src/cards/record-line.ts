import { type GrantEvent, grantOfStream, type Placed } from '../domain/grant-event.ts'
import type { Text } from '../ports/chat.ts'
import { code, type Names, text } from './text.ts'
import { threadLine } from './thread-line.ts'

/** One event of any stream in human words, for the pane that shows the record. */
export function recordLine(stream: string, event: Placed<{ type: string; data: object }>, names: Names): Text {
  const id = grantOfStream(stream)
  if (id === null) return text(code(stream.split(':')[0] ?? stream), ` ${event.type}`)
  const said = event.type === 'closed' ? null : threadLine(event as Placed<GrantEvent>, names)
  return said === null ? text(code(id), ' ', event.type) : text(code(id), ' ', ...said.text)
}
