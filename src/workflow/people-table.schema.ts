import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

const epochMs = (name: string) => bigint(name, { mode: 'number' })

/** One row: grows by one with every change to people. Whoever changes something holds it, so that changes have an order. */
export const directoryHeadTable = pgTable(
  'directory_head',
  {
    one: boolean('one').primaryKey(),
    version: bigint('version', { mode: 'number' }).notNull(),
  },
  (table) => [check('directory_head_is_one_row', sql`${table.one}`)],
)

/**
 * Where every person, group of the directory and machine stands: folded from its events in the transaction that wrote them. Says
 * what changed since when, and never who somebody is: that is read from the events.
 */
export const directoryEntryTable = pgTable(
  'directory_entry',
  {
    stream: text('stream').primaryKey(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    version: bigint('version', { mode: 'number' }).notNull(),
    status: text('status', {
      enum: ['active', 'left', 'group', 'removed', 'orphaned', 'owned', 'unlisted'],
    }).notNull(),
    /** The four moments of the last leaving; null while they are here. */
    effectiveAt: epochMs('effective_at'),
    receivedAt: epochMs('received_at'),
    endedAt: epochMs('ended_at'),
    seenGoneAt: epochMs('seen_gone_at'),
  },
  (table) => [
    index('directory_entry_what_changed_since').on(table.version),
    index('directory_entry_whose_leaving_is_not_over')
      .on(table.stream)
      .where(sql`status = 'left' and seen_gone_at is null`),
  ],
)

/** Codes that link an account: only keyed digests of them. */
export const linkCodeTable = pgTable(
  'link_code',
  {
    digest: text('digest').primaryKey(),
    identity: text('identity').notNull(),
    platform: text('platform').notNull(),
    expiresAt: epochMs('expires_at').notNull(),
    usedAt: epochMs('used_at'),
  },
  (table) => [index('link_code_by_identity').on(table.identity)],
)

/** How often an account has typed a code that was none: guessing is slowed for each and for all. */
export const linkTryTable = pgTable(
  'link_try',
  {
    account: text('account').notNull(),
    at: epochMs('at').notNull(),
    key: text('key').notNull(),
  },
  (table) => [primaryKey({ columns: [table.account, table.key] }), index('link_try_when').on(table.at)],
)
