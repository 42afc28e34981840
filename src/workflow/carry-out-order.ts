import { inTransaction } from '../db/in-transaction.ts'
import { covers, decideOrdered } from '../domain/decide-order.ts'
import { type GrantState, isOpen } from '../domain/grant-state.ts'
import type { OrderEvent, OrderOutcome } from '../domain/order-event.ts'
import type { OrderState } from '../domain/order-state.ts'
import { RetryLater } from '../effects/effect.ts'
import { advanceGrant } from './advance-grant.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { findOpenOnRecord } from './find-open-on-record.ts'
import { loadGrant } from './grant-store.ts'
import { appendToOrder, loadOrder } from './order-store.ts'
import { reconcileGrant } from './reconcile-target.ts'

/** An ask that was under way at the confirmation has committed, or given up, by then. */
const SETTLED_AFTER_MS = 5_000
/** Before the second look; each further one waits twice as long, up to half a minute. */
const AGAIN_MS = 250
const MOST_AGAIN_MS = 30_000
/** Ids in one event: far from what a body may hold. */
const MOST_IDS = 2_000
const AT_ONCE = 8

/**
 * Ends what an order covers, each grant on the ordinary way, and says at the end what came of it. Trusts no
 * table and no job: the order and the grants are read from the record. Every step may be done again: what is
 * found open is ended, whatever became of it since the order, until a look finds nothing open any more.
 * @param attempt of the effect, 1 for the first
 * @throws RetryLater while something is left
 */
export async function carryOutOrder(context: Context, id: string, attempt: number): Promise<void> {
  await context.lanes.withLane(`order:${id}`, async () => {
    const order = await loadOrder(context, context.db, id)
    if (order === null) {
      context.alarm({
        what: 'order-without-proposal',
        detail: `A job asks for ${id}, which nobody ordered`,
        grant: null,
      })
      return
    }
    if (order.state.status !== 'confirmed') return
    const open = await findCovered(context, order.state)
    const reached = await reach(context, order.state, open)
    await endAll(context, reached, open)
    const againMs = Math.min(AGAIN_MS * 2 ** (attempt - 1), MOST_AGAIN_MS)
    await sumUp(context, reached, againMs)
  })
}

/** A grant whose record was changed does not say whose it is: it is taken away without it, as the timer does. */
async function findCovered(context: Context, order: OrderState): Promise<GrantState[]> {
  const { open, tampered } = await findOpenOnRecord(context, context.db, (state) => covers(order, state))
  for (const id of tampered) await reconcileGrant(context, id)
  return open
}

/** First it is on the order's own record what it ends. */
async function reach(context: Context, order: OrderState, open: readonly GrantState[]): Promise<OrderState> {
  const unknownTo = (state: OrderState) => open.map(({ id }) => id).filter((id) => !state.reached.includes(id))
  if (unknownTo(order).length === 0) return order
  const after = await advanceOrder(context, order.id, (latest) => {
    const fresh = unknownTo(latest)
    return Array.from({ length: Math.ceil(fresh.length / MOST_IDS) }, (_, n): OrderEvent => {
      const grants = fresh.slice(n * MOST_IDS, (n + 1) * MOST_IDS)
      return { type: 'order.reached', data: { grants } }
    })
  })
  await context.reached('revoke-all:after-reached')
  return after
}

/** One failure does not stop the others. */
async function endAll(context: Context, order: OrderState, open: readonly GrantState[]): Promise<void> {
  const queue = open.map(({ id }) => id)
  const failures: unknown[] = []
  const worker = async () => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      try {
        const { wrote } = await advanceGrant(context, id, (latest, now) => decideOrdered(order, latest, now))
        if (wrote) await context.reached('revoke-all:after-each')
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

async function sumUp(context: Context, order: OrderState, againMs: number): Promise<void> {
  const states: GrantState[] = []
  for (const id of order.reached) {
    const state = (await loadGrant(context, context.db, id))?.state
    if (state !== undefined) states.push(state)
  }
  const open = states.filter(isOpen)
  const stuck = open.filter((state) => state.stuck !== null)
  if (open.length > stuck.length) throw new RetryLater(againMs)
  const settledAt = (order.decided?.at ?? 0) + SETTLED_AFTER_MS
  const leftMs = settledAt - context.clock.now()
  if (leftMs > 0) throw new RetryLater(leftMs)
  if (stuck.length > 0 && order.outcome !== null) throw new RetryLater(MOST_AGAIN_MS)
  await context.reached('revoke-all:before-done')
  await advanceOrder(context, order.id, () => [{ type: 'order.carried-out', data: outcomeOf(states, stuck) }])
  await context.reached('revoke-all:after-done')
  if (stuck.length > 0) throw new RetryLater(MOST_AGAIN_MS)
}

function outcomeOf(states: readonly GrantState[], stuck: readonly GrantState[]): OrderOutcome {
  const over = states.filter((state) => !isOpen(state))
  return {
    ended: over.filter((state) => state.access !== null).map(({ id }) => id),
    cancelled: over.filter((state) => state.access === null).map(({ id }) => id),
    stuck: stuck.map(({ id }) => id),
  }
}

async function advanceOrder(
  context: Context,
  id: string,
  decide: (state: OrderState) => readonly OrderEvent[],
): Promise<OrderState> {
  const after = await decideAgain(() =>
    inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
      const loaded = await loadOrder(context, tx, id)
      if (loaded === null) throw new Error(`${id} is gone from the record`)
      if (loaded.state.status !== 'confirmed') return loaded.state
      const facts = decide(loaded.state)
      if (facts.length === 0) return loaded.state
      return appendToOrder(context, tx, id, loaded.state, facts, context.clock.now())
    }),
  )
  context.committed()
  return after
}
