import { bigint, integer, pgTable, text } from 'drizzle-orm/pg-core'

/** What was sent to Teams under which key, on any replica: Teams itself knows no keys. */
export const teamsMessage = pgTable('teams_message', {
  /** The poster's idempotency key. */
  key: text('key').primaryKey(),
  /** The conversation, of a thread with its first message. Null with `message`: nobody knows whether it arrived. */
  conversation: text('conversation'),
  /** Teams' id of the message. */
  message: text('message'),
  /** How often it was sent without a word on whether it arrived. */
  tries: integer('tries').notNull(),
  /** When it was last tried, epoch ms. */
  triedAt: bigint('tried_at', { mode: 'number' }).notNull(),
})
