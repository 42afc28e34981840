import { type AnyPgColumn, bigint, index, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'

/** The messages of the local chat, so that they outlive a restart and are the same on every replica. */
export const localChatMessages = pgTable(
  'local_chat_messages',
  {
    id: text('id').primaryKey(),
    /** A channel such as `#access`, or `@` and the account id for a direct message. A reply has its root's. */
    channel: text('channel').notNull(),
    /** The message whose thread this is in; null for a message in the channel itself. */
    root: text('root').references((): AnyPgColumn => localChatMessages.id),
    /** The poster's idempotency key. */
    key: text('key').notNull(),
    /** A card or a line as JSON. Text, because jsonb refuses NUL and lone surrogates that a person may have typed. */
    content: text('content').notNull(),
    /** Grows with every post and update, in the order of their commits: readers ask for what is newer. */
    version: bigint('version', { mode: 'number' }).notNull(),
    /** Epoch ms. */
    postedAt: bigint('posted_at', { mode: 'number' }).notNull(),
    updatedAt: bigint('updated_at', { mode: 'number' }).notNull(),
  },
  (table) => [
    uniqueIndex('local_chat_messages_posted_under_key').on(table.key),
    uniqueIndex('local_chat_messages_newer_than_version').on(table.version),
    index('local_chat_messages_in_thread').on(table.root),
  ],
)
