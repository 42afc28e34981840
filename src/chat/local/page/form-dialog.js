import { byId, h } from './dom.js'
import { deliver, keepWhisper, newAct } from './send.js'
import { change, state, watch } from './state.js'
import { drawText, plainWords } from './text.js'

/**
 * @import { Form, FormField, Text } from '../../../ports/chat.ts'
 * @import { Act } from './state.js'
 */

const dialog = /** @type {HTMLDialogElement} */ (byId('form-dialog'))
/** @type {Form | null} */
let drawn = null
/** The act that was not answered, and what it said: the same words again are the same act again. @type {Act | null} */
let unanswered = null

/** A form that the desk asked for, as a dialog. What it answers is said where the form was called for. */
export function startFormDialog() {
  dialog.addEventListener('close', () => {
    if (state.form) change(() => (state.form = null))
  })
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close()
  })
  watch(() => {
    const form = state.form?.form ?? null
    if (form === drawn) return
    drawn = form
    unanswered = null
    if (!form) dialog.close()
    else {
      dialog.replaceChildren(drawForm(form))
      if (!dialog.open) dialog.showModal()
    }
  })
}

/** @param {Form} form */
function drawForm(form) {
  const fault = h('div', { class: 'dialog-fault', role: 'alert', hidden: true })
  const submit = h('button', { type: 'submit', class: 'primary' }, plainWords(form.submitLabel))
  return h(
    'form',
    { onsubmit: onSubmit, novalidate: false },
    h(
      'header',
      { class: 'dialog-head' },
      h('h2', { id: 'form-title' }, plainWords(form.title)),
      h('button', { type: 'button', class: 'quiet icon', 'aria-label': 'Close', onclick: () => dialog.close() }, '✕'),
    ),
    ...form.fields.map((field, index) => drawField(field, index === 0)),
    fault,
    h(
      'footer',
      { class: 'dialog-foot' },
      h('button', { type: 'button', class: 'plain', onclick: () => dialog.close() }, 'Cancel'),
      submit,
    ),
  )

  /** @param {Event} event */
  async function onSubmit(event) {
    event.preventDefault()
    if (submit.getAttribute('aria-disabled') || !state.form) return
    const { channel, thread } = state.form
    const where = { channel, thread }
    const values = Object.fromEntries(
      [...new FormData(/** @type {HTMLFormElement} */ (event.target))].map(([name, value]) => [name, String(value)]),
    )
    const body = { form: form.id, context: form.context, values }
    const again = unanswered && JSON.stringify(unanswered.body.values) === JSON.stringify(values)
    const act = again && unanswered ? unanswered : newAct('submit', body)
    submit.setAttribute('aria-disabled', 'true')
    const { answer, fault: failure } = await deliver(act)
    submit.removeAttribute('aria-disabled')
    const isOpen = state.form?.form === form
    if (isOpen && failure) {
      unanswered = failure.retry ? act : null
      complain([{ kind: 'text', text: failure.message }])
    } else if (isOpen && answer?.kind === 'line' && answer.line.tone === 'refused') complain(answer.line.text)
    else if (answer?.kind === 'form') {
      change(() => {
        state.form = { ...where, form: answer.form }
      })
    } else {
      // Also when the dialog was closed meanwhile: what was sent has an answer, and it is said.
      if (isOpen) dialog.close()
      const status = failure ? 'failed' : 'answered'
      keepWhisper(act, { did: plainWords(form.title), ...where }, { status, answer, fault: failure })
    }
  }

  /** @param {Text} text */
  function complain(text) {
    fault.replaceChildren(drawText(text))
    fault.hidden = false
  }
}

/**
 * @param {FormField} field
 * @param {boolean} first
 */
function drawField(field, first) {
  const id = `field-${field.name}`
  const about = {
    id,
    name: field.name,
    required: field.required,
    autofocus: first,
    'aria-describedby': field.hint ? `${id}-hint` : null,
  }
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, plainWords(field.label), !field.required && h('span', { class: 'optional' }, ' optional')),
    drawControl(field, about),
    field.hint && h('p', { id: `${id}-hint`, class: 'hint' }, plainWords(field.hint)),
  )
}

/**
 * @param {FormField} field
 * @param {Record<string, string | boolean | null>} about
 */
function drawControl(field, about) {
  if (field.kind === 'select') {
    const options = field.options.map(({ value, label }) =>
      h('option', { value, selected: value === field.initial }, plainWords(label)),
    )
    return h('select', about, ...options)
  }
  if (field.kind === 'long-text') {
    return h('textarea', { ...about, rows: 3, maxlength: field.maxLength }, field.initial)
  }
  return h('input', { ...about, type: 'text', maxlength: field.maxLength, value: field.initial, autocomplete: 'off' })
}
