import { bigint, pgTable, text } from 'drizzle-orm/pg-core'

/** How far a target's own log was read. Moves in the transaction that puts on record what was read. */
export const activityCursorTable = pgTable('activity_cursor', {
  target: text('target').primaryKey(),
  /** Raised with every move: of two that read the same piece one moves, and the other's is nothing. */
  version: bigint('version', { mode: 'number' }).notNull(),
  /** The connector's own; null while there is nothing to read. */
  cursor: text('cursor'),
  /** When it was read to its end, or was found off, last. Epoch ms. */
  at: bigint('at', { mode: 'number' }).notNull(),
  /** Why there is nothing to read; null when there is. */
  off: text('off'),
  /** Characters of text that are kept of each open grant, and accounts that were named as not logged. JSON. */
  kept: text('kept').notNull(),
})
