import type { GrantState } from '../domain/grant-state.ts'
import { grantOfOrphan, type OrphanFact, type OrphanReason, orphanStream } from '../domain/orphan-event.ts'
import { type Connector, ConnectorError, type TargetGrant } from '../ports/connector.ts'
import { openStreams } from '../record/find-streams.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'
import { recordFact } from './record-fact.ts'
import { STUCK_AFTER_MS } from './revoke-grant.ts'

/** An end that is not on record this long after its time could not be recorded. */
export const OVERDUE_MS = 10_000
/** Somebody else who works on a holding is waited for, but not for ever. */
const LANE_PATIENCE_MS = 10_000

/**
 * Looks at what a target really holds under our name, and takes away what no live grant on the record
 * explains: after a restore that lost the newest events, or after somebody changed the record. Whoever
 * can write the database cannot keep an access by it, nor by keeping it from being read or written. What
 * was begun and not finished is finished. One that cannot be taken away does not keep the others.
 * @returns how many were taken away
 */
export async function reconcileTarget(context: Context, target: string, only: Only = {}): Promise<number> {
  const connector = context.connectorOf(target)
  if (connector === null) return 0
  // One that was begun counts as such, also when it is still seen.
  // What should be gone by what the target itself was told goes first: where the record hangs, each look takes long.
  const listed = (await listOurs(connector, target)).sort((a, b) => (a.nativeExpiry ?? 0) - (b.nativeExpiry ?? 0))
  const seen = [...listed, ...(await findBegun(context, target))]
  let removed = 0
  const failures: unknown[] = []
  for (const orphan of new Map(seen.map((one) => [one.id, one])).values()) {
    if (only.grant !== undefined && only.grant !== orphan.id) continue
    try {
      if (await endOrphan(context, connector, orphan, only.because ?? null)) removed += 1
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
  return removed
}

/** The same for one grant, wherever it has an access. @param because known to the caller; else the record is asked */
export async function reconcileGrant(context: Context, grant: string, because?: OrphanReason): Promise<void> {
  for (const target of context.knownTargets()) {
    await reconcileTarget(context, target, { grant, ...(because !== undefined && { because }) })
  }
}

async function listOurs(connector: Connector, target: string): Promise<Orphan[]> {
  return (await connector.listGrants()).flatMap(({ grantId, account, grants, nativeExpiry, liveSessions }) =>
    grantId === null ? [] : [{ id: grantId, target, account, grants, nativeExpiry, liveSessions, begun: false }],
  )
}

/** Those that were found and are not yet on record as gone: whoever found them did not live to finish. */
async function findBegun(context: Context, target: string): Promise<Orphan[]> {
  try {
    const streams = await openStreams(context.db, {
      prefix: orphanStream(''),
      startedBy: 'orphan.found',
      notEndedBy: ['orphan.removed'],
    })
    const all = await context.record.readStreams(context.db, streams)
    return [...all.values()].flatMap((events) => begunIn(events, target))
  } catch (error) {
    // What cannot be read is found in the target itself.
    const detail = error instanceof Error ? error.message : 'unknown'
    context.alarm({ what: 'orphans-not-read', detail, grant: null })
    return []
  }
}

function begunIn(events: readonly RecordedEvent[], target: string): Orphan[] {
  const found = events.at(-1)
  if (found === undefined || found.type !== 'orphan.found' || found.data.target !== target) return []
  const { account, grants } = found.data as Extract<OrphanFact, { type: 'orphan.found' }>['data']
  const id = grantOfOrphan(found.stream)
  // Written beside a stream that takes no more: the target itself still shows what is there.
  if (id === null) return []
  return [{ id, target, account, grants, nativeExpiry: null, liveSessions: 0, begun: true }]
}

/** @returns false when nothing is left to do */
async function endOrphan(
  context: Context,
  connector: Connector,
  orphan: Orphan,
  because: OrphanReason | null,
): Promise<boolean> {
  const { id, target, account, grants, begun } = orphan
  if (!begun && (because ?? (await whyOrphan(context, orphan))) === null) return false
  const grant: TargetGrant = { id, target, account, entitlement: '', grants: grants[0] ?? '' }
  return inLaneIfFree(context, grant, async () => {
    if (!begun) {
      // Looked at again: its ordinary removal may just have ended.
      const still = (await listOurs(connector, target)).find((one) => one.id === id)
      const why = still === undefined ? null : (because ?? (await whyOrphan(context, still)))
      if (why === null) return false
      context.alarm({ what: 'orphan-access', detail: `${account} on ${target}: ${why}`, grant: id, target })
      await note(context, id, { type: 'orphan.found', data: { target, account, grants, why } })
      await context.reached('sweep:after-orphan-found')
    }
    await takeAway(context, connector, grant)
    return true
  })
}

/** Null when a live grant explains it. */
async function whyOrphan(context: Context, { id, nativeExpiry, liveSessions }: Orphan): Promise<OrphanReason | null> {
  const now = context.clock.now()
  try {
    const loaded = await loadGrant(context, context.db, id)
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

async function takeAway(context: Context, connector: Connector, grant: TargetGrant): Promise<void> {
  const { target, account } = grant
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
    // Should that fail, the sweep makes up for it.
    const told = context.db.begin((tx) => context.enqueue(tx, { kind: 'announce', stream: orphanStream(id) }))
    await told.catch(() => undefined)
    context.committed()
  } catch (error) {
    const detail = `${fact.type}: ${error instanceof Error ? error.message : 'unknown'}`
    context.alarm({ what: 'orphan-not-recorded', detail, grant: id })
  }
}

interface Only {
  readonly grant?: string
  readonly because?: OrphanReason
}

interface Orphan {
  readonly id: string
  readonly target: string
  readonly account: string
  readonly grants: readonly string[]
  readonly nativeExpiry: number | null
  readonly liveSessions: number
  /** On record as found, and not as gone. */
  readonly begun: boolean
}
