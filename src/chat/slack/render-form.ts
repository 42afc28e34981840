import type { types } from '@slack/bolt'
import type { Card, Form, FormField, Line } from '../../ports/chat.ts'
import { cutTo } from '../plain-words.ts'
import { plain, renderMessage } from './render-message.ts'
import type { Rendering } from './render-text.ts'

/** The one element of an input block: the block is named for the field. */
export const FIELD_ACTION = 'value'

const TITLE_CHARACTERS = 24
const HINT_CHARACTERS = 2_000
const OPTION_CHARACTERS = 75
const OPTION_VALUE_CHARACTERS = 150
const OPTIONS_IN_A_LIST = 100
const TYPED_CHARACTERS = 3_000

/** A form as a modal. Its context travels in the metadata, its id in the callback id. */
export function renderForm(form: Form): types.ModalView {
  return {
    type: 'modal',
    callback_id: form.id,
    title: plain(cutTo(form.title, TITLE_CHARACTERS)),
    submit: plain(cutTo(form.submitLabel, TITLE_CHARACTERS)),
    close: plain('Cancel'),
    private_metadata: JSON.stringify(form.context),
    blocks: form.fields.map(renderField),
  }
}

/** An answer where there is no channel to say it in: the modal itself. */
export function renderAnswerView(message: Card | Line, rendering: Rendering): types.ModalView {
  return {
    type: 'modal',
    callback_id: 'answer',
    title: plain('Countersign'),
    close: plain('Close'),
    blocks: renderMessage(message, rendering).blocks,
  }
}

function renderField(field: FormField): types.InputBlock {
  return {
    type: 'input',
    block_id: field.name,
    label: plain(cutTo(field.label, HINT_CHARACTERS)),
    optional: !field.required,
    element: field.kind === 'select' ? renderSelect(field) : renderInput(field),
    ...(field.hint !== null && { hint: plain(cutTo(field.hint, HINT_CHARACTERS)) }),
  }
}

function renderInput(field: FormField): types.PlainTextInput {
  const most = Math.min(field.maxLength ?? TYPED_CHARACTERS, TYPED_CHARACTERS)
  return {
    type: 'plain_text_input',
    action_id: FIELD_ACTION,
    multiline: field.kind === 'long-text',
    max_length: most,
    ...(field.initial !== null && field.initial !== '' && { initial_value: field.initial.slice(0, most) }),
  }
}

function renderSelect(field: FormField): types.StaticSelect {
  const options = field.options
    .filter((option) => option.value.length <= OPTION_VALUE_CHARACTERS)
    .map((option) => ({ text: plain(cutTo(option.label, OPTION_CHARACTERS)), value: option.value }))
  const initial = options.find((option) => option.value === field.initial)
  const base = {
    type: 'static_select' as const,
    action_id: FIELD_ACTION,
    ...(initial !== undefined && { initial_option: initial }),
  }
  if (options.length <= OPTIONS_IN_A_LIST) return { ...base, options }
  // A list takes a hundred, and a list of lists a hundred of those.
  const groups = Array.from({ length: Math.ceil(options.length / OPTIONS_IN_A_LIST) }, (_, index) => {
    const from = index * OPTIONS_IN_A_LIST
    const part = options.slice(from, from + OPTIONS_IN_A_LIST)
    return { label: plain(`${from + 1} to ${from + part.length}`), options: part }
  })
  return { ...base, option_groups: groups.slice(0, OPTIONS_IN_A_LIST) }
}
