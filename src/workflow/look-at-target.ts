import type { ObservedGrant } from '../ports/connector.ts'
import { cardContext } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'

/** What a target really shows, with the grant that explains each account; null when none does. */
export async function lookAtTarget(context: Context, target: string): Promise<SeenAccount[]> {
  const connector = context.connectorOf(target)
  if (connector === null) return []
  const observed = await connector.listGrants()
  return Promise.all(observed.map((one) => explain(context, target, one)))
}

async function explain(context: Context, target: string, observed: ObservedGrant): Promise<SeenAccount> {
  const loaded = observed.grantId === null ? null : await loadGrant(context, context.db, observed.grantId)
  const { account, liveSessions } = observed
  const entitlements = Object.values(context.policy.current().targets[target]?.entitlements ?? {})
  const holds = observed.grants.map((role) => {
    const entitlement = entitlements.find((one) => one.grants === role)
    return entitlement === undefined ? role : `${target}:${entitlement.name}`
  })
  const state = loaded?.state ?? null
  return {
    account,
    holder: state === null ? null : cardContext(context).names(state.for),
    grant: state?.id ?? null,
    holds,
    until: state?.access?.endsAt ?? observed.nativeExpiry,
    logins: state?.status === 'ending' ? 'closed' : 'open',
    liveSessions,
  }
}

export interface SeenAccount {
  /** The account's name in the target. */
  readonly account: string
  /** Who holds it, by name; null when no grant explains it. */
  readonly holder: string | null
  /** The grant that it rests on; null when no grant explains it. */
  readonly grant: string | null
  /** Entitlements, as people say them: `prod-db:read`. */
  readonly holds: readonly string[]
  /** When it ends, epoch ms; null when the target knows no end. */
  readonly until: number | null
  /** `closed` once new logins are refused and removal is under way. */
  readonly logins: 'open' | 'closed'
  readonly liveSessions: number
}
