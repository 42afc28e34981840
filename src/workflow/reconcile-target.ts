import { inTransaction } from '../db/in-transaction.ts'
import { type OrphanFact, type OrphanReason, orphanStream } from '../domain/orphan-event.ts'
import { type Connector, ConnectorError, type TargetGrant } from '../ports/connector.ts'
import { openStreams } from '../record/find-streams.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'

/**
 * Looks at what a target really holds under our name, and takes away what no live grant on the record
 * explains: after a restore that lost the newest events, or after somebody changed the record. Whoever
 * can write the database cannot keep an access by it. What was begun and not finished is finished.
 * @returns how many were taken away
 */
export async function reconcileTarget(context: Context, target: string): Promise<number> {
  const connector = context.connectorOf(target)
  if (connector === null) return 0
  const seen = [...(await findBegun(context, target)), ...(await listOurs(connector, target))]
  const orphans = new Map(seen.map((orphan) => [orphan.id, orphan]))
  let removed = 0
  for (const orphan of orphans.values()) {
    const turn = await context.lanes.tryLane(`holding:${target}:${orphan.id}`, () =>
      removeOrphan(context, connector, orphan),
    )
    if (turn?.value === true) removed += 1
  }
  return removed
}

async function listOurs(connector: Connector, target: string): Promise<Orphan[]> {
  return (await connector.listGrants()).flatMap(({ grantId, account, grants }) =>
    grantId === null ? [] : [{ id: grantId, target, account, grants }],
  )
}

/** Those that were found and are not yet on record as gone: whoever found them did not live to finish. */
async function findBegun(context: Context, target: string): Promise<Orphan[]> {
  const streams = await openStreams(context.db, {
    prefix: orphanStream(''),
    startedBy: 'orphan.found',
    notEndedBy: ['orphan.removed'],
  })
  const begun: Orphan[] = []
  for (const events of (await context.record.readStreams(context.db, streams)).values()) {
    const found = events.at(-1)
    if (found?.data.target !== target) continue
    const { account, grants } = found.data as Extract<OrphanFact, { type: 'orphan.found' }>['data']
    begun.push({ id: found.stream.slice(orphanStream('').length), target, account, grants })
  }
  return begun
}

/** @returns false when nothing is left to do */
async function removeOrphan(context: Context, connector: Connector, orphan: Orphan): Promise<boolean> {
  const { id, target, account, grants } = orphan
  const [last] = (await context.record.readStream(context.db, orphanStream(id))).slice(-1)
  if (last?.type !== 'orphan.found') {
    const why = await whyOrphan(context, id)
    // Seen before the lane was ours: its own removal may have ended in the meantime.
    if (why === null || !(await listOurs(connector, target)).some((one) => one.id === id)) return false
    context.alarm({ what: 'orphan-access', detail: `${account} on ${target}: ${why}`, grant: id })
    await write(context, id, { type: 'orphan.found', data: { target, account, grants, why } })
    await context.reached('sweep:after-orphan-found')
  }
  await takeAway(context, connector, { id, target, account, entitlement: '', grants: grants[0] ?? '' })
  return true
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

async function takeAway(context: Context, connector: Connector, grant: TargetGrant): Promise<void> {
  const { target, account } = grant
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

interface Orphan {
  readonly id: string
  readonly target: string
  readonly account: string
  readonly grants: readonly string[]
}
