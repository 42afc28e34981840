import { z } from 'zod'
import type { Account } from '../../ports/chat.ts'
import type { Before, ThreadAct, ThreadNews } from '../../ports/thread.ts'
import { SLACK_PLATFORM } from './sent-messages.ts'

/**
 * What an event says happened in a thread: where, and a way to read the rest. A message that answers none, or that a bot
 * or Slack itself wrote, is none of it; neither is a change that nobody made, such as a preview of a link.
 */
export function readThreadNews(body: unknown): ThreadNews | null {
  const parsed = placeSchema.safeParse(body)
  if (!parsed.success) return null
  const { event } = parsed.data
  const kind = event.subtype === undefined ? 'written' : KINDS[event.subtype]
  if (kind === undefined) return null
  const { ts, thread_ts } = (kind === 'written' ? event : (event.message ?? event.previous_message)) ?? {}
  // Our own lines among them: whose they are is asked when the thread is read back.
  if ([event, event.message, event.previous_message].some((one) => one?.bot_id !== undefined)) return null
  const message = kind === 'deleted' ? event.deleted_ts : ts
  if (message === undefined || message === thread_ts || (kind === 'written' && thread_ts === undefined)) return null
  return {
    ...{ platform: SLACK_PLATFORM, channel: event.channel, root: thread_ts ?? null, message },
    read: () => readAct(kind, message, body),
  }
}

/** One message of `conversations.replies`, as it stands there now. @param team the workspace where it was read */
export function readReply(message: SlackReply, team: string): ThreadAct | null {
  const now = written(message, team)
  const { edited } = message
  if (now?.kind !== 'written' || edited === undefined) return now
  const account = edited.user === undefined ? now.account : { ...now.account, id: edited.user }
  return { kind: 'edited', sentAt: now.sentAt, version: edited.ts, text: now.text, account, before: null }
}

type Kind = ThreadAct['kind']

/** A message that shows in the channel as well, has files, or is told as `/me`, is written like any other. */
const KINDS: Readonly<Record<string, Kind | undefined>> = {
  ...{ file_share: 'written', me_message: 'written', thread_broadcast: 'written' },
  ...{ message_changed: 'edited', message_deleted: 'deleted' },
}

function readAct(kind: Kind, id: string, body: unknown): ThreadAct | null {
  const parsed = eventSchema.safeParse(body)
  if (!parsed.success) return null
  const { event, team_id } = parsed.data
  const before = event.previous_message ?? null
  switch (kind) {
    case 'written': {
      const said = messageSchema.safeParse(event)
      return said.success ? written(said.data, team_id) : null
    }
    case 'edited': {
      const { message } = event
      if (message?.edited == null || isBot(message) || message.text === before?.text) return null
      const by = message.edited.user
      return {
        ...{ kind, sentAt: epochMs(id), version: message.edited.ts, text: unescaped(message.text) },
        account: by === undefined ? null : { ...accountOf(message, team_id), id: by },
        before: saidBefore(before, team_id),
      }
    }
    case 'deleted':
      if (before !== null && isBot(before)) return null
      return { kind, sentAt: epochMs(id), before: saidBefore(before, team_id) }
    default:
      return kind satisfies never
  }
}

function written(message: Message, team: string): ThreadAct | null {
  if (message.user === undefined || isBot(message)) return null
  return {
    ...{ kind: 'written', sentAt: epochMs(message.ts), account: accountOf(message, team) },
    ...{ text: unescaped(message.text), files: message.files.length },
  }
}

function saidBefore(before: Message | null, team: string): Before {
  if (before === null || before.user === undefined || isBot(before)) return null
  return { account: accountOf(before, team), text: unescaped(before.text) }
}

/** Somebody of another organisation, in a shared channel, is known where they come from. */
function accountOf({ user, user_team, source_team, team }: Message, home: string): Account {
  return { platform: SLACK_PLATFORM, tenant: user_team ?? source_team ?? team ?? home, id: user ?? '' }
}

function isBot({ bot_id }: Message): boolean {
  return bot_id !== undefined
}

/** Slack names a message by the time of it, in seconds. */
export function epochMs(ts: string): number {
  return Math.floor(Number(ts) * 1_000)
}

/** Slack escapes three characters. */
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

const ts = z.string().regex(/^\d{1,12}\.\d{6}$/)
const id = z.string().regex(/^[A-Z0-9]{2,32}$/)
const optionalId = id.optional().catch(undefined)
const place = z
  .object({
    ts: ts.optional().catch(undefined),
    thread_ts: ts.optional().catch(undefined),
    bot_id: z.unknown().optional(),
  })
  .optional()
  .catch(undefined)

/** Where it happened, and nothing of what was said. */
const placeSchema = z.object({
  event: z.object({
    ...{ type: z.literal('message'), subtype: z.string().optional(), channel: id },
    ...{ ts: ts.optional().catch(undefined), thread_ts: ts.optional().catch(undefined) },
    deleted_ts: ts.optional().catch(undefined),
    bot_id: z.unknown().optional(),
    ...{ message: place, previous_message: place },
  }),
})

export const messageSchema = z.object({
  ts,
  ...{ user: optionalId, user_team: optionalId, source_team: optionalId, team: optionalId },
  bot_id: z.string().optional().catch(undefined),
  subtype: z.string().optional().catch(undefined),
  text: z.string().catch(''),
  files: z.array(z.unknown()).catch([]),
  edited: z.object({ ts, user: optionalId }).optional().catch(undefined),
})
type Message = z.output<typeof messageSchema>
export type SlackReply = Message

const eventSchema = z.object({
  team_id: id,
  event: z.looseObject({
    message: messageSchema.optional().catch(undefined),
    previous_message: messageSchema.optional().catch(undefined),
  }),
})
