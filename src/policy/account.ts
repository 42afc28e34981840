import type { Account } from '../ports/chat.ts'
import type { PolicyFile } from './policy-file.ts'

type AccountEntry = NonNullable<PolicyFile['people'][string]['accounts']>[number]

/** The local page is one tenant; its accounts are names. */
const LOCAL_TENANT = 'local'

/** `slack: T0123/U0456` as the platform, the tenant and the id that an adapter reports. */
export function readAccount(entry: AccountEntry): Account {
  if (entry.local !== undefined) return { platform: 'local', tenant: LOCAL_TENANT, id: entry.local }
  if (entry.slack !== undefined) return split('slack', entry.slack)
  // Entra writes GUIDs in either case; they name the same object.
  return split('teams', (entry.teams ?? '').toLowerCase())
}

function split(platform: string, text: string): Account {
  const [tenant = '', id = ''] = text.split('/')
  return { platform, tenant, id }
}
