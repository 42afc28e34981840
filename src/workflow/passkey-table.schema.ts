import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'

/** Every passkey that a person had or has, folded from the events of its owner: for lists, never for decisions. */
export const passkeyTable = pgTable(
  'passkey_state',
  {
    /** The credential's id, base64. One passkey has one owner, for good. */
    credential: text('credential').primaryKey(),
    identity: text('identity').notNull(),
    status: text('status', { enum: ['enrolled', 'revoked'] }).notNull(),
    enrolledAt: bigint('enrolled_at', { mode: 'number' }).notNull(),
  },
  (table) => [index('passkey_state_what_a_person_has').on(table.identity)],
)
