import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'

/** One row a link that shows, once, how to connect. */
export const reveal = pgTable(
  'reveal',
  {
    /** SHA-256 of the token, hex. Who reads this table cannot use a link. */
    tokenHash: text('token_hash').primaryKey(),
    grantId: text('grant_id').notNull(),
    identityId: text('identity_id').notNull(),
    expiresAt: bigint('expires_at', { mode: 'number' }).notNull(),
    usedAt: bigint('used_at', { mode: 'number' }),
  },
  (table) => [index('reveal_by_expiry').on(table.expiresAt)],
)
