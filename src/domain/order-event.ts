import type { AnnouncedIn } from './channels.ts'
import { type ActRefused, type Approver, type Assurance, readIdBody } from './grant-event.ts'
import type { Subject } from './stewards.ts'

/**
 * The facts of one order that everything of a person, or on a target, ends: stream `order:<id>`. Two distinct
 * persons sign it; what it ends is in the streams of the grants, which name it.
 */
export type OrderEvent =
  | Fact<
      'order.proposed',
      {
        by: string
        as: readonly string[]
        subject: Subject
        /** Private. */
        reason: string
        pendingUntil: number
        /** What was open when it was proposed. */
        requests: number
        grants: number
        /** Targets where the person had something open: their owners may sign. */
        held: readonly string[]
        /** Who may be the second. */
        signers: readonly Approver[]
        policy: string
        assurance: Assurance
      } & AnnouncedIn
    >
  | Fact<'order.confirmed', { by: string; as: readonly string[]; policy: string; assurance: Assurance }>
  /** By whoever may confirm, or taken back by whoever proposed it. */
  | Fact<'order.declined', { by: string; policy: string; assurance: Assurance }>
  | Fact<'order.expired', { pendingUntil: number }>
  /** Grants and requests that it found open, before it ends them. */
  | Fact<'order.reached', { grants: readonly string[] }>
  /** Everything is taken away, but for what is stuck. Written again when that is gone too. */
  | Fact<'order.carried-out', OrderOutcome>
  | ActRefused
  | Fact<'closed', { count: number }>

/** Ids of grants. */
export interface OrderOutcome {
  /** Ended, and seen to be gone. */
  readonly ended: readonly string[]
  /** Requests that were taken back before anything was given. */
  readonly cancelled: readonly string[]
  /** Removal is not proved. */
  readonly stuck: readonly string[]
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

const ORDER_STREAM = /^order:(R-[0-9A-HJKMNP-TV-Z]{6})$/

export function orderStream(id: string): string {
  return `order:${id}`
}

/** The order id of a stream name, or null for another kind of stream. */
export function orderOfStream(stream: string): string | null {
  return ORDER_STREAM.exec(stream)?.[1] ?? null
}

/** Reads an id as a person typed it, with its `R-`: without one it would be a grant's. */
export function readOrderId(typed: string): string | null {
  const body = /^R-([0-9A-Z]{6})$/.exec(typed.trim().toUpperCase())?.[1]
  return body === undefined ? null : orderOfStream(orderStream(`R-${readIdBody(body)}`))
}
