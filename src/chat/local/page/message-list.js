import { drawCard, drawLine, drawMoment, isCard, pendingButtons } from './card.js'
import { drawList, h } from './dom.js'
import { change, repliesTo, state } from './state.js'
import { drawText, plainText, plainWords } from './text.js'
import { showDay, showTime, showWholeTime } from './time.js'
import { drawWhisper, whispersIn } from './whisper.js'

/**
 * @import { StoredMessage } from '../messages.ts'
 * @import { Whisper } from './state.js'
 *
 * @typedef {{ kind: 'day', day: string, at: number }
 *   | { kind: 'message', message: StoredMessage, at: number }
 *   | { kind: 'whisper', whisper: Whisper, at: number }} Item
 */

/**
 * A channel, oldest first: its messages, and what the acting person alone sees.
 * @param {Element} list
 * @param {StoredMessage[]} messages
 */
export function drawChannel(list, messages) {
  /** @type {Item[]} */
  const items = [
    ...messages.map((message) => ({ kind: /** @type {const} */ ('message'), message, at: message.postedAt })),
    ...whispersIn(state.place, null),
  ].sort((a, b) => a.at - b.at)
  drawList(list, withDays(items), {
    key: keyOf,
    stamp: (item) => (item.kind === 'message' ? '' : stampOf(item)),
    draw: (item) => {
      if (item.kind === 'day') return h('li', { class: 'day' }, h('span', {}, item.day))
      return item.kind === 'whisper' ? drawWhisper(item.whisper) : drawFrame(item.message)
    },
    fill: (item, element) => {
      if (item.kind === 'message') fillMessage(item.message, element)
    },
  })
}

/**
 * A thread's lines.
 * @param {Element} list
 * @param {string} root
 */
export function drawThread(list, root) {
  /** @type {Item[]} */
  const items = [
    ...repliesTo(root).map((message) => ({ kind: /** @type {const} */ ('message'), message, at: message.postedAt })),
    ...whispersIn(state.place, root),
  ].sort((a, b) => a.at - b.at)
  drawList(list, items, {
    key: keyOf,
    stamp: stampOf,
    draw: (item, old) => {
      if (item.kind === 'whisper') return drawWhisper(item.whisper)
      if (item.kind === 'day') return h('li')
      const { content, channel, postedAt } = item.message
      return h(
        'li',
        { 'data-ref': item.message.id },
        isCard(content) ? drawCard(content, { channel, thread: root, was: old }) : drawLine(content, postedAt),
      )
    },
  })
}

/** @param {StoredMessage} message */
function drawFrame(message) {
  const { postedAt } = message
  return h(
    'li',
    { class: 'message', 'data-ref': message.id },
    h('img', { class: 'avatar', src: '/page/mark.svg', alt: '', width: 36, height: 36 }),
    h(
      'div',
      { class: 'message-body' },
      h(
        'p',
        { class: 'byline' },
        h('strong', {}, 'Countersign'),
        h('span', { class: 'bot-tag' }, 'app'),
        h(
          'time',
          { datetime: new Date(postedAt).toISOString(), title: showWholeTime(postedAt) },
          showTime(postedAt, 'time'),
        ),
      ),
      h('div', { class: 'message-parts' }),
    ),
  )
}

/**
 * What was said, and under it the summary of its thread: each drawn anew only when it changes itself.
 * @param {StoredMessage} message
 * @param {HTMLElement} frame
 */
function fillMessage(message, frame) {
  const { content, channel, id, version } = message
  const replies = repliesTo(id)
  const parts = [
    {
      key: 'said',
      stamp: `${version} ${pendingButtons(content)}`,
      draw: (/** @type {HTMLElement | null} */ was) =>
        h('div', {}, isCard(content) ? drawCard(content, { channel, thread: null, was }) : drawLine(content)),
    },
    {
      key: 'summary',
      stamp: `${replies.length} ${replies.at(-1)?.version} ${state.thread === id}`,
      draw: () => h('div', {}, drawSummary(message)),
    },
  ]
  const place = frame.querySelector('.message-parts')
  if (place)
    drawList(place, parts, { key: ({ key }) => key, stamp: ({ stamp }) => stamp, draw: (part, was) => part.draw(was) })
}

/** @param {StoredMessage} message */
function drawSummary(message) {
  const replies = repliesTo(message.id)
  const last = replies.at(-1)
  if (!last) return null
  const count = replies.length === 1 ? '1 line' : `${replies.length} lines`
  return h(
    'button',
    {
      type: 'button',
      class: `summary tone-${last.content.tone}`,
      'data-focus': 'summary',
      'aria-expanded': state.thread === message.id ? 'true' : 'false',
      onclick: () => change(() => (state.thread = state.thread === message.id ? null : message.id)),
    },
    h('span', { class: 'dot', 'aria-hidden': 'true' }),
    h('span', { class: 'summary-count' }, count),
    h(
      'span',
      { class: 'summary-last' },
      isCard(last.content) ? plainWords(last.content.title) : drawText(last.content.text),
    ),
    drawMoment(last.postedAt),
  )
}

/**
 * The newest words of a message, for a list that names it.
 * @param {StoredMessage} message
 */
export function wordsOf(message) {
  return isCard(message.content) ? plainWords(message.content.title) : plainText(message.content.text)
}

/**
 * @param {Item[]} items
 * @returns {Item[]}
 */
function withDays(items) {
  let day = ''
  return items.flatMap((item) => {
    const its = showDay(item.at)
    if (its === day) return [item]
    day = its
    return [{ kind: 'day', day, at: item.at }, item]
  })
}

/** @param {Item} item */
function keyOf(item) {
  switch (item.kind) {
    case 'day':
      return `day ${item.day}`
    case 'message':
      return item.message.id
    case 'whisper':
      return item.whisper.id
  }
}

/** @param {Item} item */
function stampOf(item) {
  switch (item.kind) {
    case 'day':
      return item.day
    case 'whisper':
      return `${item.whisper.status} ${state.me} ${pendingInAnswer(item.whisper)}`
    case 'message':
      return `${item.message.version} ${pendingButtons(item.message.content)}`
  }
}

/** @param {Whisper} whisper */
function pendingInAnswer(whisper) {
  return whisper.answer?.kind === 'card' ? pendingButtons(whisper.answer.card) : ''
}
