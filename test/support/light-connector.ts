import postgres from 'postgres'
import type { Db } from '../../src/db/transaction.ts'
import { type Check, type Connector, ConnectorError, type TargetGrant } from '../../src/ports/connector.ts'

/** The table that a light target is. */
export async function createLightTarget(db: Db): Promise<void> {
  await db`
    create table light_account (
      account text primary key, grant_id text not null, role text not null, native_expiry bigint not null,
      closed boolean not null, present boolean not null, made integer not null
    )`
}

/**
 * A target that is one table in our own database, shared by all processes: for races in which only the
 * decisions matter, hundreds of them.
 */
export function createLightConnector(url: string): Connector {
  const sql = postgres(url, { max: 2, onnotice: () => undefined })
  const seen = (name: string): { summary: string; checks: Check[]; residuals: [] } => ({
    summary: name,
    checks: [{ name, expected: 'yes', observed: 'yes', ok: true }],
    residuals: [],
  })
  const close = async ({ account, id, grants }: TargetGrant, present: boolean) => {
    await sql`
      insert into light_account values (${account}, ${id}, ${grants}, 0, true, false, 0)
      on conflict (account) do update set closed = true, present = light_account.present and ${present}`
  }
  return {
    kind: 'light',
    capabilities: {
      ...{ holding: 'per-grant', nativeExpiry: true, endsSessions: false, proof: 'read-back', secret: 'none' },
    },
    accountFor: (id) => `light_${id.toLowerCase()}`,
    checkPreconditions: async () => [],
    describeEntitlements: async () => [],
    async provision({ account, id, grants }, nativeExpiry) {
      const rows = await sql`
        insert into light_account values (${account}, ${id}, ${grants}, ${nativeExpiry}, false, true, 1)
        on conflict (account) do update set native_expiry = excluded.native_expiry
        where not light_account.closed
        returning 1`
      if (rows.length === 0) throw new ConnectorError('Conflict', `${account} was closed and is not opened again`)
      return { account, nativeExpiry, checks: seen('made').checks }
    },
    async moveExpiry({ account }, nativeExpiry) {
      const rows = await sql`
        update light_account set native_expiry = ${nativeExpiry} where account = ${account} and not closed returning 1`
      if (rows.length === 0) throw new ConnectorError('NotFound', `${account} was closed`)
      return nativeExpiry
    },
    issueSecret: async () => ({ fields: [], command: null }),
    async disable(grant) {
      await close(grant, true)
      return seen('closed')
    },
    terminateSessions: async () => seen('no sessions'),
    async remove(grant) {
      await close(grant, false)
      return seen('gone')
    },
    async verifyRemoved({ account }) {
      const [row] = await sql`select present from light_account where account = ${account}`
      return { verdict: row?.present === true ? 'still-present' : 'removed', ...seen('gone') }
    },
    async listGrants() {
      const rows = await sql`select * from light_account where present`
      return rows.map((row) => ({
        ...{ account: String(row.account), grants: [String(row.role)], grantId: String(row.grant_id) },
        ...{ nativeExpiry: Number(row.native_expiry), liveSessions: 0 },
      }))
    },
    close: () => sql.end({ timeout: 5 }),
  }
}
