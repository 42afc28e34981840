import type { types } from '@slack/bolt'
import type { Span, Text } from '../../ports/chat.ts'
import { cutAt, cutTo, inZone, isWebAddress, onOneLine } from '../plain-words.ts'
import { showUnseen, splitUnseen } from '../unseen.ts'
import { DATE_FORMATS } from './show-time.ts'

/** What rendering needs besides the message. */
export interface Rendering {
  /** The policy's zone, for clients that cannot show the reader's own. */
  readonly timeZone: string
  /** The Slack user id behind an identity; null when there is none. */
  readonly userOf: (identity: string) => string | null
}

/** How much still fits into one message. Shared by its parts, so that the whole stays within Slack's limits. */
export interface Room {
  left: number
  /** Slack takes a thousand elements in one section, and about 60,000 signs of JSON in a message. */
  elements: number
  cut: boolean
}

/** Slack says nothing of rich text; this is well under what it takes for a whole message. */
const MESSAGE_CHARACTERS = 9_000
/** One span alone may not push the rest of a card out. */
const SPAN_CHARACTERS = 2_000
/** What cannot be seen is an element each: a span of nothing else has so many. */
const MESSAGE_ELEMENTS = 800
const SPAN_ELEMENTS = 250
const CUT_HERE = ' … (cut here: the record has it whole)'

export function newRoom(): Room {
  return { left: MESSAGE_CHARACTERS, elements: MESSAGE_ELEMENTS, cut: false }
}

/**
 * Spans as elements of a rich text, which Slack shows as they are: nothing in them is markup, a mention or a
 * link, whatever a person typed. What does not fit is cut, and the cut is shown.
 */
export function richText(text: Text, rendering: Rendering, room: Room): types.RichTextElement[] {
  return text.flatMap((span) => elementsOf(span, rendering, room))
}

/** `&`, `<` and `>` begin everything that Slack would obey. */
export function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Escaped, and cut to `most` UTF-16 units, never through an escape. */
export function escapedTo(words: string, most: number): string {
  const cut = cutTo(escaped(words), most)
  return cut.endsWith('…') ? cut.replace(/&[a-z]*…$/, '…') : cut
}

function elementsOf(span: Span, rendering: Rendering, room: Room): types.RichTextElement[] {
  switch (span.kind) {
    case 'text':
      return literal(span.text, undefined, room)
    case 'strong':
      return literal(span.text, { bold: true }, room)
    case 'code':
      return literal(span.text, { code: true }, room)
    case 'typed':
      return literal(onOneLine(span.text), undefined, room)
    case 'person': {
      const user = span.notify ? rendering.userOf(span.identity) : null
      if (user === null) return literal(span.name, undefined, room)
      room.elements -= 1
      return room.cut ? [] : [{ type: 'user', user_id: user }]
    }
    case 'time':
      return [
        {
          ...{ type: 'date', timestamp: Math.floor(span.at / 1_000), format: DATE_FORMATS[span.show] },
          fallback: inZone(span.at, span.show, rendering.timeZone),
        },
      ]
    case 'link':
      return isWebAddress(span.url)
        ? [{ type: 'link', url: span.url, text: cutTo(showUnseen(span.text), 500) }]
        : literal(span.text, undefined, room)
    default:
      return span satisfies never
  }
}

function literal(words: string, style: types.RichTextText['style'], room: Room): types.RichTextElement[] {
  if (words === '' || room.cut) return []
  const fits = cutAt(words, Math.min(SPAN_CHARACTERS, room.left))
  const parts = splitUnseen(fits)
  const shown = parts.slice(0, Math.max(0, Math.min(SPAN_ELEMENTS, room.elements)))
  room.left -= fits.length
  room.elements -= shown.length
  const elements: types.RichTextElement[] = shown.map((part) => ({
    ...{ type: 'text', text: part.text },
    ...(part.unseen ? { style: { ...style, code: true } } : style !== undefined && { style }),
  }))
  if (fits.length === words.length && shown.length === parts.length) return elements
  // Once the message is full, it says so once, and what follows is left out.
  room.cut = room.elements <= 0 || (fits.length < words.length && fits.length < SPAN_CHARACTERS - 1)
  return [...elements, { type: 'text', text: CUT_HERE, style: { italic: true } }]
}
