import type { Readable } from 'node:stream'
import type { Db, Tx } from '../db/transaction.ts'

/** What the planner is told on a connection that reads leaves: each by index, never by going through all events. */
export const BY_INDEX = `
  set local enable_hashjoin = off; set local enable_mergejoin = off; set local jit = off;
  set local max_parallel_workers_per_gather = 0`

const EVENT = 'e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.mac'

/** The leaves [from, to) by index, with the events that are under them. @param only of these indexes; null for all */
export function selectLeaves(log: number, from: number, to: number | null, only: readonly number[] | null): string {
  const end = to === null ? '' : `and l.leaf_index < ${to}`
  const some = only === null ? '' : `and l.leaf_index = any('{${only.join(',')}}')`
  return `
    select l.leaf_index, l.leaf_hash, ${EVENT} from leaf l left join event e on e.leaf_hash = l.leaf_hash
    where l.log = ${log} and l.leaf_index >= ${from} ${end} ${some} order by l.leaf_index`
}

/** The events that lie between two places of the table, both included. */
export function selectPlaces(first: string, last: string): string {
  return `select -1::bigint, e.leaf_hash, ${EVENT} from event e where e.ctid >= '${first}' and e.ctid <= '${last}'`
}

/** The events that wait for the sealer, by stream and sequence. */
export function selectPending(log: number): string {
  return `
    select -1::bigint, e.leaf_hash, ${EVENT}
    from event e
    where e.leaf_hash in (select leaf_hash from event_pending)
      and not exists (select from leaf l where l.log = ${log} and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0)
    order by e.stream, e.seq`
}

/**
 * Reads rows as the server's binary COPY sends them, at a quarter of what a cursor costs.
 * @param take is called with each row, whose `leafInput` lies in a buffer that is used again
 */
export async function copyRows(db: Db | Tx, select: string, take: (row: CopiedRow) => void): Promise<void> {
  await copyMessages(db, select, (chunk, first) => readRow(chunk, first, take))
}

async function copyMessages(db: Db | Tx, select: string, read: (chunk: Buffer, first: number) => number) {
  const stream: Readable = await db.unsafe(`copy (${select}) to stdout (format binary)`).readable()
  let at = HEADER_BYTES
  for await (const chunk of stream) {
    // Whole messages, one or several: the header first, then a row each, then the end, which says -1.
    while (at < chunk.length && chunk.readInt16BE(at) >= 0) at = read(chunk, at + FIELDS_BYTES)
    at = 0
  }
}

/** The leaves [from, to) by index, without their events. */
export async function copyBareLeaves(
  db: Db | Tx,
  { log, from, to }: { log: number; from: number; to: number },
  take: (leafIndex: number, leaf: string) => void,
): Promise<void> {
  const select = `
    select leaf_index, leaf_hash from leaf
    where log = ${log} and leaf_index >= ${from} and leaf_index < ${to} order by leaf_index`
  await copyMessages(db, select, (chunk, first) => {
    const fields = createFields(chunk, first)
    take(fields.whole(), fields.bytes() ?? '')
    return fields.at()
  })
}

/** Every stream with the place and the hash of its last event. */
export async function copyHeads(db: Db | Tx, take: (stream: string, seq: number, leaf: string) => void): Promise<void> {
  await copyMessages(db, 'select stream, seq, hash from stream_head', (chunk, first) => {
    const fields = createFields(chunk, first)
    take(fields.text() ?? '', fields.whole(), fields.bytes() ?? '')
    return fields.at()
  })
}

/** @param select leaf hashes with what stands beside them, a text */
export async function copyTexts(
  db: Db | Tx,
  select: string,
  take: (leaf: string, text: string) => void,
): Promise<void> {
  await copyMessages(db, select, (chunk, first) => {
    const fields = createFields(chunk, first)
    take(fields.bytes() ?? '', fields.text() ?? '')
    return fields.at()
  })
}

function createFields(chunk: Buffer, first: number) {
  let at = first
  /** Goes behind the field. @returns its length; -1 for null */
  const next = (): number => {
    const length = chunk.readInt32BE(at)
    at += 4 + Math.max(0, length)
    return length
  }
  return {
    next,
    at: () => at,
    whole(): number {
      next()
      return chunk.readInt32BE(at - 8) * 2 ** 32 + chunk.readUInt32BE(at - 4)
    },
    text(): string | null {
      const length = next()
      return length < 0 ? null : chunk.toString('utf8', at - length, at)
    },
    bytes(): string | null {
      const length = next()
      return length < 0 ? null : chunk.toString('latin1', at - length, at)
    },
  }
}

/** @returns where the next row begins */
function readRow(chunk: Buffer, first: number, take: (row: CopiedRow) => void): number {
  const { next, at, whole, text, bytes } = createFields(chunk, first)
  const leafIndex = whole()
  const leaf = bytes() ?? ''
  const stream = text()
  if (stream === null) {
    for (let field = 3; field < FIELDS; field++) next()
    take({ leafIndex, leaf, event: null })
    return at()
  }
  const [seq, type, v, atMs] = [whole(), text() ?? '', whole(), whole()]
  const length = next()
  // The byte before the body is the last of its length, which is read: there the zero goes that a leaf begins with.
  chunk[at() - length - 1] = 0
  const leafInput = chunk.subarray(at() - length - 1, at())
  const prev = bytes()
  const prevHex = prev === null ? null : chunk.toString('hex', at() - HASH_BYTES, at())
  const mac = bytes() ?? ''
  take({ leafIndex, leaf, event: { stream, seq, type, v, at: atMs, leafInput, prev, prevHex, mac } })
  return at()
}

const HEADER_BYTES = 19
const FIELDS_BYTES = 2
const FIELDS = 10
const HASH_BYTES = 32

/** Hashes are strings of one character a byte: a buffer for each would cost more than hashing. */
export interface CopiedRow {
  readonly leafIndex: number
  readonly leaf: string
  /** Null for a leaf that no event is under. */
  readonly event: CopiedEvent | null
}

export interface CopiedEvent {
  readonly stream: string
  readonly seq: number
  readonly type: string
  readonly v: number
  readonly at: number
  /** A zero and the bytes of the body: what the hash of the leaf is made of. */
  readonly leafInput: Buffer
  readonly prev: string | null
  /** The same in hex, as the body has it. */
  readonly prevHex: string | null
  readonly mac: string
}
