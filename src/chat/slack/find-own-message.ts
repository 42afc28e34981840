import { createHash } from 'node:crypto'
import type { types, webApi } from '@slack/bolt'
import { z } from 'zod'

const EVENT_TYPE = 'countersign_message'
/** Slack's clock is not ours. */
const SKEW_MS = 30_000
/** Slack gives some apps no more than 15 objects a call; the newest are what we look for. */
const MOST_READ = 100

/** What a message carries so that it can be found again: no secret, developers can read it. */
export function markOf(key: string): { metadata: types.MessageMetadata; blockId: string } {
  const digest = createHash('sha256').update(key).digest('hex')
  return { metadata: { event_type: EVENT_TYPE, event_payload: { key: digest } }, blockId: `cs-${digest}` }
}

/**
 * Looks once for a message of ours, by its mark. @returns its ts, or null
 * @throws what the Web API throws
 */
export async function findOwnMessage(
  client: webApi.WebClient,
  where: { readonly channel: string; readonly thread: string | null; readonly since: number },
  key: string,
): Promise<string | null> {
  const { channel, thread } = where
  const oldest = ((where.since - SKEW_MS) / 1_000).toFixed(6)
  const range = { channel, oldest, limit: MOST_READ, include_all_metadata: true }
  const read =
    thread === null ? client.conversations.history(range) : client.conversations.replies({ ...range, ts: thread })
  const found = historySchema.parse(await read)
  const { metadata, blockId } = markOf(key)
  const mine = found.messages.find(
    (message) =>
      message.blocks[0]?.block_id === blockId ||
      (message.metadata?.event_type === EVENT_TYPE &&
        message.metadata.event_payload?.key === metadata.event_payload.key),
  )
  return mine?.ts ?? null
}

const historySchema = z.object({
  messages: z
    .array(
      z.object({
        ts: z.string(),
        blocks: z.array(z.object({ block_id: z.string().optional() })).catch([]),
        metadata: z
          .object({
            event_type: z.string().optional(),
            event_payload: z.object({ key: z.unknown() }).optional().catch(undefined),
          })
          .optional()
          .catch(undefined),
      }),
    )
    .catch([]),
})
