import { z } from 'zod'
import type { AccountProfile } from '../../domain/decide-link.ts'
import type { Account } from '../../ports/chat.ts'
import type { Connector } from './connector.ts'
import type { Conversations } from './conversations.ts'
import { TEAMS_PLATFORM } from './sent-messages.ts'

/** Somebody waits for an answer meanwhile. */
const PATIENCE_MS = 1_000

/**
 * Asks Teams who somebody is, in the conversation where they were heard (Bot Connector, Get Conversation Member). Whatever
 * Teams does not say counts against them: who is not plainly a user of this tenant is no member. Never an address.
 */
export function createProfiles(around: {
  readonly connector: Pick<Connector, 'member'>
  readonly conversations: Pick<Conversations, 'heardIn'>
}): (account: Account) => Promise<AccountProfile | null> {
  const { connector, conversations } = around
  return async (account) => {
    const heard = account.platform === TEAMS_PLATFORM ? conversations.heardIn(account) : null
    if (heard === null) return null
    const patience = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null).unref())
    const asked = connector.member(heard.place, heard.roster, heard.userId).catch(() => null)
    const read = memberSchema.safeParse(await Promise.race([asked, patience]))
    if (!read.success) return null
    const kind = kindOf(read.data, account)
    return kind === null ? null : { kind, confirmedEmail: null }
  }
}

const words = z.string().max(512).nullish().catch(null)

const memberSchema = z.object({
  aadObjectId: words,
  /** The older name of it. */
  objectId: words,
  ...{ tenantId: words, userPrincipalName: words, userRole: words },
})

function kindOf(member: z.infer<typeof memberSchema>, { tenant, id }: Account): AccountProfile['kind'] | null {
  const { aadObjectId, objectId, tenantId, userPrincipalName } = member
  if ((aadObjectId ?? objectId)?.toLowerCase() !== id) return null
  if (tenantId != null && tenantId.toLowerCase() !== tenant) return 'stranger'
  switch (member.userRole?.toLowerCase()) {
    case 'user':
      // The name that Entra gives to whoever was invited from outside.
      return userPrincipalName?.toUpperCase().includes('#EXT#') === true ? 'guest' : 'member'
    case 'guest':
      return 'guest'
    case 'anonymous':
      return 'stranger'
    default:
      return null
  }
}
