import type { Placed } from './grant-event.ts'
import { UnknownIdentityEvent } from './identity-state.ts'
import type { MachineEvent } from './machine-event.ts'

/** What the events of one machine add up to. Of a machine that always had its owner there are none. */
export interface MachineState {
  readonly id: string
  readonly seq: number
  readonly status: 'orphaned' | 'owned' | 'unlisted'
  /** Identity id: whose it is, or was when it was orphaned. */
  readonly owner: string
}

/** Folds a whole stream. @returns null for a stream without events */
export function foldMachine(id: string, events: Iterable<Placed<MachineEvent>>): MachineState | null {
  let state: MachineState | null = null
  for (const event of events) state = evolveMachine(id, state, event)
  return state
}

export function evolveMachine(id: string, before: MachineState | null, event: Placed<MachineEvent>): MachineState {
  const { seq } = event
  switch (event.type) {
    case 'machine.orphaned':
      return { id, seq, status: 'orphaned', owner: event.data.owner }
    case 'machine.owned':
      return { id, seq, status: 'owned', owner: event.data.owner }
    case 'machine.unlisted':
      return { id, seq, status: 'unlisted', owner: before?.owner ?? '' }
    default:
      throw new UnknownIdentityEvent(id, event satisfies never)
  }
}
