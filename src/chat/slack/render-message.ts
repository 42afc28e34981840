import type { types } from '@slack/bolt'
import type { Button, Card, Chart, Line, Span, Text } from '../../ports/chat.ts'
import { cutTo, inZone, plainWords } from '../plain-words.ts'
import { SIGNS } from '../signs.ts'
import { showUnseen } from '../unseen.ts'
import { escaped, escapedTo, newRoom, type Rendering, type Room, richText } from './render-text.ts'
import { DATE_FORMATS } from './show-time.ts'

/** A message as Slack takes it: blocks to read, and the words of the notification. */
export interface SlackMessage {
  readonly text: string
  readonly blocks: types.KnownBlock[]
}

/** Slack takes 50 blocks in a message, 25 elements in a row of buttons and 10 in small print. */
const MOST_PARAGRAPHS = 40
const MOST_BUTTONS = 25
const MOST_SMALL_PRINT = 10
const HEADER_CHARACTERS = 150
const LABEL_CHARACTERS = 75
const TEXT_CHARACTERS = 3_000
const ALT_CHARACTERS = 2_000
/** Far less than Slack takes, and more than any id has. */
const VALUE_CHARACTERS = 255

/**
 * Renders within all of Slack's limits: what is too long is cut where it is seen, never dropped unseen.
 * @param file the id under which Slack keeps the picture of its chart; without one the words of the chart stand there
 */
export function renderMessage(message: Card | Line, rendering: Rendering, file: string | null = null): SlackMessage {
  return 'title' in message ? renderCard(message, rendering, file) : renderLine(message, rendering)
}

function renderLine(line: Line, rendering: Rendering): SlackMessage {
  const words = richText(line.text, rendering, newRoom())
  return {
    text: escapedTo(`${SIGNS[line.tone]} ${plainWords(line.text, rendering.timeZone)}`, TEXT_CHARACTERS),
    blocks: [paragraph([ours(`${SIGNS[line.tone]} `), ...words])],
  }
}

function renderCard(card: Card, rendering: Rendering, file: string | null): SlackMessage {
  const room = newRoom()
  const title = showUnseen(card.title)
  const state = card.badge === null ? [] : [[ours(`${SIGNS[card.tone]} `), ours(card.badge, true)]]
  const facts = card.facts.map((fact) => [ours(`${fact.label}: `, true), ...richText(fact.value, rendering, room)])
  const top = [...state, ...facts].flatMap((row, index) => (index === 0 ? row : [ours('\n'), ...row]))
  return {
    text: escapedTo(card.badge === null ? title : `${title} · ${card.badge}`, TEXT_CHARACTERS),
    blocks: [
      { type: 'header', text: plain(cutTo(title, HEADER_CHARACTERS)) },
      ...(top.length === 0 ? [] : [paragraph(top)]),
      ...renderBody(card.body, rendering, room),
      ...(card.chart === undefined ? [] : [renderChart(card.chart, file)]),
      ...(card.verbatim === undefined ? [] : [renderVerbatim(card.verbatim)]),
      ...(card.buttons.length === 0 ? [] : [renderButtons(card.buttons)]),
      ...renderFooter(card.footer, rendering, room),
    ],
  }
}

function renderBody(body: readonly Text[], rendering: Rendering, room: Room): types.RichTextBlock[] {
  const shown = body.slice(0, MOST_PARAGRAPHS)
  const paragraphs: types.RichTextBlock[] = []
  let left = body.length
  for (const text of shown) {
    if (room.cut) break
    const elements = richText(text, rendering, room)
    left -= 1
    if (elements.length > 0) paragraphs.push(paragraph(elements))
  }
  if (left > 0) paragraphs.push(paragraph([ours(`… and ${left} more that do not fit here: ask for one by its id.`)]))
  return paragraphs
}

function renderChart({ words }: Chart, file: string | null): types.KnownBlock {
  if (file === null) return { type: 'context', elements: [plain(cutTo(words, TEXT_CHARACTERS))] }
  return { type: 'image', slack_file: { id: file }, alt_text: cutTo(words, ALT_CHARACTERS) }
}

