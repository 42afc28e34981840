import type { webApi } from '@slack/bolt'
import { z } from 'zod'
import type { AccountProfile } from '../../domain/decide-link.ts'
import type { Account } from '../../ports/chat.ts'
import { SLACK_PLATFORM } from './sent-messages.ts'

/** Somebody waits for an answer meanwhile. */
const PATIENCE_MS = 1_000

/**
 * Asks Slack who an account is (`users.info`, which needs `users:read` and `users:read.email`). Whatever Slack does not
 * say counts against them: without a plain "confirmed" there is no address, and who is not plainly a member is none.
 */
export function createProfiles(client: webApi.WebClient): (account: Account) => Promise<AccountProfile | null> {
  return async ({ platform, tenant, id }) => {
    if (platform !== SLACK_PLATFORM) return null
    const patience = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null).unref())
    const asked = client.users.info({ user: id }).catch(() => null)
    const read = answer.safeParse(await Promise.race([asked, patience]))
    if (!read.success || read.data.user.id !== id) return null
    const { user } = read.data
    const kind = kindOf(user, tenant)
    const confirmed = kind === 'member' && user.is_email_confirmed === true
    return { kind, confirmedEmail: confirmed ? (user.profile?.email ?? null) : null }
  }
}

const flag = z.boolean().optional()

const answer = z.object({
  user: z.object({
    id: z.string(),
    team_id: z.string(),
    deleted: flag,
    is_bot: flag,
    is_app_user: flag,
    is_restricted: flag,
    is_ultra_restricted: flag,
    is_stranger: flag,
    is_invited_user: flag,
    is_email_confirmed: flag,
    profile: z.object({ email: z.string().max(320).optional() }).optional(),
  }),
})

function kindOf(user: z.infer<typeof answer>['user'], tenant: string): AccountProfile['kind'] {
  if (user.deleted === true) return 'gone'
  if (user.is_bot === true || user.is_app_user === true || user.id === 'USLACKBOT') return 'bot'
  if (user.team_id !== tenant || user.is_stranger === true) return 'stranger'
  if (user.is_restricted === true || user.is_ultra_restricted === true || user.is_invited_user === true) return 'guest'
  return 'member'
}
