import type { Db } from '../../db/transaction.ts'
import { ChatError, type MessageRef } from '../../ports/chat.ts'
import { reachDatabase } from '../reach-database.ts'

export const TEAMS_PLATFORM = 'teams'

/**
 * A message that was sent twice without a word on whether it arrived is not sent a third time before this has
 * passed: at most one copy too many, as long as Teams comes back within it.
 */
const THIRD_AFTER_MS = 5 * 60_000

/** What became of a key so far: sent already, or to be sent now. */
export type Sent = { readonly state: 'sent'; readonly ref: MessageRef } | { readonly state: 'send' }

export interface SentMessages {
  /** Notes that a message is about to be sent. @throws ChatError unreachable, or throttled when it may be there twice */
  begin(key: string, now: number): Promise<Sent>
  /** Notes that it is there. A failure is not worth one: the next try sends it again. */
  settle(key: string, ref: MessageRef): Promise<void>
  /** Notes that this try certainly did not arrive. */
  withdraw(key: string): Promise<void>
}

/** Kept in the database, so that a key is one message over restarts and replicas. Teams lets nobody look. */
export function createSentMessages(db: Db): SentMessages {
  return {
    async begin(key, now) {
      return reach(async () => {
        const [row] = await db<Row[]>`
          insert into teams_message (key, tries, tried_at) values (${key}, 1, ${now})
          on conflict (key) do update set key = excluded.key
          returning conversation, message, tries, tried_at, (xmax = 0) as fresh`
        if (row === undefined) throw new ChatError('unreachable', `Message ${key} is neither new nor there`)
        const { conversation, message, tries, tried_at, fresh } = row
        if (conversation !== null && message !== null) {
          return { state: 'sent', ref: { platform: TEAMS_PLATFORM, channel: conversation, id: message } }
        }
        if (fresh) return { state: 'send' }
        const waitMs = tried_at + THIRD_AFTER_MS - now
        if (tries >= 2 && waitMs > 0) {
          const words = 'Teams was sent this twice and said nothing: a third copy waits'
          throw new ChatError('throttled', words, { retryAfterMs: waitMs })
        }
        await db`update teams_message set tries = tries + 1, tried_at = ${now} where key = ${key}`
        return { state: 'send' }
      })
    },
    async settle(key, ref) {
      await db`update teams_message set conversation = ${ref.channel}, message = ${ref.id} where key = ${key}`.catch(
        () => undefined,
      )
    },
    async withdraw(key) {
      await db`
        with fewer as (update teams_message set tries = tries - 1 where key = ${key} and tries > 1)
        delete from teams_message where key = ${key} and message is null and tries <= 1`.catch(() => undefined)
    },
  }
}

interface Row {
  readonly conversation: string | null
  readonly message: string | null
  readonly tries: number
  readonly tried_at: number
  readonly fresh: boolean
}

function reach<T>(query: () => Promise<T>): Promise<T> {
  return reachDatabase('What was sent to Teams', query)
}
