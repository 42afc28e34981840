import { drawMoment } from './card.js'
import { byId, drawList, h } from './dom.js'
import { drawPaneHead } from './pane-head.js'
import { state, watch } from './state.js'
import { drawText } from './text.js'

/** @import { RecordEvent, RecordPane } from '../panes.ts' */

const SEALS = {
  unsealed: 'Written, not yet under a signed checkpoint',
  sealed: 'Under a signed checkpoint',
  witnessed: 'Under a checkpoint that a witness keeps: it cannot be changed unnoticed',
}

/** The newest events, and how far each is sealed. */
export function startRecordPane() {
  const facts = h('dl', { class: 'checkpoint' })
  const words = h('p', { class: 'pane-words' })
  const list = h('ol', { class: 'events' })
  byId('record-pane').append(
    drawPaneHead('record-title', 'pane-seal'),
    h('div', { class: 'pane-body' }, facts, words, list),
  )
  byId('record-title').textContent = 'The record'
  watch(() => {
    const { record } = state
    const events = record?.events ?? []
    words.textContent =
      record === undefined
        ? 'Looking…'
        : record === null
          ? 'The record cannot be read right now.'
          : events.length === 0
            ? 'Nothing is on the record yet.'
            : ''
    words.hidden = words.textContent === ''
    facts.hidden = !record
    if (record) drawList(facts, factsOf(record), { key: ([label]) => label, stamp: JSON.stringify, draw: drawFact })
    drawList(list, events, { key: (event) => event.id, stamp: JSON.stringify, draw: drawEvent })
  })
}

/**
 * @param {RecordPane} record
 * @returns {[string, string, string][]} label, words, whole value
 */
function factsOf({ checkpoint, witnesses }) {
  /** @type {[string, string, string][]} */
  const facts = witnesses.map(({ name, strength, size }) => {
    const kept = size === null ? 'keeps nothing yet' : `keeps ${size}`
    return ['Witness', `${name} ${kept}${strength === 'weak' ? ', weak' : ''}`, strengthWords(strength)]
  })
  if (!checkpoint) return [['Checkpoint', 'none signed yet', ''], ...facts]
  return [
    ['Size', String(checkpoint.size), 'Events under the newest signed checkpoint'],
    ['Root', shorten(checkpoint.root), checkpoint.root],
    ...facts,
  ]
}

/** @param {'weak' | 'independent'} strength */
function strengthWords(strength) {
  return strength === 'weak'
    ? 'Weak: whoever runs Countersign could rewrite it. Good enough to try things, not to convince an auditor.'
    : 'Independent: whoever runs Countersign cannot rewrite it.'
}

/** @param {[string, string, string]} fact */
function drawFact([label, words, whole]) {
  return h('div', { title: whole }, h('dt', {}, label), h('dd', {}, words))
}

/** @param {RecordEvent} event */
function drawEvent(event) {
  return h(
    'li',
    { class: `event ${event.seal}` },
    h('span', { class: 'seal', title: SEALS[event.seal] }, h('span', { class: 'sr' }, event.seal)),
    h('p', {}, drawText(event.what)),
    h(
      'p',
      { class: 'event-facts' },
      h('span', {}, event.leafIndex === null ? 'no leaf yet' : `leaf ${event.leafIndex}`),
      h('span', { class: 'seal-word' }, event.seal),
      drawMoment(event.at),
    ),
  )
}

/** @param {string} root */
function shorten(root) {
  return root.length > 14 ? `${root.slice(0, 6)}…${root.slice(-5)}` : root
}
