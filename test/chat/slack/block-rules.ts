import { z } from 'zod'

/*
 * Slack's limits on blocks, as its documentation states them. Everything unknown is refused: what the
 * product sends must be in here, or the fake Slack answers `invalid_blocks` as the real one would.
 */
const words = (most: number) => z.string().min(1).max(most)
const blockId = { block_id: words(255).optional() }
const plainText = (most: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: words(most), emoji: z.boolean().optional() })
const markdown = z.strictObject({ type: z.literal('mrkdwn'), text: words(3_000), verbatim: z.boolean().optional() })

const style = z.strictObject({ bold: z.literal(true), italic: z.literal(true), code: z.literal(true) }).partial()
const richElement = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: words(3_000), style: style.optional() }),
  z.strictObject({ type: z.literal('link'), url: words(3_000), text: words(3_000) }),
  z.strictObject({ type: z.literal('user'), user_id: z.string().regex(/^[UW][A-Z0-9]+$/) }),
  z.strictObject({
    type: z.literal('date'),
    timestamp: z.int().positive(),
    format: z.string().regex(/^(\{(time|time_secs|date_short_pretty)\} ?)+$/),
    fallback: words(255),
  }),
])
const section = z.strictObject({
  type: z.literal('rich_text_section'),
  elements: z.array(richElement).min(1).max(1_000),
})

const preformatted = z.strictObject({
  type: z.literal('rich_text_preformatted'),
  elements: z.array(z.strictObject({ type: z.literal('text'), text: words(3_000) })).min(1),
})

const option = z.strictObject({ text: plainText(75), value: words(150) })
const button = z.strictObject({
  type: z.literal('button'),
  action_id: words(255),
  text: plainText(75),
  value: words(2_000),
  style: z.enum(['primary', 'danger']).optional(),
})
const select = z
  .strictObject({
    type: z.literal('static_select'),
    action_id: words(255),
    options: z.array(option).min(1).max(100).optional(),
    option_groups: z
      .array(z.strictObject({ label: plainText(75), options: z.array(option).min(1).max(100) }))
      .min(1)
      .max(100)
      .optional(),
    initial_option: option.optional(),
  })
  .refine((one) => (one.options === undefined) !== (one.option_groups === undefined))
const input = z.strictObject({
  type: z.literal('plain_text_input'),
  action_id: words(255),
  multiline: z.boolean(),
  max_length: z.int().min(1).max(3_000),
  initial_value: words(3_000).optional(),
})

const header = z.strictObject({ type: z.literal('header'), text: plainText(150), ...blockId })
const richText = z.strictObject({
  type: z.literal('rich_text'),
  elements: z.array(z.union([section, preformatted])).min(1),
  ...blockId,
})
const context = z.strictObject({
  type: z.literal('context'),
  elements: z
    .array(z.union([plainText(3_000), markdown]))
    .min(1)
    .max(10),
  ...blockId,
})
const actions = z
  .strictObject({ type: z.literal('actions'), elements: z.array(button).min(1).max(25), ...blockId })
  .refine(({ elements }) => new Set(elements.map((one) => one.action_id)).size === elements.length)
const field = z.strictObject({
  type: z.literal('input'),
  block_id: words(255),
  label: plainText(2_000),
  optional: z.boolean(),
  hint: plainText(2_000).optional(),
  element: z.union([select, input]),
})

const image = z.strictObject({
  type: z.literal('image'),
  slack_file: z.strictObject({ id: z.string().regex(/^F[A-Z0-9]+$/) }),
  alt_text: words(2_000),
})

const message = z.union([header, richText, context, actions, image])
/** The total is not documented; more than this was seen to be refused as `msg_blocks_too_long`. */
const shortEnough = (blocks: unknown) => JSON.stringify(blocks).length <= 60_000
const messageBlocks = z.array(message).min(1).max(50).refine(shortEnough)
const modal = z.strictObject({
  type: z.literal('modal'),
  callback_id: words(255),
  title: plainText(24),
  submit: plainText(24).optional(),
  close: plainText(24),
  private_metadata: z.string().max(3_000).optional(),
  blocks: z
    .array(z.union([message, field]))
    .min(1)
    .max(100),
})

/** What is wrong with the blocks of a message; null when Slack would take them. */
export function faultOfBlocks(blocks: unknown): string | null {
  return faultOf(messageBlocks, blocks)
}

/** What is wrong with a modal; null when Slack would take it. */
export function faultOfView(view: unknown): string | null {
  const fault = faultOf(modal, view)
  const parsed = modal.safeParse(view).data
  // An input needs a way to send it.
  if (parsed?.blocks.some((block) => block.type === 'input') && parsed.submit === undefined) return 'no submit'
  return fault
}

function faultOf(schema: z.ZodType, value: unknown): string | null {
  const parsed = schema.safeParse(value)
  return parsed.success ? null : z.prettifyError(parsed.error)
}
