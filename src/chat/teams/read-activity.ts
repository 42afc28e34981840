import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { PlatformTime } from '../../domain/platform-time.ts'
import type { Account, Act, Form, Press, Submission } from '../../ports/chat.ts'
import type { Heard } from './conversations.ts'
import { FIELD_PREFIX, OPEN_FORM } from './render-form.ts'
import { VERB } from './render-message.ts'
import { TEAMS_PLATFORM } from './sent-messages.ts'

/** Something that came in over the door: whose it is, where it happened, what was done. */
export interface Received {
  readonly where: Where
  readonly what: What
  /** Somebody waits for an answer in the response itself. */
  readonly isInvoke: boolean
}

export interface Where {
  readonly heard: Heard
  /** A thread of a channel is one of its own. */
  readonly conversation: string
  readonly isPersonal: boolean
  /** The message itself, where it was for us alone. */
  readonly targeted: string | null
}

export type What =
  | { readonly kind: 'command'; readonly act: Act; readonly text: string }
  | { readonly kind: 'press'; readonly act: Act; readonly press: Press }
  /** A client asks for the view of one person. */
  | { readonly kind: 'refresh'; readonly act: Act; readonly request: string }
  /** A dialog is to be opened: the form behind a command. */
  | { readonly kind: 'open-form'; readonly act: Act; readonly text: string }
  /** A dialog is to be opened: the form behind a button. */
  | { readonly kind: 'press-for-form'; readonly act: Act; readonly press: Press }
  | { readonly kind: 'submit'; readonly act: Act; readonly submission: Submission; readonly form: Form | null }
  /** An invoke that says nothing we know: it is answered, and decides nothing. */
  | { readonly kind: 'unreadable'; readonly asks: 'card' | 'dialog' | 'nothing' }
  /** What nobody need answer: somebody joined, reacted, edited, talked to others. */
  | { readonly kind: 'nothing' }

/** Reads a body whose token was checked, and trusts nothing else of it. @returns null for what is not let in */
export function readActivity(body: unknown, serviceUrl: string, tenants: readonly string[]): Received | null {
  const parsed = activitySchema.safeParse(body)
  if (!parsed.success || parsed.data.serviceUrl !== serviceUrl) return null
  const activity = parsed.data
  // Somebody of another company in a shared channel brings their own tenant along.
  const { conversation, channelData, from } = activity
  const named = [conversation.tenantId, channelData?.tenant?.id, from.tenantId].flatMap((one) => one ?? [])
  const [tenant, another] = new Set(named.map((one) => one.toLowerCase()))
  if (tenant === undefined || another !== undefined || !tenants.includes(tenant)) return null
  const where = whereOf(activity, tenant)
  return { where, what: whatOf(activity, where), isInvoke: activity.type === 'invoke' }
}

function whereOf(activity: Activity, tenant: string): Where {
  const { conversation, from, recipient, channelData, serviceUrl } = activity
  const isPersonal = conversation.conversationType === 'personal'
  const id = isBot(from.id) ? undefined : from.aadObjectId?.toLowerCase()
  const [base = ''] = conversation.id.split(';')
  const isChannel = conversation.conversationType === 'channel'
  const team = isChannel ? channelData?.team?.id : undefined
  return {
    heard: {
      ...{ tenant, serviceUrl },
      person: id === undefined ? null : { id, userId: from.id },
      direct: isPersonal && id !== undefined ? conversation.id : null,
      channel: isChannel ? (channelData?.channel?.id ?? base) : null,
      team: team ?? null,
      roster: team ?? (isPersonal ? conversation.id : base),
    },
    ...{ conversation: conversation.id, isPersonal },
    targeted: recipient?.isTargeted === true ? activity.id : null,
  }
}

function whatOf(activity: Activity, { heard, isPersonal, targeted }: Where): What {
  const { type, name, from, recipient } = activity
  const isInvoke = type === 'invoke'
  if (!isInvoke && type !== 'message') return NOTHING
  if (isBot(from.id) || from.id === recipient?.id) return NOTHING
  if (heard.person === null) return isInvoke ? unreadable(name) : NOTHING
  // A guest has an object id of the tenant where it is a guest: whether it may be linked, its role says.
  const account: Account = { platform: TEAMS_PLATFORM, tenant: heard.tenant, id: heard.person.id }
  const act: Act = { key: keyOf(activity), account, ...timeOf(activity) }
  if (isInvoke) return readInvoke(activity, act)
  const isMeant = isPersonal || targeted !== null || mentionsOf(activity).length > 0
  return isMeant ? { kind: 'command', act, text: commandIn(activity) } : NOTHING
}

function timeOf({ timestamp }: Activity): PlatformTime {
  return timestamp === null ? {} : { platformAt: Date.parse(timestamp) }
}

