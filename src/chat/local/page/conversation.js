import { drawCard, isCard, pendingButtons } from './card.js'
import { byId, drawList, h } from './dom.js'
import { drawChannel, drawThread, wordsOf } from './message-list.js'
import { change, me, rootsIn, state, watch } from './state.js'
import { connect } from './stream.js'

/** Within this many pixels of its end, a conversation follows what is new. */
const NEAR_END = 120

/** The channel in the middle and the thread beside it. */
export function startConversation() {
  const scroll = byId('scroll')
  const threadScroll = /** @type {HTMLElement} */ (byId('thread').querySelector('.scroll'))
  let shownPlace = ''
  /** @type {string | null} */
  let shownThread = null
  byId('thread-close').addEventListener('click', closeThread)
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && state.thread && !document.querySelector('dialog[open]')) closeThread()
  })
  watch(() => {
    const follow = isNearEnd(scroll) || shownPlace !== state.place
    const followThread = isNearEnd(threadScroll) || shownThread !== state.thread
    drawTitle()
    drawConnection()
    drawMessages()
    drawOpenThread()
    if (shownThread !== state.thread && state.thread) byId('thread-title').focus()
    shownPlace = state.place
    shownThread = state.thread
    if (follow) scroll.scrollTop = scroll.scrollHeight
    if (followThread) threadScroll.scrollTop = threadScroll.scrollHeight
  })
}

function drawTitle() {
  const direct = state.place === me()?.direct
  byId('place-title').textContent = direct ? 'Countersign' : state.place
  byId('place-topic').textContent = direct
    ? `Direct messages to ${me()?.name ?? ''}`
    : 'Ask, decide, watch it end. Everybody here sees the same cards.'
  byId('policy-name').textContent = state.greeting ? state.greeting.policyName : ''
}

function drawConnection() {
  const banner = byId('connection')
  const lost = state.connection === 'lost'
  if (banner.hidden !== lost) return
  banner.hidden = !lost
  banner.replaceChildren()
  if (!lost) return
  banner.append(
    'Countersign cannot be reached. What you see may be old; the page goes on trying.',
    h('button', { type: 'button', class: 'plain', onclick: () => connect() }, 'Try now'),
  )
}

function drawMessages() {
  const messages = rootsIn(state.place)
  drawChannel(byId('messages'), messages)
  byId('messages').classList.toggle('empty', messages.length === 0 && byId('messages').childElementCount === 0)
}

function drawOpenThread() {
  const root = state.thread ? state.messages.get(state.thread) : undefined
  byId('thread').hidden = !root
  byId('app').dataset.thread = root ? 'open' : 'closed'
  if (!root) return
  byId('thread').setAttribute('aria-label', `Thread: ${wordsOf(root)}`)
  drawList(byId('thread-root'), [root], {
    key: (message) => message.id,
    stamp: (message) => `${message.version} ${pendingButtons(message.content)}`,
    draw: ({ content, channel, id }, old) =>
      h('div', {}, isCard(content) ? drawCard(content, { channel, thread: id, was: old }) : wordsOf(root)),
  })
  drawThread(byId('thread-lines'), root.id)
}

function closeThread() {
  const root = state.thread
  change(() => (state.thread = null))
  queueMicrotask(() => {
    const summary = document.querySelector(`[data-key="${CSS.escape(root ?? '')}"] .summary`)
    if (summary instanceof HTMLElement) summary.focus()
  })
}

/** @param {HTMLElement} element */
function isNearEnd(element) {
  return element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END
}
