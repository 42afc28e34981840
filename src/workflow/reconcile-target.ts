import type { GrantState } from '../domain/grant-state.ts'
import { type OrphanFact, type OrphanReason, orphanStream } from '../domain/orphan-event.ts'
import { type Connector, ConnectorError, type ObservedGrant, type TargetGrant } from '../ports/connector.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'
import { recordFact } from './record-fact.ts'
import { STUCK_AFTER_MS } from './revoke-grant.ts'

/** An end that is not on record this long after its time could not be recorded. */
const OVERDUE_MS = 10_000
/** Somebody else who works on a holding is waited for, but not for ever. */
const LANE_PATIENCE_MS = 10_000

/**
 * Looks at what a target really holds under our name, and takes away what no live grant on the record
 * explains: after a restore that lost the newest events, or after somebody changed the record. Whoever
 * can write the database cannot keep an access by it, nor by keeping it from being read or written.
 * @returns how many were taken away
 */
export async function reconcileTarget(context: Context, target: string, only: Only = {}): Promise<number> {
  const connector = context.connectorOf(target)
  if (connector === null) return 0
  let removed = 0
  const failures: unknown[] = []
  for (const observed of await connector.listGrants()) {
    const { grantId } = observed
    if (grantId === null || (only.grant !== undefined && only.grant !== grantId)) continue
    try {
      if (await endOrphan(context, connector, target, { ...observed, grantId }, only.because ?? null)) removed += 1
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return removed
}

/** The same for one grant, wherever it has an access. @param because known to the caller; else the record is asked */
export async function reconcileGrant(context: Context, grant: string, because?: OrphanReason): Promise<void> {
  for (const target of Object.keys(context.policy.own().targets)) {
    await reconcileTarget(context, target, { grant, ...(because !== undefined && { because }) })
  }
}

async function endOrphan(
  context: Context,
  connector: Connector,
  target: string,
  observed: Observed,
  because: OrphanReason | null,
): Promise<boolean> {
  if ((because ?? (await whyOrphan(context, observed))) === null) return false
  const grant: TargetGrant = {
    ...{ id: observed.grantId, target, account: observed.account },
    ...{ entitlement: '', grants: observed.grants[0] ?? '' },
  }
  return inLaneIfFree(context, grant, async () => {
    // Looked at again: its ordinary removal may just have ended.
    const still = (await connector.listGrants()).find(({ account }) => account === grant.account)
    if (still === undefined) return false
    const why = because ?? (await whyOrphan(context, { ...still, grantId: grant.id }))
    if (why === null) return false
    await takeAway(context, connector, grant, observed, why)
    return true
  })
}

/** Null when a live grant explains it. */
async function whyOrphan(
  context: Context,
  { grantId, nativeExpiry, liveSessions }: Observed,
): Promise<OrphanReason | null> {
  const now = context.clock.now()
  try {
    const loaded = await loadGrant(context, context.db, grantId)
    if (loaded === null) return 'not-on-record'
    const { status, access } = loaded.state
    if (!['providing', 'active', 'ending'].includes(status)) return access === null ? 'never-provided' : 'already-ended'
    return isOverdue(loaded.state, liveSessions, now) ? 'overdue' : null
  } catch (error) {
    if (error instanceof RecordTampered) return 'record-tampered'
    // The record cannot be asked: then the end that the target itself was told decides.
    if (nativeExpiry !== null && now > nativeExpiry) return 'record-unreadable'
    throw error
  }
}

/** While it is ending, only somebody who is still in there counts: what cannot be dropped is told elsewhere. */
function isOverdue({ access, ending }: GrantState, liveSessions: number, now: number): boolean {
  if (ending !== null) return liveSessions > 0 && now - ending.at > STUCK_AFTER_MS
  return access !== null && now - access.endsAt > OVERDUE_MS
}

/** A lane avoids waste and proves nothing: whoever holds one for ever, or has taken its connection away, stops no removal. */
async function inLaneIfFree<T>(context: Context, { id, target }: TargetGrant, work: () => Promise<T>): Promise<T> {
  let entered = false
  const signal = AbortSignal.timeout(LANE_PATIENCE_MS)
  try {
    return await context.lanes.withLane(
      `holding:${target}:${id}`,
      () => {
        entered = true
        return work()
      },
      { signal },
    )
  } catch (error) {
    if (entered) throw error
    context.alarm({
      what: 'lane-held',
      detail: `The lane of ${target} cannot be entered; gone on without it`,
      grant: id,
    })
    return work()
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
  await note(context, grant.id, { type: 'orphan.found', data: { target, account, grants: observed.grants, why } })
  await context.reached('sweep:after-orphan-found')
  await connector.disable(grant)
  await connector.terminateSessions(grant)
  await connector.remove(grant)
  const { verdict, checks, residuals } = await connector.verifyRemoved(grant)
  if (verdict !== 'removed') throw new ConnectorError('VerificationFailed', `${account} on ${target} is ${verdict}`)
  await context.reached('sweep:after-orphan-removed')
  await note(context, grant.id, { type: 'orphan.removed', data: { target, account, checks, left: residuals } })
}

/** What cannot be recorded is done all the same, and named in the log. */
async function note(context: Context, id: string, fact: OrphanFact): Promise<void> {
  try {
    await recordFact(context, orphanStream(id), fact)
    context.committed()
  } catch (error) {
    const detail = `${fact.type}: ${error instanceof Error ? error.message : 'unknown'}`
    context.alarm({ what: 'orphan-not-recorded', detail, grant: id })
  }
}

type Observed = ObservedGrant & { readonly grantId: string }

interface Only {
  readonly grant?: string
  readonly because?: OrphanReason
}
