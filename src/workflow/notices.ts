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

/** The messages about one stream, by key. */
export async function findNotices(context: Context, stream: string): Promise<Map<string, Notice>> {
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
      const { channel, message, platform } = row
      const ref = channel === null || message === null ? null : { platform, channel, id: message }
      return [row.key, { state: row.state, ref, contentHash: row.content_hash, attempts: row.attempts }]
    }),
  )
}

export async function keepNotice(context: Context, stream: string, key: string, notice: Notice): Promise<void> {
  const { state, ref, contentHash, attempts } = notice
  await context.db`
    insert into notice (key, stream, platform, state, channel, message, content_hash, attempts, at)
    values (${key}, ${stream}, ${context.chat.platform}, ${state}, ${ref?.channel ?? null}, ${ref?.id ?? null},
            ${contentHash}, ${attempts}, ${context.clock.now()})
    on conflict (key) do update set
      state = excluded.state, channel = excluded.channel, message = excluded.message,
      content_hash = excluded.content_hash, attempts = excluded.attempts, at = excluded.at`
}
