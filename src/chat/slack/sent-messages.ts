import type { Db } from '../../db/transaction.ts'
import { ChatError, type MessageRef } from '../../ports/chat.ts'
import { reachDatabase } from '../reach-database.ts'

export const SLACK_PLATFORM = 'slack'

/** What became of a key so far. */
export type Sent =
  | { readonly state: 'new' }
  | { readonly state: 'sent'; readonly ref: MessageRef }
  /** Tried at `triedAt` (epoch ms), with no word on whether it arrived. */
  | { readonly state: 'maybe-sent'; readonly triedAt: number }

export interface SentMessages {
  /** Notes that a message is about to be sent. @throws ChatError unreachable */
  begin(key: string, now: number): Promise<Sent>
  /** Notes that it is there. A failure is not worth one: the next try looks for it. */
  settle(key: string, ref: MessageRef): Promise<void>
  /** Notes that it certainly was not sent. */
  withdraw(key: string): Promise<void>
}

/** Kept in the database, so that a key is one message over restarts and replicas. */
export function createSentMessages(db: Db): SentMessages {
  return {
    async begin(key, now) {
      return reach(async () => {
        const added = await db`
          insert into slack_message (key, tried_at) values (${key}, ${now}) on conflict (key) do nothing returning key`
        if (added.length > 0) return { state: 'new' }
        const [row] = await db<{ channel: string | null; ts: string | null; tried_at: number }[]>`
          select channel, ts, tried_at from slack_message where key = ${key}`
        if (row === undefined) throw new ChatError('unreachable', `Message ${key} is neither new nor there`)
        const { channel, ts } = row
        if (channel === null || ts === null) return { state: 'maybe-sent', triedAt: row.tried_at }
        return { state: 'sent', ref: { platform: SLACK_PLATFORM, channel, id: ts } }
      })
    },
    async settle(key, ref) {
      await db`update slack_message set channel = ${ref.channel}, ts = ${ref.id} where key = ${key}`.catch(
        () => undefined,
      )
    },
    async withdraw(key) {
      await db`delete from slack_message where key = ${key} and ts is null`.catch(() => undefined)
    },
  }
}

function reach<T>(query: () => Promise<T>): Promise<T> {
  return reachDatabase('What was sent to Slack', query)
}
