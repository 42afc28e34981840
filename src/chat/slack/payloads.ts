import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { PlatformTime } from '../../domain/platform-time.ts'
import type { Account, Act, MessageRef, Press, Submission } from '../../ports/chat.ts'
import { FIELD_ACTION } from './render-form.ts'
import { parseButtonValue } from './render-message.ts'
import { SLACK_PLATFORM } from './sent-messages.ts'

/** What somebody did, out of a body that Slack signed; null when it cannot even be told who did it. */
export interface Read<What> {
  readonly act: Act
  readonly what: What
  readonly trigger: string | null
  readonly channel: string | null
}

/** @param sentAt epoch ms by Slack's clock */
export function readCommand(body: unknown, sentAt?: number): Read<{ command: string; text: string }> | null {
  const parsed = commandSchema.safeParse(body)
  if (!parsed.success) return null
  const { command, text, team_id, user_id, channel_id, trigger_id } = parsed.data
  return {
    act: { key: actKey('command', [trigger_id], body), account: account(team_id, user_id), ...timeOf(sentAt) },
    what: { command, text: unescaped(text) },
    ...{ trigger: trigger_id, channel: channel_id },
  }
}

export function readPress(body: unknown, sentAt?: number): Read<Press> | null {
  const parsed = pressSchema.safeParse(body)
  const who = whoIn(body)
  if (!parsed.success || who === null) return null
  const { actions, channel, container, message, trigger_id } = parsed.data
  const [action] = actions
  const ts = message?.ts ?? container?.message_ts ?? container?.view_id ?? null
  const key = actKey('press', [action.action_ts, who.id, channel?.id ?? null, ts], body)
  return {
    act: { key, account: who, ...timeOf(sentAt ?? timeIn(action.action_ts)) },
    what: { action: action.action_id, ...parseButtonValue(action.value) },
    ...{ trigger: trigger_id, channel: channel?.id ?? null },
  }
}

export function readSubmission(
  body: unknown,
  sentAt?: number,
): (Read<Submission> & { view: string; fields: string[] }) | null {
  const parsed = submissionSchema.safeParse(body)
  const who = whoIn(body)
  if (!parsed.success || who === null) return null
  const { id, hash, callback_id, private_metadata, state } = parsed.data.view
  const values = Object.fromEntries(
    Object.entries(state.values).map(([field, block]) => {
      const element = elementSchema.parse(block[FIELD_ACTION])
      return [field, element.value ?? element.selected_option?.value ?? '']
    }),
  )
  return {
    // A form that was refused stays open and may be sent again, changed: that is another act.
    act: { key: actKey('form', [id, hash, JSON.stringify(values)], body), account: who, ...timeOf(sentAt) },
    what: { form: callback_id, context: contextOf(private_metadata), values },
    ...{ trigger: null, channel: null, view: id, fields: Object.keys(values) },
  }
}

/** Which message an event says was deleted; null when it says something else. It is only a reason to look. */
export function readDeleted(body: unknown): MessageRef | null {
  const parsed = deletedSchema.safeParse(body)
  if (!parsed.success) return null
  const { channel, deleted_ts } = parsed.data.event
  return { platform: SLACK_PLATFORM, channel, id: deleted_ts }
}

const deletedSchema = z.object({
  event: z.object({
    type: z.literal('message'),
    subtype: z.literal('message_deleted'),
    channel: z.string().max(32),
    deleted_ts: z.string().max(32),
  }),
})

const id = z.string().regex(/^[A-Z0-9]{2,32}$/)
const optional = z.string().min(1).max(255).nullable().catch(null)

const commandSchema = z.object({
  command: z.string().max(255),
  /** What is no text is no command either: the desk refuses it, and that is on record. */
  text: z.string().default('').catch('?'),
  team_id: id,
  user_id: id,
  channel_id: optional,
  trigger_id: optional,
})

const whoSchema = z.object({
  user: z.object({ id, team_id: id.nullish().catch(null) }),
  team: z.object({ id }).nullish().catch(null),
})

const pressSchema = z.object({
  actions: z.tuple(
    [z.object({ action_id: z.string().catch(''), value: z.string().catch(''), action_ts: optional })],
    z.unknown(),
  ),
  channel: z.object({ id: z.string() }).nullish().catch(null),
  container: z.object({ message_ts: z.string().optional(), view_id: z.string().optional() }).nullish().catch(null),
  message: z.object({ ts: z.string() }).nullish().catch(null),
  trigger_id: optional,
})

const submissionSchema = z.object({
  view: z.object({
    id: z.string().min(1).max(255),
    hash: optional,
    callback_id: z.string().catch(''),
    private_metadata: z.string().catch(''),
    state: z.object({ values: z.record(z.string(), z.record(z.string(), z.unknown()).catch({})).catch({}) }).catch({
      values: {},
    }),
  }),
})

const elementSchema = z
  .object({
    value: z.string().nullish().catch(null),
    selected_option: z.object({ value: z.string() }).nullish().catch(null),
  })
  .catch({})

/** Somebody in a shared channel brings their own workspace along: that is where they are known, if anywhere. */
function whoIn(body: unknown): Account | null {
  const parsed = whoSchema.safeParse(body)
  if (!parsed.success) return null
  const { user, team } = parsed.data
  const tenant = user.team_id ?? team?.id
  return tenant === undefined ? null : account(tenant, user.id)
}

function account(tenant: string, user: string): Account {
  return { platform: SLACK_PLATFORM, tenant, id: user }
}

function timeOf(at: number | undefined): PlatformTime {
  return at === undefined || !Number.isSafeInteger(at) || at < 0 ? {} : { platformAt: at }
}

/** Over Socket Mode nothing is said of when it was sent, but of when a button was pressed: `1548426417.840180`. */
function timeIn(ts: string | null): number | undefined {
  return /^\d{10}\.\d{1,6}$/.test(ts ?? '') ? Math.floor(Number(ts) * 1_000) : undefined
}

/** From what Slack says identifies the act; from the whole of it when that is missing. */
function actKey(kind: string, parts: readonly (string | null)[], body: unknown): string {
  const whole = parts.some((part) => part === null) ? [JSON.stringify(body)] : parts
  const digest = createHash('sha256')
    .update(JSON.stringify([kind, ...whole]))
    .digest('hex')
  return `slack:${kind}:${digest}`
}

function contextOf(metadata: string): Record<string, string> {
  try {
    return z.record(z.string(), z.string()).catch({}).parse(JSON.parse(metadata))
  } catch {
    return {}
  }
}

/** Slack escapes three characters in what follows a command; not in what is written into a form. */
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
