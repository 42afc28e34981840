import type { ChannelOn } from './channels.ts'
import type { FreezeEvent } from './freeze-event.ts'
import type { Approver, Placed } from './grant-event.ts'

/** What the events of one target's stream add up to. Only `evolveFreeze` makes one. */
export interface FreezeState {
  /** A target, or `EVERYWHERE`. */
  readonly target: string
  readonly seq: number
  readonly freeze: Freeze | null
}

/** A freeze in force: no new access on the target, or anywhere. */
export interface Freeze {
  readonly target: string
  readonly by: string
  readonly at: number
  readonly reason: string
  readonly announcedIn: readonly ChannelOn[]
  /** Its place in the stream: names it among all freezes of the target. */
  readonly seq: number
  readonly lift: LiftAsked | null
}

/** One of two has signed that it may end. */
export interface LiftAsked {
  readonly by: string
  readonly at: number
  readonly askedUntil: number
  readonly signers: readonly Approver[]
}

export function foldFreeze(target: string, events: Iterable<Placed<FreezeEvent>>): FreezeState {
  let state: FreezeState = { target, seq: 0, freeze: null }
  for (const event of events) state = evolveFreeze(state, event)
  return state
}

export function evolveFreeze(state: FreezeState, event: Placed<FreezeEvent>): FreezeState {
  const { seq, at } = event
  switch (event.type) {
    case 'freeze.set': {
      const { by, reason, channels } = event.data
      const announcedIn = event.data.announcedIn ?? channels.map((channel) => ({ platform: null, channel }))
      return { ...state, seq, freeze: { target: state.target, by, at, reason, announcedIn, seq, lift: null } }
    }
    case 'freeze.lift-asked': {
      const { by, askedUntil, signers } = event.data
      return { ...state, seq, freeze: state.freeze && { ...state.freeze, lift: { by, at, askedUntil, signers } } }
    }
    case 'freeze.lifted':
      return { ...state, seq, freeze: null }
    default:
      throw new UnknownFreezeEvent(state.target, event satisfies never)
  }
}

/** A newer version wrote it: whether the target is frozen cannot be told here, so nothing is given here. */
export class UnknownFreezeEvent extends Error {
  readonly code = 'UNKNOWN_FREEZE_EVENT'
  override name = 'UnknownFreezeEvent'
  constructor(target: string, event: { readonly type: string }) {
    super(`The freezes of ${target} have an event ${event.type}, which this version does not know`)
  }
}
