import type { Button, ButtonAction, Card, Chart, Line, Text, Tone } from '../../ports/chat.ts'
import { drawChart } from '../draw-chart.ts'
import { cutTo, plainWords } from '../plain-words.ts'
import { SIGNS } from '../signs.ts'
import { showUnseen } from '../unseen.ts'
import { type Json, newRoom, paragraph, type Rendering, type Room, run, runsOf } from './render-text.ts'

/** A message as Teams takes it: a card alone, and the words of the notification. */
export interface TeamsMessage {
  readonly summary: string
  readonly card: Json
}

export const CARD_TYPE = 'application/vnd.microsoft.card.adaptive'
/** What a button of ours says of itself when it is pressed. */
export const VERB = { press: 'press', refresh: 'refresh' } as const

const SCHEMA = 'http://adaptivecards.io/schemas/adaptive-card.json'
const MOST_FACTS = 30
/** A card has 28 KB for all of it. */
const CHART_PIXELS = 480
const MOST_PARAGRAPHS = 40
/** Teams shows six buttons; the rest are behind a menu. */
const MOST_BUTTONS = 6
const TITLE_CHARACTERS = 150
const LABEL_CHARACTERS = 75
const SUMMARY_CHARACTERS = 500
const ID_CHARACTERS = 255
/** What a phone shows on one line. */
const PIECE = /.{30}(?!$)/g
const BASE64 = /[A-Za-z0-9+/=]{31,}/g
/** Teams refreshes a card of its own accord for so many people. */
const MOST_REFRESHED = 60

/** Renders within Teams' limits: what is too long is cut where it is seen, never dropped unseen. */
export function renderMessage(message: Card | Line, rendering: Rendering): TeamsMessage {
  return 'title' in message ? renderCard(message, rendering) : renderLine(message, rendering)
}

/** The same where many see it: whoever is named on it gets their own view, with the buttons that are theirs. */
export function renderShared(message: Card | Line, rendering: Rendering): TeamsMessage {
  const rendered = renderMessage(message, rendering)
  if (!('title' in message)) return rendered
  return { ...rendered, card: { ...rendered.card, ...refreshOf(message, rendering) } }
}

/** The card of a request as one person sees it after an act of theirs: what they are told stands on top. */
export function renderOwnView(card: Card, said: Line | null, rendering: Rendering): Json {
  const { body } = cardOf(card, rendering)
  return frame([...(said === null ? [] : [bodyOfLine(said, rendering)]), ...body], card.buttons)
}

/** Several lines of elements as one card. */
export function frame(body: readonly Json[], buttons: readonly Button[], more: Json = {}): Json {
  const actions = buttons.map((button, index) => renderButton(button, index >= MOST_BUTTONS))
  return {
    ...{ $schema: SCHEMA, type: 'AdaptiveCard', version: '1.5' },
    ...{ body, ...(actions.length > 0 && { actions }), msteams: { width: 'Full' } },
    ...more,
  }
}

function renderLine(line: Line, rendering: Rendering): TeamsMessage {
  const words = cutTo(`${SIGNS[line.tone]} ${plainWords(line.text, rendering.timeZone)}`, SUMMARY_CHARACTERS)
  return { summary: words, card: frame([bodyOfLine(line, rendering)], [], { fallbackText: words }) }
}

export function bodyOfLine(line: Line, rendering: Rendering): Json {
  const words = runsOf(line.text, rendering, newRoom())
  return { type: 'RichTextBlock', inlines: [run(`${SIGNS[line.tone]} `), ...words] }
}

function renderCard(card: Card, rendering: Rendering): TeamsMessage {
  const { title, body } = cardOf(card, rendering)
  const summary = cutTo(card.badge === null ? title : `${title} · ${card.badge}`, SUMMARY_CHARACTERS)
  return { summary, card: frame(body, card.buttons, { fallbackText: summary }) }
}

function cardOf(card: Card, rendering: Rendering): { title: string; body: Json[] } {
  const room = newRoom()
  const title = cutTo(showUnseen(card.title), TITLE_CHARACTERS)
  const facts = card.facts.slice(0, MOST_FACTS).map((fact) => renderFact(fact, rendering, room))
  const footer = runsOf(card.footer, rendering, room, { size: 'Small', isSubtle: true })
  return {
    title,
    body: [
      header(title, card, rendering),
      ...facts,
      ...renderBody(card.body, rendering, room),
      ...(card.chart === undefined ? [] : renderChart(card.chart)),
      ...(card.verbatim === undefined ? [] : renderVerbatim(card.verbatim)),
      ...paragraph(footer, { separator: true, spacing: 'Medium' }),
    ],
  }
}

