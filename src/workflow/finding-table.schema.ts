import { bigint, pgTable, text } from 'drizzle-orm/pg-core'

/**
 * Where every finding stands: folded from its events in the transaction that wrote them, for whoever only counts. A cache:
 * what people are shown, and what is decided, is read from the events, and the hourly look mends what differs.
 */
export const findingTable = pgTable('finding_state', {
  id: text('id').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
  /** `unreadable`: its record was changed. */
  status: text('status', { enum: ['open', 'fixed', 'retested', 'accepted', 'closed', 'unreadable'] }).notNull(),
  severity: text('severity').notNull(),
  /** By when somebody must have seen to it, epoch ms. */
  dueAt: bigint('due_at', { mode: 'number' }).notNull(),
})
