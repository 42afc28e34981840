import type { Db, Tx } from '../db/transaction.ts'
import type { MessageRef } from '../ports/chat.ts'
import type { Context } from './context.ts'

/** One message as chat has it. */
export interface Notice {
  /**
   * `maybe-sent` from before the first post until the platform has answered: whoever comes after a crash
   * or a lost answer posts the same key again.
   */
  readonly state: 'maybe-sent' | 'sent' | 'undeliverable'
  readonly ref: MessageRef | null
  /** Of what chat shows, or may show; where it is undeliverable, of what was given up. Empty: of nothing yet. */
  readonly contentHash: string
  /** How often the platform has said no since it last took something. */
  readonly attempts: number
}

/** A notice with the platform that has it, or is to have it. */
export interface KeptNotice extends Notice {
  readonly platform: string
}

/** The messages about one stream, by key. */
export async function findNotices(context: Context, stream: string): Promise<Map<string, KeptNotice>> {
  const rows = await context.db<
    {
      key: string
      platform: string
      state: Notice['state']
      channel: string | null
      message: string | null
      content_hash: string
      attempts: number
    }[]
  >`
    select key, platform, state, channel, message, content_hash, attempts from notice where stream = ${stream}`
  return new Map(
    rows.map((row) => {
      const { channel, message, platform, state, attempts } = row
      const ref = channel === null || message === null ? null : { platform, channel, id: message }
      return [row.key, { platform, state, ref, contentHash: row.content_hash, attempts }]
    }),
  )
}

export async function keepNotice(
  context: Context,
  stream: string,
  key: string,
  { platform, state, ref, contentHash, attempts }: KeptNotice,
  db: Db | Tx = context.db,
): Promise<void> {
  await db`
    insert into notice (key, stream, platform, state, channel, message, content_hash, attempts, at)
    values (${key}, ${stream}, ${platform}, ${state}, ${ref?.channel ?? null}, ${ref?.id ?? null},
            ${contentHash}, ${attempts}, ${context.clock.now()})
    on conflict (key) do update set
      platform = excluded.platform, state = excluded.state, channel = excluded.channel, message = excluded.message,
      content_hash = excluded.content_hash, attempts = excluded.attempts, at = excluded.at`
}
