import { pgTable, text } from 'drizzle-orm/pg-core'

/** Where people are told, by identity: a cache of where they acted last, and of what they chose. */
export const whereToTellTable = pgTable('where_to_tell', {
  identity: text('identity').primaryKey(),
  /** The platform of their last act that was recorded. */
  lastUsed: text('last_used'),
  /** What `/access here` made of it; null: wherever they were last. */
  chosen: text('chosen'),
})
