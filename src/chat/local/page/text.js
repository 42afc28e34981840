import { h } from './dom.js'
import { showTime, showWholeTime, timeLeft } from './time.js'
import { splitUnseen } from './visible.js'

/** @import { Span, Text } from '../../../ports/chat.ts' */

/**
 * @param {Text} text
 * @param {{ countdowns?: boolean }} [options] whether a moment to come is counted down to
 * @returns {DocumentFragment}
 */
export function drawText(text, options = {}) {
  const fragment = document.createDocumentFragment()
  for (const span of text) fragment.append(drawSpan(span, options.countdowns ?? false))
  return fragment
}

/**
 * Words whose direction cannot reach out of them, with what is unseen made visible.
 * @param {string} words
 * @returns {HTMLElement}
 */
export function drawWords(words) {
  return h('bdi', {}, ...splitUnseen(words).map((part) => (part.unseen ? drawUnseen(part.text) : part.text)))
}

/**
 * The same words without an element, for labels and announcements.
 * @param {Text} text
 */
export function plainText(text) {
  return text.map((span) => plainWords(spanWords(span))).join('')
}

/** @param {Span} span */
function spanWords(span) {
  if (span.kind === 'person') return span.name
  return span.kind === 'time' ? showTime(span.at, span.show) : span.text
}

/** @param {string} words */
export function plainWords(words) {
  return splitUnseen(words)
    .map((part) => (part.unseen ? `[${part.text}]` : part.text))
    .join('')
}

/** @param {string} name */
function drawUnseen(name) {
  return h('span', { class: 'unseen', title: 'A character that would not be seen here' }, name)
}

/**
 * @param {Span} span
 * @param {boolean} countdowns
 * @returns {Node}
 */
function drawSpan(span, countdowns) {
  switch (span.kind) {
    case 'text':
      return drawWords(span.text)
    case 'strong':
      return h('strong', {}, drawWords(span.text))
    case 'code':
      return h('code', {}, drawWords(span.text))
    case 'typed':
      return h('span', { class: 'typed' }, drawWords(span.text))
    case 'person':
      return h('span', { class: span.notify ? 'person notified' : 'person' }, drawWords(span.name))
    case 'time':
      return drawTime(span, countdowns)
    case 'link':
      return drawLink(span.text, span.url)
    default:
      return document.createTextNode(String(/** @satisfies {never} */ (span)))
  }
}

/**
 * @param {string} words
 * @param {string} url
 */
function drawLink(words, url) {
  if (!/^https?:\/\//i.test(url)) return drawWords(words)
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, drawWords(words))
}

/**
 * @param {Extract<Span, { kind: 'time' }>} span
 * @param {boolean} countdowns
 */
function drawTime(span, countdowns) {
  const moment = h(
    'time',
    { datetime: new Date(span.at).toISOString(), title: showWholeTime(span.at) },
    showTime(span.at, span.show),
  )
  if (!countdowns || timeLeft(span.at) === null) return moment
  return h('span', { class: 'moment' }, moment, drawCountdown(span.at, 'in '))
}

/**
 * Counted on by `startCountdowns`.
 * @param {number} until epoch ms
 * @param {string} before
 */
export function drawCountdown(until, before) {
  const left = timeLeft(until)
  return h(
    'span',
    { class: 'countdown', 'data-until': until, 'data-before': before, role: 'timer' },
    left === null ? '' : `${before}${left}`,
  )
}