function readInvoke(activity: Activity, act: Act): What {
  switch (activity.name) {
    case CARD_ACTION: {
      const { verb, data } = cardActionSchema.parse(activity.value).action
      if (verb === VERB.press) return { kind: 'press', act, press: pressSchema.parse(data) }
      if (verb === VERB.refresh) return { kind: 'refresh', act, request: pressSchema.parse(data).request }
      return unreadable(activity.name)
    }
    case 'task/fetch': {
      const { data } = taskSchema.parse(activity.value)
      const press = pressSchema.parse(data)
      if (press.action === OPEN_FORM) return { kind: 'open-form', act, text: words.parse(data.text) }
      return { kind: 'press-for-form', act, press }
    }
    case 'task/submit': {
      const { data } = taskSchema.parse(activity.value)
      const { form, again } = sentSchema.parse(data)
      const fields = Object.entries(data).flatMap(([field, value]) =>
        field.startsWith(FIELD_PREFIX) ? [[field.slice(FIELD_PREFIX.length), words.parse(value)] as const] : [],
      )
      const submission = { form: form.id, context: form.context, values: Object.fromEntries(fields) }
      return { kind: 'submit', act, submission, form: again }
    }
    default:
      return unreadable(activity.name)
  }
}

const CARD_ACTION = 'adaptiveCard/action'
const NOTHING: What = { kind: 'nothing' }

function unreadable(name: string): What {
  const asks = name === CARD_ACTION ? 'card' : name.startsWith('task/') ? 'dialog' : 'nothing'
  return { kind: 'unreadable', asks }
}

function isBot(id: string): boolean {
  return id.startsWith('28:')
}

/** From the ids alone: Teams sends again what was not answered in time, and that is the same act. */
function keyOf({ conversation, id }: Activity): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([conversation.id, id]))
    .digest('hex')
  return `teams:${digest}`
}

function mentionsOf({ entities, recipient }: Activity): string[] {
  return entities.flatMap((one) =>
    one.type === 'mention' && one.mentioned?.id === recipient?.id && one.text !== '' ? [one.text] : [],
  )
}

/** Without the mention of us, and without the word or the stroke that a slash command begins with. */
function commandIn(activity: Activity): string {
  const bare = mentionsOf(activity).reduce((text, mention) => text.replace(mention, ' '), activity.text)
  return bare
    .replaceAll('\u00A0', ' ')
    .trim()
    .replace(/^\/?access(?=\s|$)|^\//i, '')
    .trim()
}

const id = z.string().min(1).max(512)
const guid = z.string().regex(/^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i)
const optionalId = z.object({ id }).nullish().catch(null)

const activitySchema = z.object({
  ...{ type: z.string().min(1).max(64), id, channelId: z.literal('msteams'), serviceUrl: z.string().min(1).max(512) },
  conversation: z.object({ id, tenantId: id.nullish(), conversationType: z.string().nullish().catch(null) }),
  from: z.object({ id, aadObjectId: guid.optional().catch(undefined), tenantId: id.nullish() }),
  recipient: z.object({ id, isTargeted: z.boolean().nullish().catch(null) }).nullish(),
  channelData: z.object({ tenant: z.object({ id }).nullish(), channel: optionalId, team: optionalId }).nullish(),
  /** When Teams took it from that person. */
  timestamp: z.iso.datetime({ offset: true }).nullable().catch(null),
  name: z.string().max(255).catch(''),
  text: z.string().catch(''),
  entities: z
    .array(
      z.object({
        type: z.string().catch(''),
        text: z.string().catch(''),
        mentioned: z.object({ id: z.string() }).nullish().catch(null),
      }),
    )
    .catch([]),
  value: z.unknown().optional(),
})

type Activity = z.output<typeof activitySchema>

const words = z.string().catch('')
const anything = z.record(z.string(), z.unknown()).catch({})
const cardActionSchema = z
  .object({ action: z.object({ verb: words, data: anything }).catch({ verb: '', data: {} }) })
  .catch({ action: { verb: '', data: {} } })
const taskSchema = z.object({ data: anything }).catch({ data: {} })

/** What is no id or no number is none: the desk refuses it, and that is on record. */
const pressSchema = z.object({ action: words, request: words, revision: z.int().nonnegative().catch(0) })

const formSchema = z.object({
  id: z.enum([
    ...(['ask', 'deny', 'deny-extension', 'extend', 'revoke-all'] as const),
    ...(['fix-finding', 'retest-finding', 'accept-finding'] as const),
  ]),
  ...{ title: z.string(), submitLabel: z.string() },
  context: z.record(z.string(), z.string()),
  fields: z.array(
    z.object({
      ...{ name: z.string(), label: z.string(), hint: z.string().nullable() },
      kind: z.enum(['text', 'long-text', 'select']),
      ...{ required: z.boolean(), maxLength: z.int().positive().nullable(), initial: z.string().nullable() },
      options: z.array(z.object({ value: z.string(), label: z.string() })),
    }),
  ),
})

const sentSchema = z.object({
  form: z.object({ id: words, context: z.record(z.string(), z.string()).catch({}) }).catch({ id: '', context: {} }),
  /** The form as it was drawn, to be drawn again beside a refusal. */
  again: formSchema.nullable().catch(null),
})