function renderVerbatim(words: string): types.RichTextBlock {
  const element = { type: 'text', text: cutTo(words, TEXT_CHARACTERS) } as const
  return { type: 'rich_text', elements: [{ type: 'rich_text_preformatted', elements: [element] }] }
}

function renderButtons(buttons: readonly Button[]): types.ActionsBlock {
  return {
    type: 'actions',
    elements: buttons.slice(0, MOST_BUTTONS).map((button) => ({
      ...{ type: 'button', action_id: button.action, text: plain(cutTo(button.label, LABEL_CHARACTERS)) },
      value: buttonValue(button.request, button.revision),
      ...(button.style !== 'plain' && { style: button.style }),
    })),
  }
}

/** Small print where it can be: plain words and moments. Else as rich text, which shows everything. */
function renderFooter(footer: Text, rendering: Rendering, room: Room): types.KnownBlock[] {
  if (footer.length === 0) return []
  const elements = smallPrint(footer, rendering.timeZone)
  const fits = elements.length > 0 && elements.length <= MOST_SMALL_PRINT
  if (fits && footer.every((span) => span.kind !== 'typed' && span.kind !== 'link')) {
    return [{ type: 'context', elements }]
  }
  const words = richText(footer, rendering, room)
  return words.length === 0 ? [] : [paragraph(words)]
}

/** Slack sets elements apart as boxes of their own: what may be is one element, and reads as one line. */
function smallPrint(footer: Text, timeZone: string): (types.PlainTextElement | types.MrkdwnElement)[] {
  const elements: (types.PlainTextElement | types.MrkdwnElement)[] = []
  for (const span of footer) {
    const next = smallPrintOf(span, timeZone)
    const last = elements.at(-1)
    const joined = `${last?.text ?? ''}${next.text}`
    if (next.type === 'mrkdwn' && last?.type === 'mrkdwn' && !isMarkup(joined) && joined.length <= TEXT_CHARACTERS)
      last.text = joined
    else if (next.text.trim() !== '') elements.push(next)
  }
  return elements.map((one) => ({ ...one, text: one.text.trim() }))
}

function smallPrintOf(span: Span, timeZone: string): types.PlainTextElement | types.MrkdwnElement {
  if (span.kind === 'time') {
    const fallback = escaped(inZone(span.at, span.show, timeZone)).replaceAll('|', ' ')
    const seconds = Math.floor(span.at / 1_000)
    return { type: 'mrkdwn', text: `<!date^${seconds}^${DATE_FORMATS[span.show]}|${fallback}>`, verbatim: true }
  }
  if (span.kind === 'person') return plain(cutTo(showUnseen(span.name), TEXT_CHARACTERS))
  const words = cutTo(showUnseen(span.text), TEXT_CHARACTERS)
  return isMarkup(words) ? plain(words) : { type: 'mrkdwn', text: escapedTo(words, TEXT_CHARACTERS), verbatim: true }
}

/** Whether Slack would make something bold, code or an emoji of it. */
function isMarkup(words: string): boolean {
  return /[*_~`]|:[\w+'-]+:/.test(words.replaceAll(/<!date[^>]*>/g, ' '))
}

/** What a button says when it is pressed; `parseButtonValue` reads it back. */
function buttonValue(request: string, revision: number): string {
  return `${revision} ${request}`.slice(0, VALUE_CHARACTERS)
}

/** Tampered values come out as what no grant is called. */
export function parseButtonValue(value: string): { request: string; revision: number } {
  const match = /^(\d{1,15}) ([\s\S]{1,255})$/.exec(value)
  return match?.[2] === undefined ? { request: value, revision: 0 } : { request: match[2], revision: Number(match[1]) }
}

export function plain(text: string): types.PlainTextElement {
  // Without `emoji`, :rotating_light: stays a word.
  return { type: 'plain_text', text, emoji: false }
}

function ours(text: string, bold = false): types.RichTextText {
  return { type: 'text', text, ...(bold && { style: { bold: true } }) }
}

function paragraph(elements: types.RichTextElement[]): types.RichTextBlock {
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }
}
