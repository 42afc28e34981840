import { z } from 'zod'
import type { Account } from '../../ports/chat.ts'
import type { ThreadAct, ThreadMessage } from '../../ports/thread.ts'
import { TEAMS_PLATFORM } from './sent-messages.ts'

/** A message as Graph gives it, as far as it is looked at. One that somebody deleted stands there empty. */
export const graphMessageSchema = z.object({
  id: z.string().regex(/^\d{1,16}$/),
  messageType: z.string(),
  ...{ deletedDateTime: z.string().nullish(), lastEditedDateTime: z.iso.datetime({ offset: true }).nullish() },
  from: z
    .object({
      application: z.object({ id: z.string().nullish() }).nullish(),
      user: z.object({ id: z.string().min(1), tenantId: z.string().nullish() }).nullish(),
    })
    .nullish(),
  body: z.object({ contentType: z.string(), content: z.string().nullish() }).nullish(),
  attachments: z.array(z.object({ contentType: z.string().nullish() })).nullish(),
})
export type GraphMessage = z.output<typeof graphMessageSchema>

/** Teams names a message by the time of it, epoch ms. */
export function timeOfMessage(id: string): number {
  return Number(id)
}

/** That somebody wrote it, and it is there: what Teams itself says of a channel is no message. */
export function stands({ messageType, deletedDateTime }: GraphMessage): boolean {
  return messageType === 'message' && deletedDateTime == null
}

/** @param us who we are, and the tenant of the team */
export function readGraphMessage(message: GraphMessage, us: { appId: string; tenant: string }): ThreadMessage {
  const { id, from, lastEditedDateTime: edited } = message
  const isOurs = from?.application?.id?.toLowerCase() === us.appId
  return {
    ...{ id, from: from?.user == null ? (isOurs ? 'us' : 'bot') : 'person' },
    edited: edited == null ? null : { at: Date.parse(edited), version: edited },
    read: () => readAct(message, us.tenant),
  }
}

function readAct(message: GraphMessage, tenant: string): ThreadAct | null {
  const { id, from, body, attachments, lastEditedDateTime: edited } = message
  if (from?.user == null) return null
  const whose = { tenant: (from.user.tenantId ?? tenant).toLowerCase(), id: from.user.id.toLowerCase() }
  const account: Account = { platform: TEAMS_PLATFORM, ...whose }
  const content = body?.content ?? ''
  const text = body?.contentType === 'html' ? plain(content) : content
  const said = { sentAt: timeOfMessage(id), account, text: text.trim() }
  if (edited != null) return { kind: 'edited', ...said, version: edited, before: null }
  return { kind: 'written', ...said, files: attachments?.length ?? 0 }
}

/** The words of a message that Teams gives as a page: without marks, with its lines, pictures by the name they have. */
function plain(html: string): string {
  return withoutMarks(html).replaceAll(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+));/gi,
    (whole, decimal?: string, hex?: string, name = '') => {
      if (decimal === undefined && hex === undefined) return NAMED[name as string] ?? whole
      const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
      return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole
    },
  )
}

/** What is never closed is no mark: it is not looked for again at each beginning of one. */
function withoutMarks(html: string): string {
  const end = html.lastIndexOf('>') + 1
  return html.slice(0, end).replaceAll(/<[^>]*>/g, wordsOfMark) + html.slice(end)
}

function wordsOfMark(mark: string): string {
  if (/^<(?:img|emoji)\b/i.test(mark)) return /\balt="([^"]*)"/i.exec(mark)?.[1] ?? ''
  return /^<(?:br\s*\/?|\/(?:p|div|li|h\d|tr|blockquote))>$/i.test(mark) ? '\n' : ''
}

const NAMED: Readonly<Record<string, string | undefined>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' },
}
