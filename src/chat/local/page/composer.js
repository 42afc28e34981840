import { complete } from './completion.js'
import { byId, drawList, h } from './dom.js'
import { newAct, whisper } from './send.js'
import { me, state, watch } from './state.js'

/** @import { Completion } from '../local-person.ts' */

const input = /** @type {HTMLTextAreaElement} */ (byId('composer-input'))
const list = byId('completions')
const hint = byId('composer-hint')
const KEYS = 'Enter sends · Tab completes · ↑ brings back your last words · Alt and a number acts as somebody else'

/** @type {readonly Completion[]} */
let words = []
let wordsOf = ''
/** The option that Enter takes; -1 when Enter sends. */
let active = -1
/** @type {ReturnType<typeof complete>['options']} */
let options = []
/** @type {string[]} */
const sent = []
let recalled = 0
let complaint = ''

export function startComposer() {
  input.addEventListener('input', () => {
    complaint = ''
    recalled = 0
    suggest()
  })
  input.addEventListener('focus', () => void fetchWords())
  input.addEventListener('blur', () => hideOptions())
  input.addEventListener('keydown', onKey)
  byId('composer').addEventListener('submit', (event) => {
    event.preventDefault()
    sendTyped()
  })
  byId('open-form').addEventListener('click', () => sendCommand(''))
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isEditing(event.target)) return
    input.focus()
  })
  watch(() => {
    input.placeholder = state.greeting ? `Try ${state.greeting.example}` : ''
    if (wordsOf && wordsOf !== state.me) void fetchWords()
    drawHint()
  })
}

/**
 * Puts words into the box for the reader to look at and send.
 * @param {string} text
 */
export function propose(text) {
  input.value = text
  complaint = ''
  input.focus()
  suggest()
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.isComposing) return
  const open = !list.hidden
  if (event.key === 'Enter' && !event.shiftKey) {
    event.preventDefault()
    if (open && active >= 0) take(active)
    else sendTyped()
  } else if (event.key === 'Tab' && !event.shiftKey && open) {
    event.preventDefault()
    take(Math.max(active, 0))
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && open) {
    event.preventDefault()
    const step = event.key === 'ArrowDown' ? 1 : -1
    active = active < 0 && step < 0 ? options.length - 1 : (active + step + options.length) % options.length
    drawOptions()
  } else if (event.key === 'ArrowUp' && (input.value === '' || recalled > 0)) {
    event.preventDefault()
    recalled = Math.min(recalled + 1, sent.length)
    input.value = sent.at(-recalled) ?? input.value
    suggest()
    hideOptions()
  } else if (event.key === 'Escape' && open) {
    event.preventDefault()
    event.stopPropagation()
    hideOptions()
  }
}

function sendTyped() {
  const typed = input.value.trim().replace(/\s*\n\s*/g, ' ')
  if (!typed) return
  const command = /^\/access(?:\s+(.*))?$/is.exec(typed)
  if (!command) {
    complaint = typed.startsWith('/')
      ? `${typed.split(/\s/)[0]} is not a command here. Start with /access, or write /access help.`
      : `Only Countersign is listening, to what starts with /access. Try ${state.greeting?.example ?? '/access help'}`
    drawHint()
    return
  }
  input.value = ''
  hideOptions()
  fitHeight()
  sent.push(typed)
  recalled = 0
  sendCommand(command[1] ?? '')
}

/** @param {string} text what follows the command word */
function sendCommand(text) {
  const person = me()
  if (!person) return
  complaint = ''
  drawHint()
  const channel = state.place === person.direct ? null : state.place
  void whisper(newAct('command', { text, channel }), {
    did: `/access ${text}`.trim(),
    channel: state.place,
    thread: null,
  })
}

async function fetchWords() {
  const person = state.me
  try {
    const response = await fetch(`/local/completion?as=${encodeURIComponent(person)}`)
    if (!response.ok || person !== state.me) return
    words = await response.json()
    wordsOf = person
    if (document.activeElement === input && input.value) suggest()
  } catch {
    // Without completion one can still type; the banner says that the server cannot be reached.
  }
}

function suggest() {
  fitHeight()
  const found = complete(input.value, words)
  options = found.options
  if (found.exact && options.length === 1) options = []
  active = found.partial && !found.exact && options.length > 0 ? 0 : -1
  list.hidden = options.length === 0 || document.activeElement !== input
  drawOptions()
  drawHint()
}

function drawOptions() {
  drawList(list, options, {
    key: (option) => option.word,
    stamp: (option) => `${option.detail} ${options.indexOf(option)} ${options.indexOf(option) === active}`,
    draw: (option) => {
      const index = options.indexOf(option)
      return h(
        'div',
        {
          id: `completion-${index}`,
          role: 'option',
          'aria-selected': index === active ? 'true' : 'false',
          onmousedown: (event) => {
            event.preventDefault()
            take(index)
          },
        },
        h('code', {}, option.word),
        h('span', {}, option.detail),
      )
    },
  })
  input.setAttribute('aria-expanded', String(!list.hidden))
  if (active >= 0 && !list.hidden) {
    input.setAttribute('aria-activedescendant', `completion-${active}`)
    list.children[active]?.scrollIntoView({ block: 'nearest' })
  } else input.removeAttribute('aria-activedescendant')
}

function hideOptions() {
  list.hidden = true
  active = -1
  drawOptions()
}

/** @param {number} index */
function take(index) {
  const option = options[index]
  if (!option) return
  const { partial } = complete(input.value, words)
  input.value = `${input.value.slice(0, input.value.length - partial.length)}${option.word} `
  suggest()
}

function drawHint() {
  const { rest } = complete(input.value, words)
  const said = complaint || (rest && `Then: ${rest}`) || KEYS
  if (hint.textContent !== said) hint.textContent = said
  hint.classList.toggle('complaint', complaint !== '')
  input.setAttribute('aria-invalid', String(complaint !== ''))
}

/** As high as its words, within what style.css allows. */
function fitHeight() {
  input.style.height = 'auto'
  input.style.height = `${input.scrollHeight}px`
}

/** @param {EventTarget | null} target */
function isEditing(target) {
  return target instanceof HTMLElement && target.closest('input, textarea, select, dialog') !== null
}
