import type { Card, Form, FormField, Line } from '../../ports/chat.ts'
import { cutTo } from '../plain-words.ts'
import { bodyOfLine, CARD_TYPE, frame, renderMessage } from './render-message.ts'
import { type Json, paragraph, type Rendering, run } from './render-text.ts'

/** Before the name of a field, so that a field can never be taken for something of ours in what comes back. */
export const FIELD_PREFIX = 'field:'

const TITLE_CHARACTERS = 64
const LABEL_CHARACTERS = 200
const TYPED_CHARACTERS = 3_000
const MOST_OPTIONS = 100
const MOST_AGAIN_BYTES = 6_000
const OPTION_CHARACTERS = 100
/** More choices than this are searched, not scrolled. */
const SEARCHED_FROM = 10

/** What a dialog invoke is answered with. */
export interface Dialog {
  readonly task: { readonly type: 'continue'; readonly value: Json }
}

/** @param said what is wrong with what was written, above the fields, which keep it (`values`) */
export function renderForm(
  form: Form,
  rendering: Rendering,
  said: Line | null = null,
  values: Readonly<Record<string, string>> = {},
): Dialog {
  const written = new Map(Object.entries(values))
  const fields = form.fields.flatMap((field) => renderField(field, written.get(field.name) ?? field.initial))
  const send = {
    ...{ type: 'Action.Submit', title: cutTo(form.submitLabel, LABEL_CHARACTERS), style: 'positive' },
    data: { form: { id: form.id, context: form.context }, again: isShort(form) ? form : null },
  }
  const body = [...(said === null ? [] : [bodyOfLine(said, rendering)]), ...fields]
  return dialog(form.title, frame(body, [], { actions: [send] }))
}

/** An answer where a dialog is open: in its place. */
export function renderAnswerDialog(message: Card | Line, rendering: Rendering): Dialog {
  return dialog('Countersign', renderMessage(message, rendering).card)
}

/**
 * A command cannot open a dialog in Teams: this card has the button that does, as if the command were given again.
 * @param text the command, as it was typed
 */
export function renderFormOpener(form: Form, text: string): Json {
  const open = {
    ...{ type: 'Action.Submit', title: 'Open the form', style: 'positive' },
    data: { action: OPEN_FORM, text, msteams: { type: 'task/fetch' } },
  }
  const words = paragraph([run(`${form.title}: press the button, or write it in one line. `)])
  return frame(words, [], { actions: [open], fallbackText: form.title })
}

/** It travels along once more, to be drawn again beside a refusal; a long list of choices would not fit twice. */
function isShort(form: Form): boolean {
  return Buffer.byteLength(JSON.stringify(form)) <= MOST_AGAIN_BYTES
}

export const OPEN_FORM = 'open-form'

function dialog(title: string, card: Json): Dialog {
  const value = {
    ...{ title: cutTo(title, TITLE_CHARACTERS), height: 'medium', width: 'medium' },
    card: { contentType: CARD_TYPE, content: card },
  }
  return { task: { type: 'continue', value } }
}

function renderField(field: FormField, initial: string | null): Json[] {
  const most = Math.min(field.maxLength ?? TYPED_CHARACTERS, TYPED_CHARACTERS)
  const common = {
    ...{ id: `${FIELD_PREFIX}${field.name}`, label: cutTo(field.label, LABEL_CHARACTERS), isRequired: field.required },
    ...(field.required && { errorMessage: 'This is needed.' }),
  }
  const hint = field.hint === null ? {} : { placeholder: cutTo(field.hint, LABEL_CHARACTERS) }
  if (field.kind !== 'select') {
    const text = { ...common, ...hint, isMultiline: field.kind === 'long-text', maxLength: most }
    return [{ type: 'Input.Text', ...text, ...(initial !== null && { value: initial.slice(0, most) }) }]
  }
  const all = field.options.map(({ label, value }) => ({ title: cutTo(label, OPTION_CHARACTERS), value }))
  const choices = all.slice(0, MOST_OPTIONS)
  const list = {
    ...{ type: 'Input.ChoiceSet', ...common, ...hint, choices },
    style: choices.length > SEARCHED_FROM ? 'filtered' : 'compact',
    ...(choices.some(({ value }) => value === initial) && { value: initial }),
  }
  const more = `${all.length - choices.length} more do not fit here: ask for one of them in one line.`
  return choices.length === all.length ? [list] : [list, ...paragraph([run(more, { isSubtle: true })])]
}
