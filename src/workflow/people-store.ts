import { inTransaction } from '../db/in-transaction.ts'
import type { Db, Tx } from '../db/transaction.ts'
import type { Placed } from '../domain/grant-event.ts'
import {
  type DirectoryGroupEvent,
  GROUP_STREAMS,
  IDENTITY_STREAMS,
  type IdentityEvent,
} from '../domain/identity-event.ts'
import {
  type DirectoryGroup,
  foldDirectoryGroup,
  foldIdentity,
  type IdentityState,
  UnknownIdentityEvent,
} from '../domain/identity-state.ts'
import { MACHINE_STREAMS, type MachineEvent } from '../domain/machine-event.ts'
import { foldMachine, type MachineState } from '../domain/machine-state.ts'
import { NOBODY, type People } from '../domain/people.ts'
import type { EventRecord } from '../record/record.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'
import { readable } from './grant-store.ts'

/** Streams that are read in one statement. */
const TOGETHER = 500

/**
 * Everybody on record, kept in memory and brought up to date by one small question before each decision. Who somebody is
 * always comes from their events; the table only says which of them to read again. A stream that was changed or that
 * a newer version wrote is left out: its person is unknown, and nobody else is held up.
 */
export function createPeople(around: { readonly record: EventRecord; readonly db: Db }): PeopleStore {
  let seen = NOBODY

  async function look(db: Db | Tx): Promise<People> {
    const [head] = await db<{ version: number }[]>`select version from directory_head`
    const version = head?.version ?? 0
    const before = seen
    if (version === before.version) return before
    const fresh = await readPeople(around.record, db, before, version)
    // Another look may have come back first with more.
    if (fresh.version > seen.version) seen = fresh
    return fresh
  }

  return {
    current: () => seen,
    look,
    load: () => inTransaction(around.db, { timeoutMs: 300_000 }, async (tx) => void (await look(tx))),
  }
}

/** Everybody, as the record says it now. For whoever has no process that keeps them. */
export async function readEverybody(record: EventRecord, db: Db | Tx): Promise<People> {
  const [head] = await db<{ version: number }[]>`select version from directory_head`
  return readPeople(record, db, NOBODY, head?.version ?? 0)
}

async function readPeople(record: EventRecord, db: Db | Tx, before: People, version: number): Promise<People> {
  const rows = await db<{ stream: string }[]>`
    select stream from directory_entry where version > ${before.version} and version <= ${version} order by stream`
  const persons = new Map(before.persons)
  const groups = new Map(before.groups)
  const machines = new Map(before.machines)
  for (let from = 0; from < rows.length; from += TOGETHER) {
    const streams = rows.slice(from, from + TOGETHER).map(({ stream }) => stream)
    for (const [stream, events] of await readSound(record, db, streams)) {
      const id = idOf(stream)
      if (stream.startsWith(IDENTITY_STREAMS)) keep(persons, id, foldPerson(id, events))
      else if (stream.startsWith(GROUP_STREAMS)) keep(groups, id, foldGroup(id, events))
      else if (stream.startsWith(MACHINE_STREAMS)) keep(machines, id, foldOneMachine(id, events))
    }
  }
  return { version, persons, groups, machines }
}

/** Null for a stream that was changed: that has named itself by now. */
async function readSound(
  record: EventRecord,
  db: Db | Tx,
  streams: readonly string[],
): Promise<Map<string, RecordedEvent[] | null>> {
  try {
    return await record.readStreams(db, streams)
  } catch (error) {
    if (!(error instanceof RecordTampered)) throw error
  }
  const read = new Map<string, RecordedEvent[] | null>()
  for (const stream of streams) {
    try {
      read.set(stream, await record.readStream(db, stream))
    } catch (error) {
      if (!(error instanceof RecordTampered)) throw error
      read.set(stream, null)
    }
  }
  return read
}

function foldPerson(id: string, events: readonly RecordedEvent[] | null): IdentityState | null {
  return sound(() =>
    events === null
      ? null
      : foldIdentity(
          id,
          events.map((one) => readable<IdentityEvent>(one)),
        ),
  )
}

function foldGroup(id: string, events: readonly RecordedEvent[] | null): DirectoryGroup | null {
  if (events === null) return null
  return sound(() => foldDirectoryGroup(id, events as unknown as Placed<DirectoryGroupEvent>[]))
}

function foldOneMachine(id: string, events: readonly RecordedEvent[] | null): MachineState | null {
  if (events === null) return null
  return sound(() => foldMachine(id, events as unknown as Placed<MachineEvent>[]))
}

function sound<T>(fold: () => T | null): T | null {
  try {
    return fold()
  } catch (error) {
    if (error instanceof UnknownIdentityEvent) return null
    throw error
  }
}

function keep<T>(all: Map<string, T>, id: string, state: T | null): void {
  if (state === null) all.delete(id)
  else all.set(id, state)
}

function idOf(stream: string): string {
  return stream.slice(stream.indexOf(':') + 1)
}

export interface PeopleStore {
  /** As this process last saw them. */
  current(): People
  /** Asks whether something changed, and reads what did. */
  look(db: Db | Tx): Promise<People>
  /** For the start: the first look may have thousands to read. */
  load(): Promise<void>
}
