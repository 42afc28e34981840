import { bigint, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

/** One row a run. The newest of a job says from where on runs may have been missed. */
export const scheduleSlot = pgTable(
  'schedule_slot',
  {
    job: text().notNull(),
    /** When it was due. */
    slot: bigint({ mode: 'number' }).notNull(),
    /** When it was run, or when the job was first seen: that row is no run. */
    at: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.job, table.slot] })],
)
