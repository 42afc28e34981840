import type { Db, Tx } from '../db/transaction.ts'
import { EVERYWHERE, type FreezeEvent, freezeStream, targetOfFreeze } from '../domain/freeze-event.ts'
import { type Freeze, type FreezeState, foldFreeze } from '../domain/freeze-state.ts'
import { openStreams } from '../record/find-streams.ts'
import type { EventRecord } from '../record/record.ts'
import { readable } from './grant-store.ts'

/** Giving shares it, freezing takes it alone: so no access is given that began before a freeze and ends after it. */
const FREEZE_LOCK = 0x66726565

type Reading = { readonly record: EventRecord }

/**
 * The freeze that holds on one of the targets, that of everything first; null when none does. From the record, never
 * from a table.
 */
export async function freezeOn({ record }: Reading, db: Db | Tx, ...targets: string[]): Promise<Freeze | null> {
  const streams = [EVERYWHERE, ...new Set(targets)].map(freezeStream)
  const read = await record.readStreams(db, streams)
  return (
    streams.map((stream) => foldRead(stream, read.get(stream) ?? []).freeze).find((freeze) => freeze !== null) ?? null
  )
}

/**
 * Whether one of the targets was ever frozen: cheaper to ask, and most never were. For what gives no access: it believes
 * the table of heads, which `freezeOn` does not.
 */
export async function wasEverFrozen(tx: Tx, targets: readonly string[]): Promise<boolean> {
  const streams = [EVERYWHERE, ...new Set(targets)].map(freezeStream)
  const rows = await tx`select from stream_head where stream = any(${streams}::text[]) limit 1`
  return rows.length > 0
}

/** As `freezeOn`, for a step that gives access: until the transaction has ended, nobody freezes. */
export async function heldFreezeOn(context: Reading, tx: Tx, target: string): Promise<Freeze | null> {
  await tx`select pg_advisory_xact_lock_shared(${FREEZE_LOCK})`
  return freezeOn(context, tx, target)
}

/** For whoever freezes or lifts: waits for the steps that give access and are under way, then holds off others. */
export async function lockFreezes(tx: Tx): Promise<void> {
  await tx`select pg_advisory_xact_lock(${FREEZE_LOCK})`
}

export async function loadFreeze({ record }: Reading, db: Db | Tx, target: string): Promise<FreezeState> {
  return foldRead(freezeStream(target), await record.readStream(db, freezeStream(target)))
}

/** Every freeze in force, that of everything first. */
export async function allFreezes({ record }: Reading, db: Db | Tx): Promise<Freeze[]> {
  const streams = await openStreams(db, { prefix: freezeStream(''), startedBy: 'freeze.set', notEndedBy: [] })
  if (streams.length === 0) return []
  const read = await record.readStreams(db, streams)
  return [...read].flatMap(([stream, events]) => foldRead(stream, events).freeze ?? [])
}

function foldRead(stream: string, events: Awaited<ReturnType<EventRecord['readStream']>>): FreezeState {
  return foldFreeze(
    targetOfFreeze(stream) ?? stream,
    events.map((event) => readable<FreezeEvent>(event)),
  )
}