function header(title: string, { tone, badge }: Card, rendering: Rendering): Json {
  const inlines = runsOf([{ kind: 'strong', text: title }], rendering, newRoom(), { size: 'Medium' })
  const state = badge === null ? [] : [run(`${SIGNS[tone]} ${badge}`, { weight: 'Bolder', size: 'Small' })]
  return {
    ...{ type: 'Container', style: STYLES[tone], bleed: true },
    items: [...paragraph(inlines), ...paragraph(state, { spacing: 'Small' })],
  }
}

/** Label beside value; the label is ours. */
function renderFact({ label, value }: Card['facts'][number], rendering: Rendering, room: Room): Json {
  const words = runsOf(value, rendering, room)
  return {
    ...{ type: 'ColumnSet', spacing: 'Small' },
    columns: [
      {
        ...{ type: 'Column', width: '92px' },
        items: paragraph([run(label, { isSubtle: true, weight: 'Bolder', size: 'Small' })]),
      },
      { type: 'Column', width: 'stretch', items: paragraph(words.length === 0 ? [run('–')] : words) },
    ],
  }
}

function renderBody(body: readonly Text[], rendering: Rendering, room: Room): Json[] {
  const paragraphs: Json[] = []
  let left = body.length
  for (const text of body.slice(0, MOST_PARAGRAPHS)) {
    if (room.cut) break
    left -= 1
    paragraphs.push(...paragraph(runsOf(text, rendering, room), { spacing: 'Small' }))
  }
  const more = run(`… and ${left} more that do not fit here: ask for one by its id.`)
  return left > 0 ? [...paragraphs, ...paragraph([more])] : paragraphs
}

/** In the card itself: Teams would fetch an address from the internet. Where it cannot be drawn, its words. */
function renderChart(chart: Chart): Json[] {
  const picture = drawChart(chart, CHART_PIXELS)
  if (picture === null) return paragraph([run(chart.words, { isSubtle: true, size: 'Small' })])
  const url = `data:image/png;base64,${picture.bytes.toString('base64')}`
  return [{ type: 'Image', url, altText: picture.words, size: 'Stretch', spacing: 'Medium' }]
}

/** A paragraph a line: Teams' own block of code is not shown on phones. It breaks no long word, so that is done here. */
function renderVerbatim(words: string): Json[] {
  const lines = words.replaceAll(BASE64, (word) => word.replaceAll(PIECE, '$&\n')).split('\n')
  const items = lines.flatMap((line) =>
    paragraph(line === '' ? [] : [run(line, { fontType: 'Monospace', size: 'Small' })], { spacing: 'None' }),
  )
  return [{ type: 'Container', style: 'emphasis', spacing: 'Medium', items }]
}

/** A button that asks for words first opens a dialog, which is another kind of action in Teams. */
function renderButton(button: Button, behindMenu: boolean): Json {
  const data = {
    ...{ action: button.action, request: button.request.slice(0, ID_CHARACTERS), revision: button.revision },
  }
  const title = cutTo(button.label, LABEL_CHARACTERS)
  const look = {
    ...(button.style !== 'plain' && { style: button.style === 'primary' ? 'positive' : 'destructive' }),
    ...(behindMenu && { mode: 'secondary' }),
  }
  return OPENS_A_FORM.includes(button.action)
    ? { type: 'Action.Submit', title, ...look, data: { ...data, msteams: { type: 'task/fetch' } } }
    : { type: 'Action.Execute', title, ...look, verb: VERB.press, data }
}

function refreshOf(card: Card, rendering: Rendering): Json {
  const [first] = card.buttons
  if (first === undefined || !hasOwnView(first.action)) return {}
  const { request } = first
  const named = card.facts.flatMap(({ value }) => value).flatMap((one) => (one.kind === 'person' ? [one.identity] : []))
  const userIds = [...new Set(named)].flatMap((identity) => rendering.userIdOf(identity) ?? [])
  if (userIds.length === 0) return {}
  const action = { type: 'Action.Execute', title: 'Refresh', verb: VERB.refresh, data: { request } }
  return { refresh: { action, userIds: userIds.slice(0, MOST_REFRESHED) } }
}

/** Whether `status` shows what a button acts on: a request, a grant, an order; not a frozen target, not a passkey. */
export function hasOwnView(action: string): boolean {
  return !WITHOUT_STATUS.includes(action)
}

const WITHOUT_STATUS: readonly string[] = [
  'lift-freeze',
  'confirm-passkey',
  'decline-passkey',
  'open-digest',
  'acknowledge-digest',
]

const OPENS_A_FORM: readonly ButtonAction[] = [
  ...(['deny', 'deny-extension', 'extend'] as const),
  ...(['fix-finding', 'retest-finding', 'accept-finding'] as const),
]

const STYLES: Readonly<Record<Tone, string>> = {
  waiting: 'warning',
  active: 'good',
  done: 'emphasis',
  refused: 'attention',
  alarm: 'attention',
  info: 'accent',
}
