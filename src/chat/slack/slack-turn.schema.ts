import { bigint, index, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

/** What Slack limits, such as the messages of one conversation: over all replicas, for they share one app. */
export const slackLimit = pgTable('slack_limit', {
  place: text('place').primaryKey(),
  /** When the next call that nobody waits with yet would be in step with the limit, epoch ms. */
  nextAt: bigint('next_at', { mode: 'number' }).notNull(),
  /** Where the place is a channel's name: the id behind it, under which it is limited. */
  channel: text('channel'),
})

/** Whose turn it is when, for those who were told to come back. */
export const slackTurn = pgTable(
  'slack_turn',
  {
    place: text('place').notNull(),
    /** What is to be sent; the same key keeps its turn. */
    key: text('key').notNull(),
    /** Epoch ms. */
    at: bigint('at', { mode: 'number' }).notNull(),
    /** Lower is more urgent. */
    priority: integer('priority').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.place, table.key] }),
    index('slack_turn_whose_is_next').on(table.place, table.at),
  ],
)
