import { h } from './dom.js'
import { newAct, whisper } from './send.js'
import { change, state } from './state.js'
import { drawText, drawWords, plainText, plainWords } from './text.js'
import { showTime, showWholeTime, timeLeft } from './time.js'

/** @import { Button, Card, Line, Text } from '../../../ports/chat.ts' */

/** A fact of more characters than this takes two columns. */
const WIDE = 24

/**
 * @param {Card | Line} content
 * @returns {content is Card}
 */
export function isCard(content) {
  return 'title' in content
}

/**
 * @param {Card} card
 * @param {{ channel: string, thread: string | null, was?: HTMLElement | null }} where `was` is the card it replaces
 */
export function drawCard(card, where) {
  const facts = card.facts.map(({ label, value }) =>
    h(
      'div',
      { class: widthOf(value) },
      h('dt', {}, plainWords(label)),
      h('dd', {}, drawText(value, { countdowns: true })),
    ),
  )
  return h(
    'article',
    { class: `card tone-${card.tone}`, tabindex: -1, 'aria-label': plainWords(card.title) },
    h('header', { class: 'card-head' }, h('h3', {}, drawWords(card.title)), drawStamp(card, where.was ?? null)),
    facts.length > 0 && h('dl', { class: 'facts' }, ...facts),
    ...card.body.map((text) => h('p', { class: 'card-text' }, drawText(text, { countdowns: true }))),
    card.chart && drawChart(card.chart),
    card.verbatim && h('pre', { class: 'verbatim' }, card.verbatim),
    card.buttons.length > 0 &&
      h('div', { class: 'buttons' }, ...card.buttons.map((button) => drawButton(button, card, where))),
    card.footer.length > 0 && h('footer', { class: 'card-foot' }, drawText(card.footer)),
  )
}

/** @param {import('../../../ports/chat.ts').Chart} chart */
function drawChart(chart) {
  const { words, ...shown } = chart
  const of = encodeURIComponent(JSON.stringify({ words: '', ...shown }))
  return h('img', { class: 'chart', src: `/local/chart.svg?of=${of}`, alt: plainWords(words), width: 640, height: 220 })
}

/** @param {Text} value */
function widthOf(value) {
  if (plainText(value).length > WIDE) return 'wide'
  return value.some((span) => span.kind === 'time' && timeLeft(span.at) !== null) ? 'counted' : null
}

/**
 * The state as a stamp's impression; while it is awaited, the empty place for one. It lands when it changes.
 * @param {Card} card
 * @param {HTMLElement | null} was
 */
function drawStamp(card, was) {
  if (!card.badge) return null
  const before = was?.querySelector('.stamp')?.textContent
  const struck = before !== undefined && before !== null && before !== card.badge
  return h('span', { class: struck ? 'stamp struck' : 'stamp' }, plainWords(card.badge))
}

/**
 * @param {Button} button
 * @param {Card} card
 * @param {{ channel: string, thread: string | null }} where
 */
function drawButton(button, card, where) {
  const { action, request, revision } = button
  return h(
    'button',
    {
      type: 'button',
      class: button.style,
      'data-focus': `${action} ${request}`,
      'aria-disabled': isPending(button) ? 'true' : null,
      onclick: press,
    },
    plainWords(button.label),
  )

  function press() {
    if (isPending(button)) return
    if (action === 'connect') change(() => (state.connected = true))
    const did = `${plainWords(button.label)}: ${plainWords(card.title)}`
    const { channel, thread } = where
    void whisper(newAct('press', { action, request, revision }), { did, channel, thread })
  }
}

/**
 * Which of a card's buttons wait for their answer: part of what its drawing depends on.
 * @param {Card | Line} content
 */
export function pendingButtons(content) {
  if (!isCard(content)) return ''
  return content.buttons
    .filter(isPending)
    .map((button) => button.action)
    .join(' ')
}

/** @param {Button} button */
function isPending(button) {
  return state.whispers.some(
    ({ status, as, act }) =>
      status === 'sending' &&
      as === state.me &&
      act.kind === 'press' &&
      act.body.action === button.action &&
      act.body.request === button.request,
  )
}

/**
 * @param {Line} line
 * @param {number | null} at
 */
export function drawLine(line, at = null) {
  return h(
    'div',
    { class: `line tone-${line.tone}` },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    h('p', {}, drawText(line.text)),
    at !== null && drawMoment(at),
  )
}

/** @param {number} at */
export function drawMoment(at) {
  return h(
    'time',
    { class: 'at', datetime: new Date(at).toISOString(), title: showWholeTime(at) },
    showTime(at, 'time-seconds'),
  )
}
