import { sql } from 'drizzle-orm'
import { bigint, customType, index, pgTable, text } from 'drizzle-orm/pg-core'

const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const epochMs = (name: string) => bigint(name, { mode: 'number' })

/**
 * Where every grant stands: folded from its events in the transaction that wrote them. A cache for
 * questions over many grants; what is decided about one is always decided from its events.
 */
export const grantTable = pgTable(
  'grant_state',
  {
    id: text('id').primaryKey(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    status: text('status').notNull(),
    by: text('by_identity').notNull(),
    for: text('for_identity').notNull(),
    target: text('target').notNull(),
    entitlement: text('entitlement').notNull(),
    askedAt: epochMs('asked_at').notNull(),
    /** When time alone changes something: pending or approval lapses, warning, end. Null: nothing waits. */
    nextDueAt: epochMs('next_due_at'),
    openFor: text('open_for'),
  },
  (table) => [
    index('grant_state_what_is_due_next').on(table.nextDueAt).where(sql`next_due_at is not null`),
    index('grant_state_what_is_ending').on(table.id).where(sql`status = 'ending'`),
    index('grant_state_what_is_open_for_whom').on(table.openFor).where(sql`open_for is not null`),
  ],
)

/** One row an act of a person: a repeat returns the first answer. The answer may quote what people typed: sealed. */
export const actTable = pgTable('act', {
  key: text('key').primaryKey(),
  at: epochMs('at').notNull(),
  answer: bytea('answer').notNull(),
})

/** A row to lock before anything is decided about a person. */
export const identityTable = pgTable('identity_lock', { id: text('id').primaryKey() })

/** What was said to people about a stream, and where the platform keeps it. Only a keyed digest of the words. */
export const noticeTable = pgTable(
  'notice',
  {
    key: text('key').primaryKey(),
    stream: text('stream').notNull(),
    platform: text('platform').notNull(),
    state: text('state', { enum: ['maybe-sent', 'sent', 'undeliverable'] }).notNull(),
    channel: text('channel'),
    message: text('message'),
    contentHash: text('content_hash').notNull(),
    attempts: bigint('attempts', { mode: 'number' }).notNull(),
    at: epochMs('at').notNull(),
  },
  (table) => [
    index('notice_what_was_said_about_a_stream').on(table.stream),
    index('notice_which_message_it_is').on(table.message),
  ],
)

/** How far chat has been brought in step with a stream. */
export const announcedTable = pgTable('announced', {
  stream: text('stream').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
})
