import { inTransaction } from '../db/in-transaction.ts'
import { nextDue } from '../domain/decide-ending.ts'
import { decideReconsider } from '../domain/decide-reconsider.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { isRefused } from '../domain/refusal.ts'
import { openStreams } from '../record/find-streams.ts'
import { advanceGrant, lockAndLoad } from './advance-grant.ts'
import type { Context } from './context.ts'
import { loadGrant, saveState } from './grant-store.ts'
import { reconcileTarget } from './reconcile-target.ts'
import { rosterFor } from './roster.ts'

/**
 * The net under the timer: reads the record, not the tables folded from it. Every open stream is
 * folded again; a row that says something else is named and mended; effects that a deleted job would
 * have lost are enqueued anew. Afterwards the timer finds everything that is due.
 * @returns how many rows were mended
 */
export async function sweep(context: Context): Promise<number> {
  let mended = 0
  const streams = await openStreams(context.db, {
    prefix: 'grant:',
    startedBy: 'request.asked',
    notEndedBy: ['closed'],
  })
  for (const stream of streams) {
    const id = grantOfStream(stream)
    if (id === null) continue
    try {
      if (await mend(context, id)) mended += 1
      await reconsider(context, id)
      await context.reached('sweep:after-mended')
    } catch (error) {
      const detail = error instanceof Error ? error.message : 'unknown'
      context.alarm({ what: 'sweep-fault', detail, grant: id })
    }
  }
  await announceLate(context)
  for (const target of context.knownTargets()) {
    try {
      await reconcileTarget(context, target)
    } catch (error) {
      const detail = `${target}: ${error instanceof Error ? error.message : 'unknown'}`
      context.alarm({ what: 'target-not-reconciled', detail, grant: null })
    }
  }
  return mended
}

/** Asks anew who may sign: the policy or the directory may have changed under a pending request. */
async function reconsider(context: Context, id: string): Promise<void> {
  const loaded = await loadGrant(context, context.db, id)
  if (loaded?.state.status !== 'pending') return
  const policy = await context.policy.inForce(context.db)
  if (isRefused(policy)) return
  const roster = await rosterFor(context, policy, loaded.state)
  await advanceGrant(context, id, (state, now) => decideReconsider(state, roster, policy, now))
}

async function mend(context: Context, id: string): Promise<boolean> {
  return inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    const loaded = await lockAndLoad(context, tx, id)
    if (loaded === null) return false
    const { state } = loaded
    if (state.status === 'planned' || state.status === 'providing') {
      await context.enqueue(tx, { kind: 'provision', grant: id })
    }
    if (state.extension?.status === 'approved') await context.enqueue(tx, { kind: 'extend', grant: id })
    const due = nextDue(state)
    if (await rowAgrees(tx, state, due)) return false
    await saveState(tx, state, due)
    context.alarm({
      what: 'state-differs-from-record',
      detail: 'A folded row was changed by hand; it is mended',
      grant: id,
    })
    return true
  })
}

async function rowAgrees(
  tx: Parameters<typeof lockAndLoad>[1],
  state: GrantState,
  due: number | null,
): Promise<boolean> {
  const [row] = await tx<
    { seq: number; status: string; for_identity: string; target: string; next_due_at: number | null }[]
  >`
    select seq, status, for_identity, target, next_due_at from grant_state where id = ${state.id}`
  return (
    row !== undefined &&
    row.seq === state.seq &&
    row.status === state.status &&
    row.for_identity === state.for &&
    row.target === state.target &&
    row.next_due_at === due
  )
}

/** How far back an untold grant is looked for. */
const LOOK_BACK_MS = 7 * 24 * 60 * 60_000

/** Streams about which something was recorded after the last thing that was said, a minute ago or more. */
async function announceLate(context: Context): Promise<void> {
  const before = context.clock.now() - 60_000
  const late = await context.db<{ id: string }[]>`
    select g.id from grant_state g left join announced a on a.stream = 'grant:' || g.id
    where g.seq > coalesce(a.seq, 0) and g.asked_at between ${context.clock.now() - LOOK_BACK_MS} and ${before}
    order by g.asked_at desc limit 1000`
  for (const { id } of late) {
    await context.db.begin((tx) => context.enqueue(tx, { kind: 'announce', stream: grantStream(id) }))
  }
}
