import type { Tx } from '../db/transaction.ts'
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
      return events.map(({ leafHash, privateTexts: _, mac: __, ...event }) => ({
        ...event,
        hash: leafHash.toString('hex'),
        leafIndex: null,
      }))
    }
    after = null
  }
  throw new StreamConflict(stream, expectedSeq, null)
}

export async function lockHead(tx: Tx, stream: string): Promise<StreamPlace> {
  const [head] = await tx<{ seq: number; hash: Buffer }[]>`
    select seq, hash from stream_head where stream = ${stream} for update`
  return { stream, seq: head?.seq ?? 0, hash: head?.hash ?? null }
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
  const { stream, seq, hash } = lastPlace(after.stream, events)
  const texts = events.flatMap((event) => event.privateTexts.map((text) => ({ of: event.leafHash, ...text })))
  // Rows of parameters, not arrays: most appends are of one event, and arrays cost both sides a fifth more.
  const rows = await tx`
    with head as (${
      after.hash
        ? tx`update stream_head set seq = ${seq}, hash = ${hash}
             where stream = ${stream} and seq = ${after.seq} and hash = ${after.hash} returning 1`
        : tx`insert into stream_head (stream, seq, hash) values (${stream}, ${seq}, ${hash})
             on conflict do nothing returning 1`
    }),
    added as (
      insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac)${events.map((event, place) => {
        const prev = place === 0 ? after.hash : (events[place - 1]?.leafHash ?? null)
        return tx`${place === 0 ? tx`` : tx`union all`}
          select ${stream}, ${event.seq}::bigint, ${event.type}, ${event.v}::bigint, ${event.at}::bigint, ${event.body},
            ${prev}::bytea, ${event.leafHash}::bytea, ${event.mac}::bytea
          from head`
      })}
      returning leaf_hash, at, seq
    ),
    queued as (
      insert into event_pending (leaf_hash, at)
      select leaf_hash, at from added ${events.length > 1 ? tx`order by seq` : tx``}
    )${
      texts.length === 0
        ? tx``
        : tx`, kept as (
      insert into private_text (leaf_hash, path, salt, sealed)${texts.map(({ of, path, salt, sealed }, place) => {
        return tx`${place === 0 ? tx`` : tx`union all`}
          select ${of}::bytea, ${path}, ${salt}::bytea, ${sealed}::bytea from head`
      })}
    )`
    }
    select from head`
  return rows.length === 1
}

export function lastPlace(stream: string, events: readonly NewEvent[]): StreamPlace & { hash: Buffer } {
  const last = events.at(-1)
  if (!last) throw new RangeError('nothing to append')
  return { stream, seq: last.seq, hash: last.leafHash }
}

export function hex(bytes: Buffer): string {
  return bytes.toString('hex')
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
