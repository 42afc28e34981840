import type { Tone } from '../ports/chat.ts'

/** The tone of a message where colours are few: the same on every platform. */
export const SIGNS: Readonly<Record<Tone, string>> = {
  waiting: '🟡',
  active: '🟢',
  done: '⚪',
  refused: '⛔',
  alarm: '🔴',
  info: '🔹',
}
