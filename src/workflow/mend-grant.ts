import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { nextDue } from '../domain/decide-ending.ts'
import { grantStream } from '../domain/grant-event.ts'
import { type GrantState, isOpen } from '../domain/grant-state.ts'
import { requeueUnsealed } from '../record/requeue.ts'
import { lockPerson } from './advance-grant.ts'
import type { Context } from './context.ts'
import { loadGrant, saveStates } from './grant-store.ts'

/** An event that waits for its seal longer than this may have lost its place. */
const LATE_SEAL_MS = 30_000

/**
 * Folds a grant again and compares it with its row, which is a cache: a row that says something else is named and
 * mended, and what a deleted job would have lost is enqueued anew.
 * @throws RecordTampered
 */
export function mendGrant(context: Context, id: string): Promise<void> {
  return inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    // The person's lock alone keeps no removal away: its row, written meanwhile, would look changed by hand.
    await lockPerson(tx, id)
    await context.record.lockStream(tx, grantStream(id))
    const loaded = await loadGrant(context, tx, id)
    if (loaded === null) return forgetRow(context, tx, id)
    const { state } = loaded
    await enqueueAgain(context, tx, state)
    const due = nextDue(state)
    if (await rowAgrees(tx, state, due)) return
    await saveStates(tx, [state])
    const detail = 'A folded row was changed by hand; it is mended'
    context.alarm({ what: 'state-differs-from-record', detail, grant: id })
  })
}

async function enqueueAgain(context: Context, tx: Tx, state: GrantState): Promise<void> {
  const { id } = state
  if (state.status === 'planned' || state.status === 'providing')
    await context.enqueue(tx, { kind: 'provision', grant: id })
  if (state.extension?.status === 'approved') await context.enqueue(tx, { kind: 'extend', grant: id })
  const requeued = await requeueUnsealed(tx, grantStream(id), context.clock.now() - LATE_SEAL_MS)
  if (requeued > 0) {
    const detail = `${requeued} events had lost their place before the sealer; they have it again`
    context.alarm({ what: 'unsealed-events', detail, grant: id })
  }
}

/** A row that no record explains asks for nothing any more. */
async function forgetRow(context: Context, tx: Tx, id: string): Promise<void> {
  const rows = await tx`
    update grant_state set status = 'unknown', next_due_at = null, open_for = null
    where id = ${id} and (status <> 'unknown' or next_due_at is not null or open_for is not null) returning 1`
  if (rows.length === 0) return
  context.alarm({ what: 'state-without-record', detail: 'A row tells of a grant that nobody asked for', grant: id })
}

async function rowAgrees(tx: Tx, state: GrantState, due: number | null): Promise<boolean> {
  const rows = await tx`
    select from grant_state
    where id = ${state.id} and seq = ${state.seq} and status = ${state.status} and asked_at = ${state.askedAt}
      and by_identity = ${state.by} and for_identity = ${state.for}
      and target = ${state.target} and entitlement = ${state.entitlement}
      and next_due_at is not distinct from ${due}
      and open_for is not distinct from ${isOpen(state) ? state.for : null}`
  return rows.length === 1
}
