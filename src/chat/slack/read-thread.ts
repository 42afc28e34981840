import { webApi } from '@slack/bolt'
import { z } from 'zod'
import { ChatError } from '../../ports/chat.ts'
import type { ThreadMessage, ThreadReader } from '../../ports/thread.ts'
import { explainFailure } from './explain-failure.ts'
import { epochMs, messageSchema, readReply, type SlackReply } from './thread-news.ts'

/** Slack gives some apps no more than 15, whatever they ask for. */
const MOST_READ = 100

/** Reads threads back, slowly: whoever is told to wait passes that on. */
export function createThreadReader(client: webApi.WebClient): ThreadReader {
  let us: Promise<Us> | null = null

  function whoWeAre(): Promise<Us> {
    us ??= call('auth.test', async () => usSchema.parse(await client.auth.test())).catch((error: unknown) => {
      us = null
      throw error
    })
    return us
  }

  return {
    async readThread({ channel, id }, after) {
      const { bot_id, team_id } = await whoWeAre()
      const range = { channel, ts: id, limit: MOST_READ, ...(after !== null && { oldest: after }) }
      const read = await call('conversations.replies', async () =>
        pageSchema.parse(await client.conversations.replies(range)),
      )
      const all = read.messages.flatMap((one) => messageSchema.safeParse(one).data ?? [])
      const from = (one: SlackReply): ThreadMessage['from'] => {
        if (one.bot_id === undefined) return 'person'
        return one.bot_id === bot_id ? 'us' : 'bot'
      }
      return {
        card: all.some(({ ts, subtype }) => ts === id && subtype !== 'tombstone'),
        more: read.has_more,
        messages: all
          .filter((one) => one.ts !== id && one.subtype !== 'tombstone')
          .map((one) => ({
            ...{ id: one.ts, from: from(one), read: () => readReply(one, team_id) },
            edited: one.edited === undefined ? null : { at: epochMs(one.edited.ts), version: one.edited.ts },
          })),
      }
    },
    async standsUntil({ channel, id }) {
      const range = { channel, latest: id, inclusive: true, limit: 1 }
      const read = await call('conversations.history', async () =>
        pageSchema.parse(await client.conversations.history(range)),
      )
      return read.messages.length > 0
    },
    channelOf: (channel) => channel,
    sameEdit: (heard, read) => heard === read,
    timeOf: epochMs,
  }
}

async function call<T>(method: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (thrown) {
    const error = explainFailure(thrown, method, false)
    // That we may not look into the channel says nothing of what stands there.
    const isGone = thrown instanceof webApi.WebAPIPlatformError && thrown.data.error === 'thread_not_found'
    throw error.code === 'not-found' && !isGone ? new ChatError('refused', error.message, { cause: error }) : error
  }
}

const usSchema = z.object({ bot_id: z.string(), team_id: z.string() })
type Us = z.output<typeof usSchema>

const pageSchema = z.object({ messages: z.array(z.unknown()).default([]), has_more: z.boolean().catch(false) })
