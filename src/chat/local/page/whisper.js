import { drawCard, drawLine } from './card.js'
import { h } from './dom.js'
import { dismiss, resend } from './send.js'
import { state } from './state.js'
import { drawWords } from './text.js'

/** @import { Whisper } from './state.js' */

/**
 * What the acting person alone sees in a channel or a thread.
 * @param {string} channel
 * @param {string | null} thread
 */
export function whispersIn(channel, thread) {
  return state.whispers
    .filter((one) => one.as === state.me && one.channel === channel && one.thread === thread)
    .map((whisper) => ({ kind: /** @type {const} */ ('whisper'), whisper, at: whisper.at }))
}

/** @param {Whisper} whisper */
export function drawWhisper(whisper) {
  const { id, did, status } = whisper
  return h(
    'li',
    { class: `whisper ${status}`, 'data-whisper': id },
    h(
      'p',
      { class: 'whisper-head' },
      'Only visible to you',
      h('span', { class: 'whisper-did' }, drawWords(did)),
      status !== 'sending' &&
        h('button', { type: 'button', class: 'quiet icon', 'aria-label': 'Dismiss', onclick: () => dismiss(id) }, '✕'),
    ),
    drawOutcome(whisper),
  )
}

/** @param {Whisper} whisper */
function drawOutcome({ id, status, answer, fault, channel, thread }) {
  if (status === 'sending') return h('p', { class: 'waiting-dots', 'aria-label': 'Waiting for the answer' })
  if (fault) {
    return h(
      'div',
      { class: 'fault', role: 'alert' },
      h('p', {}, fault.message),
      fault.retry && h('button', { type: 'button', class: 'plain', onclick: () => void resend(id) }, 'Try again'),
    )
  }
  if (answer?.kind === 'card') return drawCard(answer.card, { channel, thread })
  return answer?.kind === 'line' ? drawLine(answer.line) : null
}
