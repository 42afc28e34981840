import type { Db, Tx } from '../db/transaction.ts'
import { DAY } from '../domain/duration.ts'
import { acceptedKeys, type RecordKeys } from './compose.ts'
import { bodyOf, type EventRow, faultOf, type RowFault } from './recorded-event.ts'
import type { Body } from './verify.ts'

/** Rows in memory at once. */
const PAGE = 1_000

/**
 * Reads every event of a stretch of time once, in about the order of time, and checks each by itself: hash, MAC and
 * columns, so that nobody without the key can add to what is counted from it. That none is missing, only the tree says.
 */
export async function readPeriod(
  keys: RecordKeys,
  db: Db,
  { from, until }: Stretch,
  take: (events: readonly CheckedEvent[]) => Promise<void>,
): Promise<ReadPeriod> {
  const found: { read: number; faults: FoundFault[] } = { read: 0, faults: [] }
  const rows = db<PlacedRow[]>`
    select stream, seq, type, v, at, body, prev, leaf_hash as "leafHash", mac, ${leafOf(keys, db)} as "leafIndex"
    from event e where at >= ${from} and at < ${until}`
  for await (const page of rows.cursor(PAGE)) {
    found.read += page.length
    await take(page.flatMap((row) => checked(keys, row, found.faults)))
  }
  return found
}

/** Of a type that comes often there are many, and the newest is near: all are looked through only where none is. */
const NEAR_MS = [DAY, 7 * DAY, Number.POSITIVE_INFINITY]

/** The newest event of a type before a moment that is genuine by itself; null when there is none. */
export async function newestOf(
  keys: RecordKeys,
  db: Db | Tx,
  type: string,
  before: number,
): Promise<CheckedEvent | null> {
  for (const nearMs of NEAR_MS) {
    const rows = await db<PlacedRow[]>`
      select stream, seq, type, v, at, body, prev, leaf_hash as "leafHash", mac, ${leafOf(keys, db)} as "leafIndex"
      from event e where type = ${type} and at < ${before} and at >= ${Math.max(0, before - nearMs)}
      order by at desc, seq desc limit 3`
    const [newest] = rows.flatMap((row) => checked(keys, row, []))
    if (newest !== undefined) return newest
  }
  return null
}

/** The first event of each of these streams, as far as it is genuine. */
export async function firstOf(keys: RecordKeys, db: Db | Tx, streams: readonly string[]): Promise<CheckedEvent[]> {
  const rows = await db<PlacedRow[]>`
    select e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac, ${leafOf(keys, db)} as "leafIndex"
    from unnest(${[...streams]}::text[]) as s (stream) join event e on e.stream = s.stream and e.seq = 1`
  return rows.flatMap((row) => checked(keys, row, []))
}

/** Where events stand under the tree, by hash in hex. From a table: a hint, not a proof. */
export async function leafIndexes(db: Db | Tx, hashes: readonly string[]): Promise<Map<string, number>> {
  const rows = await db<{ hash: string; leafIndex: number }[]>`
    select encode(l.leaf_hash, 'hex') as hash, l.leaf_index as "leafIndex"
    from unnest(${[...hashes]}::text[]) as h (hash) join leaf l on l.leaf_hash = decode(h.hash, 'hex')
    where l.log = (select max(id) from log) and l.leaf_index >= 0`
  return new Map(rows.map(({ hash, leafIndex }) => [hash, leafIndex]))
}

type PlacedRow = EventRow & { readonly leafIndex: number | null }

/** Its place counts where a MAC key was retired, and costs a look at an index. */
function leafOf(keys: RecordKeys, db: Db | Tx) {
  const accepted = acceptedKeys(keys)
  if (Buffer.isBuffer(accepted) || accepted.every(({ upTo }) => upTo === null)) return db`null::bigint`
  return db`(select l.leaf_index from leaf l
    where l.log = (select max(id) from log) and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0)`
}

function checked(keys: RecordKeys, row: PlacedRow, faults: FoundFault[]): CheckedEvent[] {
  const fault = faultOf(row, acceptedKeys(keys), row.leafIndex)
  if (fault === null) return [{ ...bodyOf(row), hash: row.leafHash.toString('hex') }]
  faults.push({ stream: row.stream, seq: row.seq, at: row.at, hash: row.leafHash.toString('hex'), fault })
  return []
}

interface Stretch {
  /** Epoch ms, inside. */
  readonly from: number
  /** Epoch ms, the first moment outside. */
  readonly until: number
}

/** Of one event of ours; whether its stream is whole is not looked at. */
export interface CheckedEvent extends Body {
  /** Leaf hash, hex. */
  readonly hash: string
}

/** A row that is not what was recorded, as it says of itself. */
export interface FoundFault {
  readonly stream: string
  readonly seq: number
  readonly at: number
  readonly hash: string
  readonly fault: RowFault
}

interface ReadPeriod {
  readonly read: number
  readonly faults: readonly FoundFault[]
}
