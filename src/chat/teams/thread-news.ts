import { z } from 'zod'
import type { Account } from '../../ports/chat.ts'
import type { ThreadAct, ThreadNews } from '../../ports/thread.ts'
import type { Where } from './read-activity.ts'
import { TEAMS_PLATFORM } from './sent-messages.ts'

/**
 * What an activity that was let in says happened in a thread: where, and a way to read the rest. Of a channel the bot hears
 * what mentions it, and more only where an owner of the team has granted that. What one person alone sees, and what happens
 * in chats, is none of it.
 */
export function readThreadNews(body: unknown, { conversation, heard, targeted }: Where): ThreadNews | null {
  const parsed = placeSchema.safeParse(body)
  const root = /;messageid=(\d+)$/.exec(conversation)?.[1]
  if (!parsed.success || root === undefined || targeted !== null || heard.person === null) return null
  const { id, type } = parsed.data
  const kind = KINDS[type]
  if (kind === undefined || id === root) return null
  const account: Account = { platform: TEAMS_PLATFORM, tenant: heard.tenant, id: heard.person.id }
  return {
    ...{ platform: TEAMS_PLATFORM, channel: conversation, root, message: id },
    read: () => readAct(kind, id, account, body),
  }
}

const KINDS: Readonly<Record<string, ThreadAct['kind'] | undefined>> = {
  ...{ message: 'written', messageUpdate: 'edited', messageDelete: 'deleted' },
}

function readAct(kind: ThreadAct['kind'], id: string, account: Account, body: unknown): ThreadAct | null {
  const parsed = saidSchema.safeParse(body)
  if (!parsed.success) return null
  const { text, attachments, timestamp } = parsed.data
  // Teams names a message by the time of it, in milliseconds.
  const sentAt = /^\d{13}$/.test(id) ? Number(id) : Date.parse(timestamp)
  const bare = text.replaceAll(/<\/?at>/g, '').trim()
  switch (kind) {
    case 'written':
      // The text itself comes along as a page, and is no file.
      return { kind, sentAt, account, text: bare, files: attachments.filter((one) => one !== 'text/html').length }
    case 'edited':
      return { kind, sentAt, account, text: bare, version: timestamp, before: null }
    case 'deleted':
      return { kind, sentAt, before: null }
    default:
      return kind satisfies never
  }
}

const placeSchema = z.object({ type: z.string(), id: z.string().min(1).max(512) })

const saidSchema = z.object({
  timestamp: z.iso.datetime({ offset: true }),
  text: z.string().catch(''),
  attachments: z
    .array(z.object({ contentType: z.string().catch('') }).transform(({ contentType }) => contentType))
    .catch([]),
})
