import { type Approver, type Assurance, readIdBody } from './grant-event.ts'

/**
 * What two persons decided about keeping and erasing: stream `keeping`, one for the whole house and never closed, so
 * that no hold can be taken out of it without breaking its chain.
 */
export type KeepingEvent =
  /** Holds from here on, for as long as it waits for its second person: what is erased meanwhile does not come back. */
  | Fact<'hold.asked', Asked & { hold: string; scope: Scope }>
  | Fact<'hold.placed', Signed & { hold: string }>
  | Fact<'hold.lift-asked', Omit<Asked, 'reason'> & { hold: string }>
  | Fact<'hold.lifted', Signed & { hold: string }>
  | Fact<'erasure.asked', Asked & { erasure: string; person: string; texts: number; kept: number }>
  | Fact<'erasure.ordered', Signed & { erasure: string }>
  /** What it came to; which texts these were is in the stream of the erasure. */
  | Fact<'erasure.carried-out', { erasure: string; texts: number; kept: number }>
  /** By whoever may confirm, or taken back by whoever asked. */
  | Fact<'keeping.declined', { id: string; by: string; policy: string; assurance: Assurance }>

/** What a hold holds. */
export interface Scope {
  readonly kind: 'person' | 'target' | 'grant' | 'everything'
  /** Empty for everything. */
  readonly id: string
}

interface Asked {
  by: string
  as: readonly string[]
  /** Private. */
  reason: string
  /** Who may be the second. */
  signers: readonly Approver[]
  askedUntil: number
  policy: string
  assurance: Assurance
}

/** Two distinct persons, in the order of their signing. */
interface Signed {
  by: readonly [string, string]
  policy: string
  assurance: Assurance
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

export const KEEPING_STREAM = 'keeping'

/** Reads the id of a hold (`H-`) or of an erasure (`E-`) as a person typed it. */
export function readKeepingId(typed: string): string | null {
  const [, kind, body] = /^([HE])-([0-9A-Z]{6})$/.exec(typed.trim().toUpperCase()) ?? []
  return kind === undefined || body === undefined ? null : `${kind}-${readIdBody(body)}`
}
