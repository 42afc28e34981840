import { inTransaction } from '../db/in-transaction.ts'
import { type ActivityEvent, activityStream, type CollectionEvent, collectionStream } from '../domain/activity-event.ts'
import { type Coverage, coverageOf, sumActivity } from '../domain/activity-sums.ts'
import { DAY, SECOND } from '../domain/duration.ts'
import { grantStream } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { RetryLater } from '../effects/effect.ts'
import { ConnectorError } from '../ports/connector.ts'
import { StreamConflict } from '../record/append.ts'
import { moveCursor, readCursor } from './activity-cursor.ts'
import { type Collected, collectActivity, isActivityOver } from './collect-activity.ts'
import type { Context } from './context.ts'
import { FINISH_AFTER_MS, loadGrant, readable, toDraft } from './grant-store.ts'

/** A target that cannot be asked for so long is not waited for any more: what is missing is named. */
const GIVEN_UP_AFTER_MS = 7 * DAY
const BUSY_AGAIN_MS = 1 * SECOND
/** One that could not be asked is not asked again for so long: those of other targets come after it. */
const LEFT_ALONE_MS = 30 * SECOND

/**
 * Reads the log of a target for the last time for a grant that is gone, and says how whole its activity is. Many that end
 * together are one reading. A target that cannot be asked is nothing that is stuck, and is told as what it is, once,
 * by whoever looks at targets: its grants are left to the net under the timer, which brings them again each minute.
 */
export function createFinishActivity(context: Context): (grant: string) => Promise<void> {
  const newest = new Map<string, Collected>()
  const away = new Map<string, number>()

  return async (id) => {
    const loaded = await loadGrant(context, context.db, id)
    const state = loaded?.state
    const goneAt = state?.ending?.goneAt ?? null
    if (state?.access == null || goneAt === null) return
    const from = loaded?.events.find(({ type }) => type === 'grant.providing')?.at ?? state.askedAt
    // Many end together: they wait for each other, and are not tried again and again.
    const done = await context.lanes.withLane(`activity:${state.target}`, async () => {
      if (await isActivityOver(context, id)) return true
      let read = newest.get(state.target) ?? null
      if (read === null || read.at < goneAt + FINISH_AFTER_MS / 2) {
        read = await collectOr(context, state.target, from, goneAt, away)
        if (read === null) return true
        if (read.state === 'behind') return false
        newest.set(state.target, read)
      }
      await close(context, state, from, goneAt, read)
      return true
    })
    if (!done) throw new RetryLater(BUSY_AGAIN_MS)
  }
}

/** @returns null when it cannot be asked now */
async function collectOr(
  context: Context,
  target: string,
  since: number,
  goneAt: number,
  away: Map<string, number>,
): Promise<Collected | null> {
  const isGivenUp = context.clock.now() - goneAt >= GIVEN_UP_AFTER_MS
  if (!isGivenUp && context.clock.now() - (away.get(target) ?? 0) < LEFT_ALONE_MS) return null
  try {
    return await collectActivity(context, target, since)
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error
    const at = context.clock.now()
    away.set(target, at)
    return isGivenUp ? { state: 'off', at, why: 'the target could not be asked for a week' } : null
  }
}

async function close(
  context: Context,
  state: GrantState,
  from: number,
  goneAt: number,
  read: Collected,
): Promise<void> {
  const { id, target } = state
  const account = state.access?.account ?? ''
  const stream = activityStream(id)
  const before = await readCursor(context.db, target)
  const [collection, own] = await Promise.all([
    context.record.readStream(context.db, collectionStream(target)),
    context.record.readStream(context.db, stream),
  ])
  const { missing, sessionCount, statements, looks } = sumActivity(
    own.map((event) => readable<ActivityEvent>(event)),
    state.access?.activatedAt ?? null,
  )
  const covered = coverageOf(
    collection.map((event) => readable<CollectionEvent>(event)),
    account,
    from,
    goneAt,
  )
  const { outcome, why } = withLines(covered, missing, read)
  const ended: ActivityEvent = {
    type: 'activity.ended',
    data: { target, account, outcome, why, sessions: sessionCount, statements, looks },
  }
  const at = context.clock.now()
  await context.reached('collect:before-ended')
  const done = await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    if (before !== null) {
      const { [id]: _, ...text } = before.kept.text
      // Moves nowhere: whoever read on meanwhile may have found more of it.
      if (!(await moveCursor(tx, target, before, { ...before, kept: { ...before.kept, text } }))) return false
    }
    const facts = [ended, { type: 'closed', data: { count: own.length + 2 } }]
    await context.record.append(tx, stream, own.length, facts.map(toDraft), at)
    if (outcome !== 'not-collected') await context.enqueue(tx, { kind: 'announce', stream: grantStream(id) })
    return true
  }).catch((error: unknown) => {
    if (error instanceof StreamConflict) return false
    throw error
  })
  if (!done) throw new RetryLater(BUSY_AGAIN_MS)
  context.committed()
  await context.reached('collect:after-ended')
}

function withLines({ outcome, why }: Coverage, missing: number, read: Collected): Coverage {
  const lacking = missing === 0 ? [] : [`${missing} lines of its sessions are not in the log`]
  const away = read.state === 'off' && outcome === 'complete' ? [read.why] : []
  const all = [...why, ...lacking, ...away]
  if (outcome === 'not-collected') return { outcome, why: read.state === 'off' ? [read.why] : why }
  return { outcome: all.length === 0 ? 'complete' : 'gaps', why: all.slice(0, MOST_REASONS) }
}

/** An event has room for so many. */
const MOST_REASONS = 40
