/**
 * @import { Answer, Form } from '../../../ports/chat.ts'
 * @import { StoredMessage } from '../messages.ts'
 * @import { RecordPane, TargetPane } from '../panes.ts'
 *
 * @typedef {{ id: string, name: string, title: string, direct: string }} Person `direct` is the channel with the bot
 * @typedef {{ people: Person[], channels: string[], policyName: string, example: string }} Greeting
 * @typedef {'command' | 'press' | 'submit'} ActKind
 * @typedef {{ kind: ActKind, body: Record<string, unknown> & { key: string, as: string } }} Act
 * @typedef {{ message: string, retry: boolean }} Fault
 *
 * What only the acting person sees: what they did, and the answer to it. Gone on reload, as in any chat.
 * @typedef {object} Whisper
 * @property {string} id the act's key
 * @property {string} as
 * @property {string} channel
 * @property {string | null} thread
 * @property {number} at
 * @property {string} did in words: the command, or the button
 * @property {'sending' | 'answered' | 'failed'} status
 * @property {Answer | null} answer
 * @property {Fault | null} fault
 * @property {Act} act
 */

export const state = {
  /** @type {'connecting' | 'live' | 'lost'} */
  connection: 'connecting',
  /** @type {Greeting | null} */
  greeting: null,
  /** Whom this tab acts as: person id. */
  me: '',
  /** The channel that is shown. */
  place: '',
  /** @type {string | null} the root of the open thread */
  thread: null,
  /** @type {Map<string, StoredMessage>} */
  messages: new Map(),
  /** @type {Whisper[]} */
  whispers: [],
  /** @type {{ form: Form, channel: string, thread: string | null } | null} */
  form: null,
  /** @type {TargetPane | null | undefined} null when it cannot be asked, undefined before the first look */
  target: undefined,
  /** @type {RecordPane | null | undefined} */
  record: undefined,
  /** Whether somebody asked how to connect since the page was opened. */
  connected: false,
}

/** @type {(() => void)[]} */
const watchers = []
let drawIsDue = false
let isHeld = false

/** @param {() => void} watcher called once after any number of changes */
export function watch(watcher) {
  watchers.push(watcher)
}

/** @param {() => void} change */
export function change(change) {
  change()
  if (drawIsDue) return
  drawIsDue = true
  if (!isHeld) queueMicrotask(draw)
}

function draw() {
  if (!drawIsDue) return
  drawIsDue = false
  for (const watcher of watchers) watcher()
}

/** Nothing is drawn anew under a finger that is down: what is pressed is what was seen, and no press is lost. */
export function holdStillWhilePressed() {
  const hold = () => {
    isHeld = true
  }
  const release = () => {
    isHeld = false
    draw()
  }
  addEventListener('pointerdown', hold, true)
  addEventListener('click', release)
  // The click, where there is one, follows at once and comes first.
  for (const event of ['pointerup', 'pointercancel', 'blur']) addEventListener(event, () => setTimeout(release), true)
}

/** @returns {Person | null} */
export function me() {
  return state.greeting?.people.find((person) => person.id === state.me) ?? null
}

/**
 * The messages in a channel itself, oldest first.
 * @param {string} channel
 */
export function rootsIn(channel) {
  return [...state.messages.values()]
    .filter((message) => message.channel === channel && message.root === null)
    .sort(byPosting)
}

/**
 * The replies to a message, oldest first.
 * @param {string} root
 */
export function repliesTo(root) {
  return [...state.messages.values()].filter((message) => message.root === root).sort(byPosting)
}

/**
 * @param {StoredMessage} a
 * @param {StoredMessage} b
 */
function byPosting(a, b) {
  return a.postedAt - b.postedAt || a.version - b.version
}
