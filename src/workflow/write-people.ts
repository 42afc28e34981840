import type { Tx } from '../db/transaction.ts'
import type { Placed } from '../domain/grant-event.ts'
import {
  type DirectoryGroupEvent,
  directoryGroupStream,
  type IdentityEvent,
  identityStream,
} from '../domain/identity-event.ts'
import {
  type DirectoryGroup,
  evolveDirectoryGroup,
  evolveIdentity,
  type IdentityState,
} from '../domain/identity-state.ts'
import { type MachineEvent, machineStream } from '../domain/machine-event.ts'
import { evolveMachine, type MachineState } from '../domain/machine-state.ts'
import type { People } from '../domain/people.ts'
import type { Context, Effect } from './context.ts'
import { toDraft } from './grant-store.ts'

/**
 * Holds everybody still until the transaction ends, and gives what they are with a place to write to. Changes have one
 * order over all replicas, so that two that exclude each other cannot both be right.
 */
export async function changePeople<T>(
  context: Pick<Context, 'record' | 'people' | 'enqueue'>,
  tx: Tx,
  now: number,
  decide: (stage: PeopleStage) => T | Promise<T>,
): Promise<T> {
  await tx`insert into directory_head (one, version) values (true, 0) on conflict do nothing`
  await tx`select version from directory_head for update`
  const stage = stageOf(await context.people.look(tx), now)
  const result = await decide(stage)
  await write(context, tx, stage, now)
  return result
}

/** People as they are within one change: what was written so far is seen by what comes after. */
export interface PeopleStage {
  readonly people: People
  person(id: string): IdentityState | null
  group(id: string): DirectoryGroup | null
  write(id: string, facts: readonly IdentityEvent[]): IdentityState | null
  writeGroup(id: string, facts: readonly DirectoryGroupEvent[]): DirectoryGroup | null
  writeMachine(id: string, facts: readonly MachineEvent[]): MachineState | null
  /** Whose open requests, grants and approvals are to be decided again. */
  decideAgain(id: string): void
  /** Everybody's are: who may sign for whom has changed. */
  decideAllAgain(): void
}

type AnyEvent = IdentityEvent | DirectoryGroupEvent | MachineEvent

interface Stage extends PeopleStage {
  readonly appends: Map<string, { before: number; facts: Placed<AnyEvent>[] }>
  readonly moved: Set<string>
}

function stageOf(before: People, now: number): Stage {
  const persons = new Map(before.persons)
  const groups = new Map(before.groups)
  const machines = new Map(before.machines)
  const appends: Stage['appends'] = new Map()
  const moved = new Set<string>()
  const place = <E extends AnyEvent>(stream: string, seq: number, facts: readonly E[]) => {
    const placed = facts.map((fact, index) => ({ ...fact, seq: seq + index + 1, at: now }) as Placed<E>)
    const append = appends.get(stream) ?? { before: seq, facts: [] }
    append.facts.push(...(placed as Placed<AnyEvent>[]))
    if (placed.length > 0) appends.set(stream, append)
    return placed
  }
  return {
    ...{ appends, moved, people: { version: before.version, persons, groups, machines } },
    person: (id) => persons.get(id) ?? null,
    group: (id) => groups.get(id) ?? null,
    write(id, facts) {
      let state = persons.get(id) ?? null
      for (const event of place(identityStream(id), state?.seq ?? 0, facts)) state = evolveIdentity(id, state, event)
      if (state !== null) persons.set(id, state)
      return state
    },
    writeGroup(id, facts) {
      let state = groups.get(id) ?? null
      for (const event of place(directoryGroupStream(id), state?.seq ?? 0, facts)) {
        state = evolveDirectoryGroup(id, state, event)
      }
      if (state !== null) groups.set(id, state)
      return state
    },
    writeMachine(id, facts) {
      let state = machines.get(id) ?? null
      for (const event of place(machineStream(id), state?.seq ?? 0, facts)) state = evolveMachine(id, state, event)
      if (state !== null) machines.set(id, state)
      return state
    },
    decideAgain: (id) => void moved.add(id),
    decideAllAgain: () => void moved.add(EVERYBODY),
  }
}

/** What people hear of: an account that is theirs now, or that nobody could place; a machine without an owner. */
const TOLD: readonly string[] = [
  ...['account.linked', 'account.not-linked', 'machine.orphaned', 'machine.owned', 'machine.unlisted'],
]

/** More than so many are decided again in one go. */
const MOST_ALONE = 20

async function write(
  context: Pick<Context, 'record' | 'enqueue'>,
  tx: Tx,
  { appends, people, moved }: Stage,
  now: number,
): Promise<void> {
  const all = [...appends].map(([stream, { before, facts }]) => ({
    ...{ stream, expectedSeq: before, drafts: facts.map(toDraft), at: now },
  }))
  if (all.length > 0) {
    const written = await context.record.appendTogether(tx, all)
    for (const { stream, expectedSeq, drafts, at } of all) {
      // This process had forgotten where it ends.
      if (!written.has(stream)) await context.record.append(tx, stream, expectedSeq, drafts, at)
    }
    const version = people.version + 1
    await saveRows(tx, version, [...appends.keys()], people)
    await tx`update directory_head set version = ${version}`
  }
  const told = [...appends].filter(([, { facts }]) => facts.some(({ type }) => TOLD.includes(type)))
  const announced = told.map(([stream]): Effect => ({ kind: 'announce', stream, urgent: true }))
  await context.enqueue(tx, [...effectsFor(moved), ...announced])
}

function effectsFor(moved: ReadonlySet<string>): Effect[] {
  if (moved.size > MOST_ALONE) return [{ kind: 'settle-people' }]
  return [...moved].map((person): Effect => {
    return person === EVERYBODY ? { kind: 'settle-people' } : { kind: 'settle-person', person }
  })
}

const EVERYBODY = '*'

async function saveRows(tx: Tx, version: number, streams: readonly string[], people: People): Promise<void> {
  const rows = streams.map((stream) => {
    const id = stream.slice(stream.indexOf(':') + 1)
    const group = people.groups.get(id)
    if (stream === directoryGroupStream(id)) {
      return { stream, seq: group?.seq ?? 0, status: group?.removed === true ? 'removed' : 'group' }
    }
    const machine = people.machines.get(id)
    if (stream === machineStream(id)) return { stream, seq: machine?.seq ?? 0, status: machine?.status ?? 'owned' }
    const person = people.persons.get(id)
    const left = person?.left ?? null
    return {
      ...{ stream, seq: person?.seq ?? 0, status: left === null ? 'active' : 'left' },
      ...{ effective: left?.effectiveAt ?? null, received: left?.receivedAt ?? null },
      ...{ ended: left?.endedAt ?? null, gone: left?.seenGoneAt ?? null },
    }
  })
  await tx`
    insert into directory_entry (stream, seq, version, status, effective_at, received_at, ended_at, seen_gone_at)
    select stream, seq, ${version}, status, effective, received, ended, gone
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as entry (
      stream text, seq bigint, status text, effective bigint, received bigint, ended bigint, gone bigint
    )
    order by stream
    on conflict (stream) do update set
      seq = excluded.seq, version = excluded.version, status = excluded.status, effective_at = excluded.effective_at,
      received_at = excluded.received_at, ended_at = excluded.ended_at, seen_gone_at = excluded.seen_gone_at`
}
