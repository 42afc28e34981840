import { z } from 'zod'

/*
 * What the official schema of Adaptive Cards 1.5 says of the elements that ours are made of, told strictly: an
 * element or a property that is not here is refused, though the schema may know it. `msteams` is Teams' own.
 */
const anyCase = (...words: string[]) => z.string().refine((said) => words.includes(said.toLowerCase()))
const spacing = anyCase('default', 'none', 'small', 'medium', 'large', 'extralarge', 'padding').optional()
const address = z.string().refine((said) => URL.canParse(said))
const element = { separator: z.boolean().optional(), spacing }

const openUrl = z.strictObject({ type: z.literal('Action.OpenUrl'), url: address })

const textRun = z.strictObject({
  type: z.literal('TextRun'),
  text: z.string().min(1),
  color: anyCase('default', 'dark', 'light', 'accent', 'good', 'warning', 'attention').optional(),
  fontType: anyCase('default', 'monospace').optional(),
  isSubtle: z.boolean().optional(),
  italic: z.boolean().optional(),
  size: anyCase('default', 'small', 'medium', 'large', 'extralarge').optional(),
  underline: z.boolean().optional(),
  weight: anyCase('default', 'lighter', 'bolder').optional(),
  selectAction: openUrl.optional(),
})
const richText = z.strictObject({ type: z.literal('RichTextBlock'), inlines: z.array(textRun).min(1), ...element })

const column = z.strictObject({
  type: z.literal('Column'),
  items: z.array(richText).min(1),
  width: z.string().regex(/^(auto|stretch|\d+px)$/),
})
const columnSet = z.strictObject({ type: z.literal('ColumnSet'), columns: z.array(column).min(1), ...element })
const container = z.strictObject({
  type: z.literal('Container'),
  items: z.array(richText).min(1),
  style: anyCase('default', 'emphasis', 'good', 'attention', 'warning', 'accent').optional(),
  bleed: z.boolean().optional(),
  ...element,
})

/** Of the message itself: Teams has no way to an address of ours. */
const image = z.strictObject({
  type: z.literal('Image'),
  url: z.string().startsWith('data:image/png;base64,'),
  altText: z.string().min(1),
  size: anyCase('auto', 'stretch', 'small', 'medium', 'large').optional(),
  ...element,
})

const input = {
  id: z.string().min(1),
  label: z.string().optional(),
  isRequired: z.boolean().optional(),
  errorMessage: z.string().optional(),
  placeholder: z.string().optional(),
  value: z.string().optional(),
  ...element,
}
const inputText = z.strictObject({
  type: z.literal('Input.Text'),
  isMultiline: z.boolean().optional(),
  maxLength: z.number().optional(),
  ...input,
})
const choiceSet = z.strictObject({
  type: z.literal('Input.ChoiceSet'),
  choices: z.array(z.strictObject({ title: z.string(), value: z.string() })),
  style: anyCase('compact', 'expanded', 'filtered').optional(),
  ...input,
})

const action = {
  title: z.string().min(1),
  style: anyCase('default', 'positive', 'destructive').optional(),
  mode: anyCase('primary', 'secondary').optional(),
  data: z.record(z.string(), z.unknown()),
}
const execute = z.strictObject({ type: z.literal('Action.Execute'), verb: z.string(), ...action })
const submit = z.strictObject({ type: z.literal('Action.Submit'), ...action })

const cardSchema = z.strictObject({
  $schema: address.optional(),
  type: z.literal('AdaptiveCard'),
  version: z.literal('1.5'),
  body: z.array(z.discriminatedUnion('type', [richText, columnSet, container, image, inputText, choiceSet])).min(1),
  actions: z
    .array(z.discriminatedUnion('type', [execute, submit]))
    .min(1)
    .optional(),
  fallbackText: z.string().optional(),
  refresh: z
    .strictObject({ action: execute, userIds: z.array(z.string().startsWith('29:')).min(1).max(60) })
    .optional(),
  msteams: z.strictObject({ width: z.literal('Full') }).optional(),
})

/** Teams takes no more in one message. */
const MOST_BYTES = 28 * 1024

/** What Teams would say against a card; null when it takes it. */
export function faultOfCard(card: unknown): string | null {
  const parsed = cardSchema.safeParse(card)
  if (!parsed.success) return z.prettifyError(parsed.error)
  const shown = (parsed.data.actions ?? []).filter(({ mode }) => mode !== 'secondary')
  if (shown.length > 6) return 'more than six buttons'
  const bytes = Buffer.byteLength(JSON.stringify(card))
  return bytes > MOST_BYTES ? `${bytes} bytes` : null
}
