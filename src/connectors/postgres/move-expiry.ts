import { ConnectorError, type TargetGrant } from '../../ports/connector.ts'
import { type PostgresTarget, requireOwn } from './postgres-target.ts'

/** Moves VALID UNTIL. @returns what the target says afterwards, epoch ms. @throws ConnectorError `SilentNoOp` when that is another time */
export async function moveExpiry(target: PostgresTarget, grant: TargetGrant, nativeExpiry: number): Promise<number> {
  requireOwn(target, grant)
  const { id, account } = grant
  const [row] = await target.sessions.act(
    (sql) => sql<{ seen: string }[]>`
      select jit.set_expiry(${account}, ${id}, ${nativeExpiry}::bigint, ${target.clock.now()}::bigint) as seen`,
  )
  if (Number(row?.seen) !== nativeExpiry) {
    const where = `${target.name}/${account}`
    throw new ConnectorError('SilentNoOp', `${where}: the expiry was set to ${nativeExpiry} and reads ${row?.seen}`)
  }
  return nativeExpiry
}
