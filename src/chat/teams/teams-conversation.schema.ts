import { bigint, index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

/** Where people and channels are reached, as it was learned from what Teams sent: Teams sends nowhere else. */
export const teamsConversation = pgTable(
  'teams_conversation',
  {
    tenant: text('tenant').notNull(),
    /** `person` or `channel`. */
    kind: text('kind').notNull(),
    /** A person's Entra object id, a channel's id. */
    id: text('id').notNull(),
    /** The conversation with that person alone; null before there is one. A channel's own id. */
    conversation: text('conversation'),
    /** Teams' own id of the person (`29:…`), which differs from bot to bot. */
    userId: text('user_id'),
    /** Teams' own id of the team that a channel is of (`19:…`); null for a person, and before it was told. */
    team: text('team'),
    serviceUrl: text('service_url').notNull(),
    /** When it was last learned, epoch ms. */
    at: bigint('at', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenant, table.kind, table.id] }),
    index('teams_conversation_by_conversation').on(table.conversation),
  ],
)
