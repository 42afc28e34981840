import { sql } from 'drizzle-orm'
import { bigint, boolean, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

/**
 * What was recorded of messages under our cards: one row an event, written with it. It keeps the same news, told twice or
 * to two processes, from being two events, and finds a message again. Nothing of what was written is in it.
 */
export const threadLineTable = pgTable(
  'thread_line',
  {
    platform: text('platform').notNull(),
    channel: text('channel').notNull(),
    message: text('message').notNull(),
    /** Empty for what was written first, `deleted` at the end, else the platform's word for an edit. */
    version: text('version').notNull(),
    root: text('root').notNull(),
    stream: text('stream').notNull(),
    /** The id that people are told: the same for every version. */
    line: text('line').notNull(),
    /** The platform's time of the message, epoch ms. */
    sentAt: bigint('sent_at', { mode: 'number' }).notNull(),
    /** Not a person's: one of ours that is missing or changed, or another bot's. */
    differs: boolean('differs').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.platform, table.channel, table.message, table.version] }),
    index('thread_line_in_a_thread').on(table.platform, table.channel, table.root),
    index('thread_line_by_id').on(table.line),
  ],
)

/** Threads that are read back and compared with the record, and how far that has come. A cache: it may be begun anew. */
export const threadRootTable = pgTable(
  'thread_root',
  {
    platform: text('platform').notNull(),
    channel: text('channel').notNull(),
    root: text('root').notNull(),
    stream: text('stream').notNull(),
    /** When the card was posted, epoch ms. */
    postedAt: bigint('posted_at', { mode: 'number' }).notNull(),
    /** When it is to be read next, epoch ms. Null: never again, it is not there any more. */
    nextAt: bigint('next_at', { mode: 'number' }),
    /** Where a reading that was broken off goes on: a message's id. */
    readTo: text('read_to'),
    /** How many messages that reading has found. */
    readSoFar: bigint('read_so_far', { mode: 'number' }).notNull(),
    /** How many the last whole reading found, so that the same is not said again. Null: none yet. */
    found: bigint('found', { mode: 'number' }),
  },
  (table) => [
    primaryKey({ columns: [table.platform, table.channel, table.root] }),
    index('thread_root_what_is_read_next').on(table.nextAt).where(sql`next_at is not null`),
  ],
)
