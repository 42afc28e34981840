import type { Span, Text } from '../ports/chat.ts'
import { showUnseen } from './unseen.ts'

type Show = Extract<Span, { kind: 'time' }>['show']

/** The words alone, for where a platform takes nothing else. */
export function plainWords(text: Text, timeZone: string): string {
  return text.map((span) => showUnseen(wordsOf(span, timeZone))).join('')
}

/** A moment in one named zone, for clients that cannot show it in the reader's own. `at` is epoch ms. */
export function inZone(at: number, show: Show, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', { ...PARTS[show], hour12: false, timeZone, timeZoneName: 'short' })
  return format.format(new Date(at))
}

/** Cut to `most` UTF-16 units, never through a character, and visibly. */
export function cutTo(words: string, most: number): string {
  return words.length <= most ? words : `${cutAt(words, most - 1)}…`
}

/** The first `most` UTF-16 units, without half a character at the end. */
export function cutAt(words: string, most: number): string {
  return words.length <= most ? words : words.slice(0, most).replace(/[\uD800-\uDBFF]$/, '')
}

/** On a line of its own a word of theirs could pass for one of ours. */
export function onOneLine(typed: string): string {
  return typed.replaceAll(/\s*\n\s*/g, ' ↵ ')
}

export function isWebAddress(url: string): boolean {
  return /^https?:\/\//.test(url) && url.length <= 3_000
}

function wordsOf(span: Span, timeZone: string): string {
  if (span.kind === 'person') return span.name
  return span.kind === 'time' ? inZone(span.at, span.show, timeZone) : span.text
}

const PARTS: Readonly<Record<Show, Intl.DateTimeFormatOptions>> = {
  time: { hour: '2-digit', minute: '2-digit' },
  'date-time': { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  'time-seconds': { hour: '2-digit', minute: '2-digit', second: '2-digit' },
}
