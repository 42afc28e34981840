import type { Span, Text } from '../../ports/chat.ts'
import { cutAt, cutTo, inZone, isWebAddress, onOneLine } from '../plain-words.ts'
import { showUnseen, splitUnseen } from '../unseen.ts'

/** What rendering needs besides the message. */
export interface Rendering {
  /** The policy's zone, for what cannot be shown in the reader's own. */
  readonly timeZone: string
  /** The Teams user id (`29:…`) behind an identity; null when it was never heard from. */
  readonly userIdOf: (identity: string) => string | null
}

/** A piece of a card, as Adaptive Cards have it. */
export type Json = Readonly<Record<string, unknown>>

/** How many bytes still fit into one card. Shared by its parts, so that the whole stays within Teams' limit. */
export interface Room {
  left: number
  cut: boolean
}

/** Teams takes about 28 KB a message; the frame, the buttons, the small print and the ids of who sees their own view take the rest. */
const CARD_BYTES = 16_000
/** One span alone may not push the rest of a card out. */
const SPAN_CHARACTERS = 2_000
const CUT_HERE = ' … (cut here: the record has it whole)'

export function newRoom(): Room {
  return { left: CARD_BYTES, cut: false }
}

/**
 * Spans as the runs of a RichTextBlock, which knows no Markdown: nothing in them is markup, a mention or a
 * link, whatever a person typed. What does not fit is cut, and the cut is shown.
 */
export function runsOf(text: Text, rendering: Rendering, room: Room, style: Json = {}): Json[] {
  return text.flatMap((span) => runsOfSpan(span, rendering, room, style))
}

/** A paragraph; none when there is nothing to say. */
export function paragraph(runs: readonly Json[], more: Json = {}): Json[] {
  return runs.length === 0 ? [] : [{ type: 'RichTextBlock', inlines: runs, ...more }]
}

/** Words of our own, as one run. */
export function run(text: string, style: Json = {}): Json {
  return { type: 'TextRun', text, ...style }
}

function runsOfSpan(span: Span, rendering: Rendering, room: Room, style: Json): Json[] {
  switch (span.kind) {
    case 'text':
    case 'typed':
      return literal(span.kind === 'typed' ? onOneLine(span.text) : span.text, style, room)
    case 'strong':
      return literal(span.text, { ...style, weight: 'Bolder' }, room)
    case 'code':
      return literal(span.text, { ...style, fontType: 'Monospace' }, room)
    case 'person':
      // A mention would need Markdown: who must be told gets a message of their own.
      return literal(span.name, style, room)
    case 'time':
      return [run(momentOf(span.at, span.show, rendering.timeZone), style)]
    case 'link':
      return isWebAddress(span.url) ? [link(span.text, span.url, style)] : literal(span.text, style, room)
    default:
      return span satisfies never
  }
}

function link(words: string, url: string, style: Json): Json {
  const text = cutTo(showUnseen(words), 500)
  return run(text, { ...style, color: 'Accent', underline: true, selectAction: { type: 'Action.OpenUrl', url } })
}

/** Teams fills in the reader's own date and time, but no seconds: those are in the policy's zone, which is named. */
function momentOf(at: number, show: Extract<Span, { kind: 'time' }>['show'], timeZone: string): string {
  if (show === 'time-seconds') return inZone(at, show, timeZone)
  const moment = new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
  return show === 'time' ? `{{TIME(${moment})}}` : `{{DATE(${moment}, SHORT)}} {{TIME(${moment})}}`
}

function literal(words: string, style: Json, room: Room): Json[] {
  if (words === '' || room.cut) return []
  const runs: Json[] = []
  for (const part of splitUnseen(cutAt(words, SPAN_CHARACTERS))) {
    for (const text of inert(part.text)) {
      const next = run(text, part.unseen ? { ...style, fontType: 'Monospace' } : style)
      room.left -= Buffer.byteLength(JSON.stringify(next)) + 1
      if (room.left < 0) {
        // The card is full: it says so once, and what follows is left out.
        room.cut = true
        return [...runs, run(CUT_HERE, { italic: true })]
      }
      runs.push(next)
    }
  }
  return words.length > SPAN_CHARACTERS ? [...runs, run(CUT_HERE, { italic: true })] : runs
}

/** `{{DATE(…)}}` is the one thing that a run obeys: two braces that somebody typed never stand in one run. */
function inert(words: string): string[] {
  return words.split(/(?<=\{)(?=\{)/)
}
