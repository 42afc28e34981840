import type { Db } from '../db/transaction.ts'
import { checkpointStream } from '../domain/checkpoint-event.ts'
import { pivotOf } from '../domain/conclude-house.ts'
import { MINUTE } from '../domain/duration.ts'
import { POLICY_STREAM, SYSTEM_STREAM } from '../domain/house-event.ts'
import type { PlacedEvent } from '../record/evidence.ts'
import { findAround } from '../record/find-around.ts'
import type { EventRecord } from '../record/record.ts'
import { RecordTampered } from '../record/recorded-event.ts'

/** A quarter of an hour in which nobody ran has no notice: so many are looked at, a day. */
const SLOTS = 96
const SLOT_MS = 15 * MINUTE
/** Starts while it went on: more say nothing more to a reader. */
const MOST_STARTS = 50

/** The builds that were started before and while a story went on: leaf hashes, in hex. */
export async function findStarts(db: Db, own: readonly PlacedEvent[]): Promise<string[]> {
  const times = own.map(({ at }) => at)
  const [from, until] = [Math.min(...times), Math.max(...times)]
  return findAround(db, { stream: SYSTEM_STREAM, type: 'system.started', from, until, most: MOST_STARTS })
}

/** Who kept the checkpoints before and while a story went on: leaf hashes, in hex. */
export async function findWitnesses(db: Db, own: readonly PlacedEvent[]): Promise<string[]> {
  const times = own.map(({ at }) => at)
  const [from, until] = [Math.min(...times), Math.max(...times)]
  return findAround(db, { stream: SYSTEM_STREAM, type: 'witnesses.seen', from, until, most: MOST_STARTS })
}

/** Who had put the policies into force that a story goes by: leaf hashes, in hex. */
export async function findActivations(
  { record, db }: { readonly record: EventRecord; readonly db: Db },
  own: readonly PlacedEvent[],
): Promise<string[]> {
  const since = new Map<unknown, number>()
  for (const { at, data } of own) if (!since.has(data.policy)) since.set(data.policy, at)
  const said = await record.readStream(db, POLICY_STREAM).catch((error: unknown) => {
    if (error instanceof RecordTampered) return []
    throw error
  })
  const active = said.filter(({ type }) => type === 'policy.activated')
  return [...since].flatMap(([hash, at]) => {
    const found = active.findLast((event) => event.data.policy === hash && event.at <= at)
    return found === undefined ? [] : [found.hash]
  })
}

/** The first checkpoint told in chat that covers what a story turns on, and that it did not get there: leaf hashes, in hex. */
export async function findNotice(
  { record, db }: { readonly record: EventRecord; readonly db: Db },
  origin: string,
  own: readonly PlacedEvent[],
): Promise<string[]> {
  const pivot = pivotOf(own)
  if (pivot === undefined) return []
  const first = Math.ceil(pivot.at / SLOT_MS) * SLOT_MS
  const streams = Array.from({ length: SLOTS }, (_, n) => checkpointStream({ slot: first + n * SLOT_MS }))
  const told = await record.firstOf(db, streams)
  const covers = told
    .filter(({ data }) => data.origin === origin && Number(data.size) > pivot.leafIndex)
    .sort((a, b) => Number(a.data.size) - Number(b.data.size))[0]
  if (covers === undefined) return []
  const lost = await record.firstOf(db, [`undelivered:${covers.stream}`])
  return [covers, ...lost].map(({ hash }) => hash)
}
