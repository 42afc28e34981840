import { factsOf } from './explain-failure.ts'
import type { PostgresTarget } from './postgres-target.ts'
import { connect, within } from './sessions.ts'

/** Tries to log in, over a connection of its own that is ended. Says what happened, never throws. */
export async function probeLogin(target: PostgresTarget, account: string, password: string): Promise<Probe> {
  const { sql } = connect({ ...target.endpoint, user: account, password }, target.patience)
  try {
    const seen = await within(
      target.patience.connectMs,
      sql<Accepted[]>`
        select session_user::text as "user", array_to_string(array(
          select r.rolname from pg_roles r where pg_has_role(r.oid, 'USAGE') and r.rolname <> session_user order by 1
        ), ', ') as holds`,
    )
    return { outcome: 'accepted', user: seen[0]?.user ?? '', holds: seen[0]?.holds ?? '' }
  } catch (error) {
    const { code = 'unknown', message } = factsOf(error)
    // 28P01: wrong, expired and absent alike. 28000: the right password and NOLOGIN, or pg_hba.conf.
    if (code === '28P01' || code === '28000') return { outcome: 'refused', code }
    return { outcome: 'unknown', why: `${code}: ${message}` }
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** What a login holds that is in no role. */
export const NO_ROLE = 'no role'

export function describeProbe(probe: Probe): string {
  switch (probe.outcome) {
    case 'accepted':
      return `let in as ${probe.user}, holding ${probe.holds || NO_ROLE}`
    case 'refused':
      return `refused (${probe.code})`
    case 'unknown':
      return `could not look (${probe.why})`
    default:
      return probe satisfies never
  }
}

export type Probe =
  | ({ readonly outcome: 'accepted' } & Accepted)
  | { readonly outcome: 'refused'; readonly code: string }
  | { readonly outcome: 'unknown'; readonly why: string }

interface Accepted {
  readonly user: string
  /** The roles whose privileges it has, in order. */
  readonly holds: string
}
