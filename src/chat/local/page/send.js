import { announce } from './dom.js'
import { change, state } from './state.js'
import { plainText, plainWords } from './text.js'
import { now } from './time.js'

/**
 * @import { Answer } from '../../../ports/chat.ts'
 * @import { Act, ActKind, Fault, Whisper } from './state.js'
 */

const PATIENCE_MS = 20_000
let token = ''

/**
 * A new act of the acting person. Sent again, it keeps its key and stays the same act.
 * @param {ActKind} kind
 * @param {Record<string, unknown>} body
 * @returns {Act}
 */
export function newAct(kind, body) {
  return { kind, body: { ...body, key: crypto.randomUUID(), as: state.me } }
}

/**
 * Sends an act and shows its answer where it was done, to its doer alone.
 * @param {Act} act
 * @param {{ did: string, channel: string, thread: string | null }} where
 */
export async function whisper(act, where) {
  keepWhisper(act, where, { status: 'sending', answer: null, fault: null })
  await resend(act.body.key)
}

/**
 * @param {Act} act
 * @param {{ did: string, channel: string, thread: string | null }} where
 * @param {Pick<Whisper, 'status' | 'answer' | 'fault'>} outcome
 */
export function keepWhisper(act, where, outcome) {
  const { key, as } = act.body
  change(() => state.whispers.push({ id: key, as, at: now(), act, ...where, ...outcome }))
}

/** @param {string} id */
export async function resend(id) {
  const known = state.whispers.find((one) => one.id === id)
  if (!known) return
  settle(id, { status: 'sending', fault: null })
  const { answer, fault } = await deliver(known.act)
  if (fault) {
    settle(id, { status: 'failed', fault })
    announce(fault.message)
  } else if (answer?.kind === 'form') {
    dismiss(id)
    change(() => (state.form = { form: answer.form, channel: known.channel, thread: known.thread }))
  } else {
    settle(id, { status: 'answered', answer })
    if (answer) announce(answer.kind === 'line' ? plainText(answer.line.text) : plainWords(answer.card.title))
  }
}

/** @param {string} id */
export function dismiss(id) {
  change(() => (state.whispers = state.whispers.filter((one) => one.id !== id)))
}

/**
 * @param {string} id
 * @param {Partial<Whisper>} news
 */
function settle(id, news) {
  change(() => (state.whispers = state.whispers.map((one) => (one.id === id ? { ...one, ...news } : one))))
}

/**
 * @param {Act} act
 * @returns {Promise<{ answer: Answer | null, fault: Fault | null }>}
 */
export async function deliver(act) {
  try {
    let response = await post(act)
    if (response.status === 403) {
      token = ''
      response = await post(act)
    }
    const said = await response.json()
    if (response.ok) return { answer: said, fault: null }
    return { answer: null, fault: { message: said.error.message, retry: said.error.retry } }
  } catch {
    const message = 'Countersign did not answer, so this may not be recorded. Trying again is safe: it counts once.'
    return { answer: null, fault: { message, retry: true } }
  }
}

/** @param {Act} act */
async function post(act) {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  if (!token) token = (await (await fetch('/local/token', { signal })).json()).token
  return fetch(`/local/${act.kind}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-countersign-token': token },
    body: JSON.stringify(act.body),
    signal,
  })
}
