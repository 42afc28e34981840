import { bigint, index, pgTable, text } from 'drizzle-orm/pg-core'

/** One row a link to a page where a passkey is used or made. */
export const passkeyLink = pgTable(
  'passkey_link',
  {
    /** SHA-256 of the token, hex. Who reads this table cannot use a link. */
    tokenHash: text('token_hash').primaryKey(),
    /** The inputs of the challenge, canonical JSON. Ids and numbers alone; the token says what they must hash to. */
    inputs: text('inputs').notNull(),
    expiresAt: bigint('expires_at', { mode: 'number' }).notNull(),
    usedAt: bigint('used_at', { mode: 'number' }),
  },
  (table) => [index('passkey_link_by_expiry').on(table.expiresAt)],
)
