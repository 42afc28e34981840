import type { Db, Tx } from '../db/transaction.ts'
import { acceptedKeys, type RecordKeys } from './compose.ts'
import type { HeadCache } from './head-cache.ts'
import { wasPruned } from './pruned.ts'
import { bodyOf, type EventRow, faultOf, type RecordedEvent, RecordTampered } from './recorded-event.ts'
import { canonicalJson, saltedHash } from './verify.ts'

/**
 * Reads streams whole and checks what is cheap: hash, MAC, columns, chain, that the head is the last event, and that no
 * event is gone that this process saw sealed.
 * @returns an entry for every stream that was asked for, empty when nothing is recorded
 * @throws RecordTampered
 */
export async function readEvents(
  keys: RecordKeys,
  heads: HeadCache,
  db: Db | Tx,
  streams: readonly string[],
): Promise<Map<string, RecordedEvent[]>> {
  // Before the query: another read may come back sooner with more.
  const sealedTo = new Map(streams.map((stream) => [stream, heads.sealedTo(stream)]))
  const rows = await selectEvents(db, streams)
  const read = new Map<string, RecordedEvent[]>(streams.map((stream) => [stream, []]))
  for (const row of rows) {
    const events = read.get(row.stream) ?? []
    if (row.seq === null) throw new RecordTampered(row.stream, row.headSeq, 'its events are missing')
    const event = checkRow(keys, row as PresentRow, events.at(-1))
    events.push({ ...event, texts: openTexts(keys, event, row.texts ?? []) })
  }
  for (const row of rows) {
    const last = read.get(row.stream)?.at(-1)
    if (!last || row.seq !== last.seq) continue
    if (row.headSeq !== last.seq || row.headHash?.toString('hex') !== last.hash) {
      throw new RecordTampered(row.stream, last.seq, `its head stands at ${row.headSeq ?? 'nothing'}`)
    }
    heads.set({ stream: row.stream, seq: last.seq, hash: last.hash })
  }
  for (const [stream, events] of read) {
    await requireNotCut(keys, db, stream, events, sealedTo.get(stream) ?? 0)
    const last = events.findLast(({ leafIndex }) => leafIndex !== null)
    if (last && last.seq > heads.sealedTo(stream)) heads.sawSealed(stream, last.seq)
  }
  return read
}

/**
 * Reads events by their leaves, each checked by itself: hash, MAC and columns, not the chain.
 * @param leaves rising
 * @returns one for each leaf, in their order
 * @throws RecordTampered, also when no event is under a leaf
 */
export async function readLeaves(
  keys: RecordKeys,
  db: Db | Tx,
  log: number,
  leaves: readonly number[],
): Promise<ReadLeaf[]> {
  const rows = await db<(PresentRow & { leafIndex: number })[]>`
    select l.leaf_index as "leafIndex", e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
      (select json_agg(json_build_object('path', p.path, 'salt', encode(p.salt, 'hex'), 'sealed', encode(p.sealed, 'hex')))
        from private_text p where p.leaf_hash = e.leaf_hash) as texts
    from unnest(${[...leaves]}::bigint[]) as w (leaf_index)
    join leaf l on l.log = ${log} and l.leaf_index = w.leaf_index
    join event e on e.leaf_hash = l.leaf_hash
    order by l.leaf_index`
  if (rows.length !== leaves.length) {
    throw new RecordTampered('the log', null, `of ${leaves.length} leaves from ${leaves[0]} on, events are missing`)
  }
  return rows.map((row) => {
    const fault = faultOf(row, acceptedKeys(keys), row.leafIndex)
    if (fault) throw new RecordTampered(row.stream, row.seq, fault)
    const event = { ...bodyOf(row), body: row.body, texts: {}, hash: row.leafHash.toString('hex') }
    const texts = openTexts(keys, { ...event, leafIndex: row.leafIndex }, row.texts ?? [])
    const salts = Object.fromEntries((row.texts ?? []).map(({ path, salt }) => [path, salt]))
    return { ...event, leafIndex: row.leafIndex, texts, salts }
  })
}

/** An event under a leaf, with what proves its private texts. */
export type ReadLeaf = RecordedEvent & {
  readonly leafIndex: number
  /** Hex, by member of `data`. */
  readonly salts: Readonly<Record<string, string>>
}

/** Hashes and chain say nothing of events that are gone from the end together with the head: memory does. */
async function requireNotCut(
  keys: RecordKeys,
  db: Db | Tx,
  stream: string,
  events: readonly RecordedEvent[],
  sealedTo: number,
): Promise<void> {
  if (events.length >= sealedTo) return
  if (events.length === 0 && (await wasPruned(db, acceptedKeys(keys), stream))) return
  throw new RecordTampered(stream, sealedTo, `it was sealed, and now the stream ends at ${events.length}`)
}

function checkRow(keys: RecordKeys, row: PresentRow, before: RecordedEvent | undefined): RecordedEvent {
  const fault = faultOf(row, acceptedKeys(keys), row.leafIndex)
  if (fault) throw new RecordTampered(row.stream, row.seq, fault)
  const body = bodyOf(row)
  if (row.seq !== (before?.seq ?? 0) + 1 || body.prev !== (before?.hash ?? null)) {
    throw new RecordTampered(row.stream, row.seq, 'chain-broken')
  }
  return { ...body, body: row.body, texts: {}, hash: row.leafHash.toString('hex'), leafIndex: row.leafIndex }
}

function openTexts(keys: RecordKeys, event: RecordedEvent, rows: readonly TextRow[]): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const { path, salt, sealed } of rows) {
    try {
      texts[path] = keys.open(Buffer.from(sealed, 'hex'))
    } catch {
      throw new RecordTampered(event.stream, event.seq, `private text ${path} cannot be opened`)
    }
    const recorded = canonicalJson(event.data[path] ?? null)
    if (recorded !== canonicalJson({ salted: saltedHash(salt, texts[path]) })) {
      throw new RecordTampered(event.stream, event.seq, `private text ${path} is another`)
    }
  }
  return texts
}

/**
 * A row for each event; one without an event for a head that has none. One statement, so one moment. Each stream by
 * itself, by index: where the statistics are behind, the planner would read the whole record for one request.
 */
async function selectEvents(db: Db | Tx, streams: readonly string[]) {
  return await db<ReadRow[]>`
    select s.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
      l.leaf_index as "leafIndex", h.seq as "headSeq", h.hash as "headHash",
      (select json_agg(json_build_object('path', p.path, 'salt', encode(p.salt, 'hex'), 'sealed', encode(p.sealed, 'hex')))
        from private_text p where p.leaf_hash = e.leaf_hash) as texts
    from unnest(${[...new Set(streams)]}::text[]) as s (stream)
    left join lateral (select seq, hash from stream_head where stream = s.stream offset 0) h on true
    left join lateral (select * from event where stream = s.stream offset 0) e on true
    left join lateral (
      select leaf_index from leaf
      where leaf_hash = e.leaf_hash and log = (select max(id) from log) and leaf_index >= 0 offset 0
    ) l on true
    where e.seq is not null or h.seq is not null
    order by s.stream, e.seq`
}

interface PresentRow extends EventRow {
  readonly leafIndex: number | null
  readonly headSeq: number | null
  readonly headHash: Buffer | null
  readonly texts: readonly TextRow[] | null
}

type ReadRow = PresentRow | (Omit<PresentRow, 'seq'> & { readonly seq: null })

/** In hex. */
interface TextRow {
  readonly path: string
  readonly salt: string
  readonly sealed: string
}
