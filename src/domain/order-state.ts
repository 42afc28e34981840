import { type ChannelOn, readAnnouncedIn } from './channels.ts'
import type { Approver, Placed } from './grant-event.ts'
import type { OrderEvent, OrderOutcome } from './order-event.ts'
import type { Subject } from './stewards.ts'

/** What the events of one order add up to. Only `evolveOrder` makes one. */
export interface OrderState {
  readonly id: string
  readonly seq: number
  readonly status: 'pending' | 'confirmed' | 'declined' | 'expired' | 'done'
  readonly by: string
  readonly subject: Subject
  readonly reason: string
  readonly announcedIn: readonly ChannelOn[]
  readonly proposedAt: number
  readonly pendingUntil: number
  readonly requests: number
  readonly grants: number
  readonly held: readonly string[]
  readonly signers: readonly Approver[]
  /** Who confirmed or declined it, and when; `by` is null when it expired. */
  readonly decided: { readonly by: string | null; readonly at: number } | null
  /** Ids of what it ends, as far as it has got. */
  readonly reached: readonly string[]
  /** What was last said to have come of it. */
  readonly outcome: OrderOutcome | null
  readonly closed: boolean
}

/** Folds a whole stream. @returns null for a stream without events */
export function foldOrder(id: string, events: Iterable<Placed<OrderEvent>>): OrderState | null {
  let state: OrderState | null = null
  for (const event of events) state = evolveOrder(id, state, event)
  return state
}

export function evolveOrder(id: string, state: OrderState | null, event: Placed<OrderEvent>): OrderState {
  const { seq, at } = event
  if (state === null) {
    if (event.type !== 'order.proposed') throw new Error(`Stream of ${id} starts with ${event.type}`)
    const { as: _as, policy: _policy, assurance: _assurance, channel: _channel, ...words } = event.data
    return {
      ...words,
      announcedIn: readAnnouncedIn(event.data),
      id,
      seq,
      status: 'pending',
      proposedAt: at,
      decided: null,
      reached: [],
      outcome: null,
      closed: false,
    }
  }
  return { ...state, ...change(state, event), seq }
}

function change(state: OrderState, event: Placed<OrderEvent>): Partial<OrderState> {
  const { at } = event
  switch (event.type) {
    case 'order.proposed':
      throw new Error(`${state.id} was proposed twice (seq ${event.seq})`)
    case 'order.confirmed':
      return { status: 'confirmed', decided: { by: event.data.by, at } }
    case 'order.declined':
      return { status: 'declined', decided: { by: event.data.by, at } }
    case 'order.expired':
      return { status: 'expired', decided: { by: null, at } }
    case 'order.reached':
      return { reached: [...state.reached, ...event.data.grants] }
    case 'order.carried-out':
      return { outcome: event.data, ...(event.data.stuck.length === 0 && { status: 'done' }) }
    case 'closed':
      return { closed: true }
    case 'act.refused':
      return {}
    default:
      throw new UnknownOrderEvent(state.id, event satisfies never)
  }
}

/** An order about which something may still happen. */
export function isOrderOpen({ status }: OrderState): boolean {
  return status === 'pending' || status === 'confirmed'
}

/** A newer version wrote it: this process leaves the stream to those that know. */
export class UnknownOrderEvent extends Error {
  readonly code = 'UNKNOWN_ORDER_EVENT'
  override name = 'UnknownOrderEvent'
  constructor(id: string, event: { readonly type: string }) {
    super(`${id} has an event ${event.type}, which this version does not know: a newer one must go on with it`)
  }
}
