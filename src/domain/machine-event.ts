/**
 * What is on record about one machine (stream `machine:<id>`): a non-human identity, for which a person answers.
 * `policy` is the one that says so, `by` who activated it.
 */
export type MachineEvent =
  /** Its owner has left: nobody answers for it. Access that no grant explains is another thing (`orphan-event.ts`). */
  | Fact<'machine.orphaned', { owner: string; policy: string }>
  /** A policy gives it to somebody else. Whoever left and came back gets nothing back by that. */
  | Fact<'machine.owned', { owner: string; before: string; policy: string; by: string | null }>
  /** A policy names it no more. That says nothing of what it can still do. */
  | Fact<'machine.unlisted', { policy: string; by: string | null }>

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

export const MACHINE_STREAMS = 'machine:'

export function machineStream(id: string): string {
  return `${MACHINE_STREAMS}${id}`
}
