import type { Approver, Placed } from './grant-event.ts'
import type { KeepingEvent, Scope } from './keeping-event.ts'

/** What is held and what is to be erased, as the events of the stream `keeping` add up. Only `evolveKeeping` makes one. */
export interface KeepingState {
  readonly seq: number
  /** By id, the lifted ones too. */
  readonly holds: ReadonlyMap<string, Hold>
  readonly erasures: ReadonlyMap<string, Erasure>
}

/** One of two has signed, and the other may until then. */
export interface Asking {
  readonly by: string
  readonly at: number
  readonly askedUntil: number
  readonly signers: readonly Approver[]
}

export interface Hold {
  readonly id: string
  readonly scope: Scope
  readonly reason: string
  readonly asked: Asking
  readonly placed: SignedBy | null
  readonly lift: Asking | null
  readonly over: Over | null
}

export interface Erasure {
  readonly id: string
  readonly person: string
  readonly reason: string
  readonly texts: number
  readonly kept: number
  readonly asked: Asking
  readonly ordered: SignedBy | null
  readonly over: Over | null
}

export interface SignedBy {
  readonly by: readonly string[]
  readonly at: number
}

export interface Over extends SignedBy {
  readonly how: 'declined' | 'lifted' | 'carried-out'
}

export const NOTHING_KEPT: KeepingState = { seq: 0, holds: new Map(), erasures: new Map() }

export function foldKeeping(events: Iterable<Placed<KeepingEvent>>): KeepingState {
  let state = NOTHING_KEPT
  for (const event of events) state = evolveKeeping(state, event)
  return state
}

export function evolveKeeping(state: KeepingState, event: Placed<KeepingEvent>): KeepingState {
  const { seq, at } = event
  const change = (id: string, what: Partial<Hold & Erasure>): KeepingState => {
    const [hold, erasure] = [state.holds.get(id), state.erasures.get(id)]
    if (hold) return { ...state, seq, holds: new Map(state.holds).set(id, { ...hold, ...what }) }
    if (erasure) return { ...state, seq, erasures: new Map(state.erasures).set(id, { ...erasure, ...what }) }
    throw new Error(`${event.type} of ${id}, which nobody asked for (seq ${seq})`)
  }
  switch (event.type) {
    case 'hold.asked': {
      const { hold: id, scope, reason } = event.data
      const hold: Hold = { id, scope, reason, asked: asking(event), placed: null, lift: null, over: null }
      return { ...state, seq, holds: new Map(state.holds).set(id, hold) }
    }
    case 'hold.placed':
      return change(event.data.hold, { placed: { by: event.data.by, at } })
    case 'hold.lift-asked':
      return change(event.data.hold, { lift: asking(event) })
    case 'hold.lifted':
      return change(event.data.hold, { over: { how: 'lifted', by: event.data.by, at } })
    case 'erasure.asked': {
      const { erasure: id, person, reason, texts, kept } = event.data
      const erasure: Erasure = { id, person, reason, texts, kept, asked: asking(event), ordered: null, over: null }
      return { ...state, seq, erasures: new Map(state.erasures).set(id, erasure) }
    }
    case 'erasure.ordered':
      return change(event.data.erasure, { ordered: { by: event.data.by, at } })
    case 'erasure.carried-out': {
      const { erasure, texts, kept } = event.data
      return change(erasure, { texts, kept, over: { how: 'carried-out', by: [], at } })
    }
    case 'keeping.declined':
      return decline(state, change, event)
    default:
      throw new UnknownKeepingEvent(event satisfies never)
  }
}

/** What is declined is what waits: a hold that is in force stays, only its lifting is off. */
function decline(
  state: KeepingState,
  change: (id: string, what: Partial<Hold & Erasure>) => KeepingState,
  { data: { id, by }, at }: Placed<Extract<KeepingEvent, { type: 'keeping.declined' }>>,
): KeepingState {
  if (state.holds.get(id)?.placed != null) return change(id, { lift: null })
  return change(id, { over: { how: 'declined', by: [by], at } })
}

type AnyAsked = Extract<KeepingEvent, { type: 'hold.asked' | 'hold.lift-asked' | 'erasure.asked' }>

function asking({ data: { by, askedUntil, signers }, at }: Placed<AnyAsked>): Asking {
  return { by, at, askedUntil, signers }
}

/** What holds at `now`: also what waits for its second person, and not what waits to be lifted. */
export function holdsAt({ holds }: Pick<KeepingState, 'holds'>, now: number): Hold[] {
  return [...holds.values()].filter(
    ({ placed, over, asked }) => over === null && (placed !== null || now < asked.askedUntil),
  )
}

/** A newer version wrote it: what is held cannot be told here, so nothing is erased or pruned here. */
export class UnknownKeepingEvent extends Error {
  readonly code = 'UNKNOWN_KEEPING_EVENT'
  override name = 'UnknownKeepingEvent'
  constructor(event: { readonly type: string }) {
    super(`The stream keeping has an event ${event.type}, which this version does not know`)
  }
}
