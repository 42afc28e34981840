import { bigint, pgTable, text } from 'drizzle-orm/pg-core'

/** What was sent to Slack under which key, on any replica: Slack itself knows no keys. */
export const slackMessage = pgTable('slack_message', {
  /** The poster's idempotency key. */
  key: text('key').primaryKey(),
  /** The id of the conversation as far as it is known; Slack's answer to the message tells it. */
  channel: text('channel'),
  /** Slack's name for the message. Null: it was sent, and nobody knows yet whether it arrived. */
  ts: text('ts'),
  /** When it was first tried, epoch ms: where to look for it begins there. */
  triedAt: bigint('tried_at', { mode: 'number' }).notNull(),
})
