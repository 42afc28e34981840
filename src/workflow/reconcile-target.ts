import { inTransaction } from '../db/in-transaction.ts'
import { type OrphanFact, type OrphanReason, orphanStream } from '../domain/orphan-event.ts'
import { type Connector, ConnectorError, type ObservedGrant, type TargetGrant } from '../ports/connector.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'

/**
 * Looks at what a target really holds under our name, and takes away what no live grant on the record
 * explains: after a restore that lost the newest events, or after somebody changed the record. Whoever
 * can write the database cannot keep an access by it.
 * @returns how many were taken away
 */
export async function reconcileTarget(context: Context, target: string): Promise<number> {
  const connector = context.connectorOf(target)
  if (connector === null) return 0
  let removed = 0
  for (const observed of await connector.listGrants()) {
    if (observed.grantId === null) continue
    const grant: TargetGrant = {
      ...{ id: observed.grantId, target, account: observed.account },
      ...{ entitlement: '', grants: observed.grants[0] ?? '' },
    }
    const turn = await context.lanes.tryLane(`holding:${target}:${grant.id}`, async () => {
      const why = await whyOrphan(context, grant.id)
      if (why === null) return false
      await takeAway(context, connector, grant, observed, why)
      return true
    })
    if (turn?.value === true) removed += 1
  }
  return removed
}

/** Null when a live grant explains it. */
async function whyOrphan(context: Context, id: string): Promise<OrphanReason | null> {
  try {
    const loaded = await loadGrant(context, context.db, id)
    if (loaded === null) return 'not-on-record'
    if (['providing', 'active', 'ending'].includes(loaded.state.status)) return null
    return loaded.state.access === null ? 'never-provided' : 'already-ended'
  } catch (error) {
    if (error instanceof RecordTampered) return 'record-tampered'
    throw error
  }
}

async function takeAway(
  context: Context,
  connector: Connector,
  grant: TargetGrant,
  observed: ObservedGrant,
  why: OrphanReason,
): Promise<void> {
  const { target, account } = grant
  context.alarm({ what: 'orphan-access', detail: `${account} on ${target}: ${why}`, grant: grant.id })
  await write(context, grant.id, { type: 'orphan.found', data: { target, account, grants: observed.grants, why } })
  await context.reached('sweep:after-orphan-found')
  await connector.disable(grant)
  await connector.terminateSessions(grant)
  await connector.remove(grant)
  const { verdict, checks, residuals } = await connector.verifyRemoved(grant)
  if (verdict !== 'removed') throw new ConnectorError('VerificationFailed', `${account} on ${target} is ${verdict}`)
  await context.reached('sweep:after-orphan-removed')
  await write(context, grant.id, { type: 'orphan.removed', data: { target, account, checks, left: residuals } })
}

async function write(context: Context, id: string, fact: OrphanFact): Promise<void> {
  await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    await context.record.append(tx, orphanStream(id), null, [fact], context.clock.now())
  })
  context.committed()
}
