import type { Db, Tx } from '../db/transaction.ts'
import { decideOrderDue } from '../domain/decide-order.ts'
import type { Placed } from '../domain/grant-event.ts'
import { type OrderEvent, orderOfStream, orderStream } from '../domain/order-event.ts'
import { evolveOrder, foldOrder, isOrderOpen, type OrderState } from '../domain/order-state.ts'
import { openStreams } from '../record/find-streams.ts'
import type { Context } from './context.ts'
import { readable, toDraft } from './grant-store.ts'

/** An order read from its events, with the events. */
export interface LoadedOrder {
  readonly state: OrderState
  readonly events: readonly Placed<OrderEvent>[]
}

/** @returns null when nobody ever proposed it */
export async function loadOrder(context: Context, db: Db | Tx, id: string): Promise<LoadedOrder | null> {
  const events = (await context.record.readStream(db, orderStream(id))).map((event) => readable<OrderEvent>(event))
  const state = foldOrder(id, events)
  return state === null ? null : { state, events }
}

/** For an act of a person: what time has decided by `now` is written first, so that the late one is told. */
export async function settleOrder(context: Context, tx: Tx, id: string, now: number): Promise<OrderState | null> {
  const loaded = await loadOrder(context, tx, id)
  if (loaded === null) return null
  const due = decideOrderDue(loaded.state, now)
  return due.length === 0 ? loaded.state : appendToOrder(context, tx, id, loaded.state, due, now)
}

/** Writes what happened and what follows from it, in the caller's transaction. An order that is over is closed. */
export async function appendToOrder(
  context: Context,
  tx: Tx,
  id: string,
  before: OrderState | null,
  facts: readonly OrderEvent[],
  now: number,
): Promise<OrderState> {
  let state = before
  const placed = facts.map(
    (fact, index): Placed<OrderEvent> => ({ ...fact, seq: (before?.seq ?? 0) + index + 1, at: now }),
  )
  for (const event of placed) state = evolveOrder(id, state, event)
  if (state === null) throw new Error(`${id}: nothing to append`)
  if (!isOrderOpen(state) && !state.closed) {
    const closed: Placed<OrderEvent> = { type: 'closed', data: { count: state.seq + 1 }, seq: state.seq + 1, at: now }
    placed.push(closed)
    state = evolveOrder(id, state, closed)
  }
  const stream = orderStream(id)
  await context.record.append(tx, stream, before?.seq ?? 0, placed.map(toDraft), now)
  await context.enqueue(tx, { kind: 'announce', stream })
  if (facts.some((fact) => fact.type === 'order.confirmed'))
    await context.enqueue(tx, { kind: 'revoke-all', order: id })
  return state
}

/** Orders that wait for a person, or are being carried out. Asks the events themselves. */
export async function findOpenOrders(db: Db | Tx): Promise<string[]> {
  const streams = await openStreams(db, {
    prefix: orderStream(''),
    startedBy: 'order.proposed',
    notEndedBy: ['closed'],
  })
  return streams.flatMap((stream) => orderOfStream(stream) ?? [])
}
