import type { Db } from '../db/transaction.ts'
import type { MacKeys } from './mac-keys.ts'
import { type EventRow, faultOf } from './recorded-event.ts'
import type { TiledTree } from './tiles.ts'

const MOST = 5_000

/**
 * Puts what is pending under the tree and commits it. Per stream by sequence, as the pending queue is: a stream's head
 * row is locked until its writer commits.
 * @returns null when nothing was pending
 * @throws LeaseLost when another session may be sealing: `tree` is then worth nothing
 */
export async function sealBatch(sql: Db, { log, tree, macKey, lease, at, endsWith }: Batch): Promise<Sealed | null> {
  const pending = await selectPending(sql, log)
  const [tail] = pending
  if (tail?.backend !== lease || (tail.lastLeaf ?? -1) !== tree.size() - 1) throw new LeaseLost()
  const rows = pending.filter((row) => row.id !== null)
  if (rows.length === 0) return null

  const good: EventRow[] = []
  const forged: Forged[] = []
  const restored: { stream: string; events: number }[] = []
  const inBatch = new Set<string>()
  const taken: PendingRow[] = []
  for (const row of rows) {
    taken.push(row)
    const fault = row.stream === null ? 'no such event' : faultOf(row, macKey)
    if (row.stream === null || fault) {
      const what = row.stream === null ? `pending row ${row.id}` : `${row.stream} #${row.seq}`
      forged.push({ what, why: fault ?? 'no such event' })
    } else if (!row.isSealed && !inBatch.has(row.leafHash.toString('hex'))) {
      const before =
        row.prev === null || row.prevIsSealed || inBatch.has(row.prev.toString('hex'))
          ? []
          : await findUnsealed(sql, log, row, macKey)
      if (before === null) {
        forged.push({ what: `${row.stream} #${row.seq}`, why: 'an event before it is missing' })
        continue
      }
      if (before.length > 0) restored.push({ stream: row.stream, events: before.length })
      for (const event of [...before, row]) {
        if (inBatch.has(event.leafHash.toString('hex'))) continue
        inBatch.add(event.leafHash.toString('hex'))
        good.push(event)
      }
      if (endsWith(row)) break
    }
  }
  const first = tree.size()
  for (const event of good) tree.append(event.leafHash)
  await commit(sql, { log, lease, first, good, forged, tree, at, ids: taken.map(({ id }) => id) })
  return { first, events: good, forged, restored, more: rows.length === MOST || taken.length < rows.length }
}

/**
 * One row at least: the end of the tree, and who asks. Each lookup by itself, by index: a fresh table has no statistics
 * yet, and the planner would read all of it for a handful of rows.
 */
async function selectPending(sql: Db, log: number) {
  return await sql<PendingRow[]>`
    select pg_backend_pid() as backend, t.leaf_index as "lastLeaf", p.id,
      e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
      own.log is not null as "isSealed", before.log is not null as "prevIsSealed"
    from (select max(leaf_index) as leaf_index from leaf where log = ${log}) t
    left join (select id, leaf_hash from event_pending order by id limit ${MOST}) p on true
    left join lateral (select * from event where leaf_hash = p.leaf_hash limit 1) e on true
    left join lateral (select log from leaf where log = ${log} and leaf_hash = p.leaf_hash limit 1) own on true
    left join lateral (select log from leaf where log = ${log} and leaf_hash = e.prev limit 1) before on true
    order by p.id`
}

/** The genuine events before this one that lost their place in the queue, oldest first; null when one is not there. */
async function findUnsealed(sql: Db, log: number, event: EventRow, macKey: MacKeys): Promise<EventRow[] | null> {
  const found: EventRow[] = []
  for (let prev = event.prev; prev !== null; ) {
    const [row] = await sql<(EventRow & { isSealed: boolean })[]>`
      select e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
        l.log is not null as "isSealed"
      from event e left join leaf l on l.log = ${log} and l.leaf_hash = e.leaf_hash
      where e.leaf_hash = ${prev}`
    if (!row) return null
    // Under a leaf it was checked, perhaps by a key of before.
    if (row.isSealed) break
    if (faultOf(row, macKey)) return null
    found.unshift(row)
    prev = row.prev
  }
  return found
}

/** One statement, so one transaction, and nothing at all when the session is not the one that holds the lock. */
async function commit(sql: Db, { log, lease, first, good, forged, tree, at, ids }: Commit): Promise<void> {
  const tiles = tree.takeChanged()
  const rows = await sql`
    with lease as (select 1 where pg_backend_pid() = ${lease}),
    leaves as (
      insert into leaf (log, leaf_index, leaf_hash)
      select ${log}, ${first} + n.place - 1, decode(n.hash, 'hex')
      from lease, unnest(${good.map(({ leafHash }) => leafHash.toString('hex'))}::text[]) with ordinality as n (hash, place)
    ),
    tiles as (
      insert into tile (log, level, tile_index, hashes)
      select ${log}, t.level, t.tile_index, decode(t.hashes, 'hex')
      from lease, unnest(
        ${tiles.map(({ level }) => level)}::smallint[],
        ${tiles.map(({ tileIndex }) => tileIndex)}::bigint[],
        ${tiles.map(({ hashes }) => hashes.toString('hex'))}::text[]
      ) as t (level, tile_index, hashes)
      on conflict (log, level, tile_index) do update set hashes = excluded.hashes
    ),
    refused as (
      insert into quarantine (what, why, at)
      select q.what, q.why, ${at}
      from lease, unnest(${forged.map(({ what }) => what)}::text[], ${forged.map(({ why }) => why)}::text[]) as q (what, why)
    ),
    done as (delete from event_pending using lease where id = any(${ids}::bigint[]))
    select from lease`
  if (rows.length === 0) throw new LeaseLost()
}

/** Our session or our place at the end of the tree is gone: take over again before anything is signed. */
export class LeaseLost extends Error {
  readonly code = 'LEASE_LOST'
  override name = 'LeaseLost'
}

export interface Batch {
  readonly log: number
  readonly tree: TiledTree
  readonly macKey: MacKeys
  /** Backend of the session that holds the lock. */
  readonly lease: number
  readonly at: number
  /** Whether nothing may come after an event before its checkpoint is signed. */
  endsWith(event: EventRow): boolean
}

export interface Sealed {
  /** Leaf index of the first event. */
  readonly first: number
  readonly events: readonly EventRow[]
  readonly forged: readonly Forged[]
  /** Streams of which genuine events had lost their place before the sealer, and have it again. */
  readonly restored: readonly { readonly stream: string; readonly events: number }[]
  readonly more: boolean
}

export interface Forged {
  readonly what: string
  readonly why: string
}

interface Commit extends Omit<Batch, 'macKey' | 'endsWith'> {
  readonly first: number
  readonly good: readonly EventRow[]
  readonly forged: readonly Forged[]
  readonly ids: readonly (number | null)[]
}

type PendingRow = { readonly backend: number; readonly lastLeaf: number | null; readonly id: number | null } & {
  readonly isSealed: boolean
  readonly prevIsSealed: boolean
} & (EventRow | { readonly stream: null })
