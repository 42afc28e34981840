import { announce } from './dom.js'
import { change, state } from './state.js'
import { plainText, plainWords } from './text.js'
import { correctClock } from './time.js'

/** @import { StoredMessage } from '../messages.ts' */

const RETRY_MS = 1500
/** A server that says nothing for this long is taken for lost: it ticks every ten seconds. */
const SILENCE_MS = 25_000
/** Browsers allow six connections to one server over all tabs: a tab that nobody sees gives its own back. */
const HIDDEN_MS = 120_000

/** @type {EventSource | null} */
let source = null
let heardAt = 0
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry
/** @type {ReturnType<typeof setTimeout> | undefined} */
let rest

/** Follows the server for as long as the page is open. Every connection starts with everything, so nothing is missed. */
export function followServer() {
  connect()
  setInterval(() => {
    if (source && Date.now() - heardAt > SILENCE_MS) lose()
  }, 5000)
  document.addEventListener('visibilitychange', () => {
    clearTimeout(rest)
    if (document.visibilityState === 'hidden') rest = setTimeout(disconnect, HIDDEN_MS)
    else if (!source) connect()
  })
}

export function connect() {
  disconnect()
  heardAt = Date.now()
  source = new EventSource('/local/stream')
  hear('hello', (data) => {
    correctClock(data.now)
    change(() => {
      state.connection = 'live'
      state.greeting = data
    })
  })
  hear('tick', (data) => correctClock(data.now))
  hear('messages', (data) => takeMessages(data.messages, data.whole))
  hear('target', (data) => change(() => (state.target = data)))
  hear('record', (data) => change(() => (state.record = data)))
  source.addEventListener('error', lose)
}

function disconnect() {
  clearTimeout(retry)
  source?.close()
  source = null
}

function lose() {
  disconnect()
  change(() => (state.connection = 'lost'))
  retry = setTimeout(connect, RETRY_MS)
}

/**
 * @param {string} event
 * @param {(data: any) => void} take
 */
function hear(event, take) {
  source?.addEventListener(event, (message) => {
    heardAt = Date.now()
    take(JSON.parse(message.data))
  })
}

/**
 * @param {StoredMessage[]} messages
 * @param {boolean} whole whether these are all there are
 */
function takeMessages(messages, whole) {
  change(() => {
    if (whole) state.messages = new Map()
    for (const message of messages) {
      const known = state.messages.get(message.id)
      if (known && known.version >= message.version) continue
      state.messages.set(message.id, message)
      if (!whole && !known) announceMessage(message)
    }
  })
}

/** @param {StoredMessage} message */
function announceMessage(message) {
  const shown = message.root === null ? message.channel === state.place : message.root === state.thread
  if (!shown) return
  announce('title' in message.content ? plainWords(message.content.title) : plainText(message.content.text))
}
