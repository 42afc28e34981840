import type { Row } from 'postgres'
import type { Tx } from '../db/transaction.ts'
import { appendSql } from './append.sql.ts'
import { composeEvents, type Draft, type NewEvent, type RecordKeys, type StreamPlace } from './compose.ts'
import type { HeadCache } from './head-cache.ts'
import type { RecordedEvent } from './recorded-event.ts'

const ATTEMPTS = 3

/**
 * Appends to one stream, in one round trip when this process knows its last hash. The head row is the guard against a
 * fork: it changes in the same statement, so of two writers the second waits and then loses.
 * @param expectedSeq the sequence that the caller folded from, 0 for a new stream; null takes the end as it is
 * @throws StreamConflict
 */
export async function appendEvents(
  keys: RecordKeys,
  heads: HeadCache,
  tx: Tx,
  { stream, expectedSeq, drafts, at }: Append,
): Promise<RecordedEvent[]> {
  if (drafts.length === 0) return []
  const known = heads.get(stream)
  let after = expectedSeq === 0 ? { stream, seq: 0, hash: null } : known?.seq === expectedSeq ? known : null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    after ??= await lockHead(tx, stream)
    if (expectedSeq !== null && after.seq !== expectedSeq) throw new StreamConflict(stream, expectedSeq, after.seq)
    const events = composeEvents(keys, after, drafts, at)
    if (await insertInParts(tx, after, events)) {
      heads.set(lastPlace(stream, events))
      return events.map(({ event }) => event)
    }
    // Of what the caller sent along some rows are locked by now: whoever has the head may be waiting for those.
    after = expectedSeq === null ? null : await readHead(tx, stream)
  }
  throw new StreamConflict(stream, expectedSeq, null)
}

export async function lockHead(tx: Tx, stream: string): Promise<StreamPlace> {
  return placeOf(stream, await tx`select seq, hash from stream_head where stream = ${stream} for update`)
}

async function readHead(tx: Tx, stream: string): Promise<StreamPlace> {
  return placeOf(stream, await tx`select seq, hash from stream_head where stream = ${stream}`)
}

function placeOf(stream: string, [head]: readonly Row[]): StreamPlace {
  return { stream, seq: head?.seq ?? 0, hash: head?.hash.toString('hex') ?? null }
}

/** A statement takes 65,534 parameters, and is planned for as many rows as it has. */
const MOST_AT_ONCE = 100

/** @returns false, and writes nothing, when the stream does not end where the events begin */
async function insertInParts(tx: Tx, after: StreamPlace, events: readonly NewEvent[]): Promise<boolean> {
  let place = after
  for (let first = 0; first < events.length; first += MOST_AT_ONCE) {
    const some = events.slice(first, first + MOST_AT_ONCE)
    // After the first part the head is locked by this transaction: nobody else can have moved it.
    if (!(await insertEvents(tx, place, some))) return false
    place = lastPlace(after.stream, some)
  }
  return true
}

async function insertEvents(tx: Tx, after: StreamPlace, events: readonly NewEvent[]): Promise<boolean> {
  const values: (string | number | Buffer)[] = [after.stream]
  if (after.hash !== null) values.push(after.seq, after.hash)
  for (const { event, mac } of events) {
    values.push(event.seq, event.type, event.v, event.at, event.body, event.hash, mac)
  }
  const texts = events.flatMap(({ event, privateTexts }) => privateTexts.map((text) => ({ of: event.hash, ...text })))
  for (const { of, path, salt, sealed } of texts) values.push(of, path, salt, sealed)
  const statement = appendSql({ isNew: after.hash === null, events: events.length, texts: texts.length })
  const rows = await tx.unsafe(statement, values, { prepare: true })
  return rows.length === 1
}

export function lastPlace(stream: string, events: readonly NewEvent[]): StreamPlace & { hash: string } {
  const last = events.at(-1)
  if (!last) throw new RangeError('nothing to append')
  return { stream, seq: last.event.seq, hash: last.event.hash }
}

export interface Append {
  readonly stream: string
  readonly expectedSeq: number | null
  readonly drafts: readonly Draft[]
  readonly at: number
}

/** Somebody else appended first: read again, decide again. */
export class StreamConflict extends Error {
  readonly code = 'STREAM_CONFLICT'
  override name = 'StreamConflict'
  readonly stream: string
  readonly expectedSeq: number | null
  /** Null when it moved on while we looked. */
  readonly actualSeq: number | null
  constructor(stream: string, expectedSeq: number | null, actualSeq: number | null) {
    super(`${stream} ends at ${actualSeq ?? 'another event'}, not at ${expectedSeq ?? 'the one that was read'}`)
    this.stream = stream
    this.expectedSeq = expectedSeq
    this.actualSeq = actualSeq
  }
}
