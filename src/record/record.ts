import type { Db, Tx } from '../db/transaction.ts'
import { type Append, appendEvents, lockHead } from './append.ts'
import { appendTogether } from './append-together.ts'
import type { Draft, RecordKeys } from './compose.ts'
import { createHeadCache } from './head-cache.ts'
import { type ReadLeaf, readEvents, readLeaves } from './read.ts'
import { type CheckedEvent, firstOf, newestOf, readPeriod } from './read-period.ts'
import type { RecordedEvent } from './recorded-event.ts'

/** What writes and reads streams of events. One a process. */
export function createRecord(keys: RecordKeys): EventRecord {
  const heads = createHeadCache()
  return {
    append: (tx, stream, expectedSeq, drafts, at) => appendEvents(keys, heads, tx, { stream, expectedSeq, drafts, at }),
    appendTogether: (tx, appends) => appendTogether(keys, heads, tx, appends),
    lockStream: async (tx, stream) => void (await lockHead(tx, stream)),
    readStream: async (db, stream) => (await readEvents(keys, heads, db, [stream])).get(stream) ?? [],
    readStreams: (db, streams) => readEvents(keys, heads, db, streams),
    readLeaves: (db, log, leaves) => readLeaves(keys, db, log, leaves),
    endOf: async (db, stream) => {
      const [head] = await db<{ seq: number }[]>`select seq from stream_head where stream = ${stream}`
      return head?.seq ?? 0
    },
    readPeriod: (db, stretch, take) => readPeriod(keys, db, stretch, take),
    newestOf: (db, type, before) => newestOf(keys, db, type, before),
    firstOf: (db, streams) => firstOf(keys, db, streams),
  }
}

export interface EventRecord {
  /**
   * @param expectedSeq the sequence that the caller folded from, 0 for a new stream; null takes the end as it is
   * @param at epoch ms
   * @throws StreamConflict when the stream ends elsewhere: nothing is written, the transaction is still good
   * @throws BodyTooLarge
   */
  append(
    tx: Tx,
    stream: string,
    expectedSeq: number | null,
    drafts: readonly Draft[],
    at: number,
  ): Promise<RecordedEvent[]>
  /**
   * To many streams at once, each new or from where this process last saw it.
   * @returns the streams that were written: the others are somebody else's at the moment, or ended elsewhere
   */
  appendTogether(tx: Tx, appends: readonly Append[]): Promise<Set<string>>
  /** Lets nobody append until the transaction ends, and waits for whoever is at it. */
  lockStream(tx: Tx, stream: string): Promise<void>
  /** Whole and checked; empty when there is none. @throws RecordTampered */
  readStream(db: Db | Tx, stream: string): Promise<RecordedEvent[]>
  /** As `readStream`, for many: an entry for each. @throws RecordTampered */
  readStreams(db: Db | Tx, streams: readonly string[]): Promise<Map<string, RecordedEvent[]>>
  /** Events by their rising leaves, each checked by itself. @throws RecordTampered */
  readLeaves(db: Db | Tx, log: number, leaves: readonly number[]): Promise<ReadLeaf[]>
  /** The sequence of the last event, 0 for none: says whether something changed, and proves nothing. */
  endOf(db: Db | Tx, stream: string): Promise<number>
  /** Every event of a stretch of time, a page at a time, each checked by itself. */
  readPeriod(
    db: Db,
    stretch: Parameters<typeof readPeriod>[2],
    take: Parameters<typeof readPeriod>[3],
  ): ReturnType<typeof readPeriod>
  /** The newest event of a type before a moment, checked by itself; null when there is none. @param before epoch ms */
  newestOf(db: Db | Tx, type: string, before: number): Promise<CheckedEvent | null>
  /** The first event of each stream, checked by itself. */
  firstOf(db: Db | Tx, streams: readonly string[]): Promise<CheckedEvent[]>
}
