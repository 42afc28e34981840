import type { Db, Tx } from '../db/transaction.ts'
import type { MacKeys } from './mac-keys.ts'
import type { EventRecord } from './record.ts'
import { type EventRow, faultOf } from './recorded-event.ts'
import { canonicalJson } from './verify.ts'

export const PRUNED = 'record.pruned'
/** Nothing is pruned while the record is checked: what was read of it would not fit what is read later. */
const CHECKED_WITHOUT_PRUNING = 0x7072756e

/** Leaves whose events an event of ours says were pruned, of one log. Plain data: it goes to other threads. */
export interface Pruned {
  /** First and last leaf index of each run, ascending. */
  readonly runs: readonly (readonly [number, number])[]
  readonly leaves: number
  /** What each of those events claims. */
  readonly claims: readonly PrunedClaim[]
}

export interface PrunedClaim {
  readonly stream: string
  readonly seq: number
  readonly at: number
  /** Nothing recorded after this was pruned, it says. */
  readonly cutoff: number
  readonly retentionYears: number
  /** First and last leaf index of each run. */
  readonly runs: readonly (readonly [number, number])[]
  /** The highest leaf index. */
  readonly last: number
}

type PlacedRow = EventRow & { readonly leafIndex: number | null }

/** What our own events say was pruned: those that carry our MAC. What another hand wrote explains nothing. */
export async function readPruned(db: Db | Tx, macKeys: MacKeys, origin: string): Promise<Pruned> {
  const rows = await db<PlacedRow[]>`
    select stream, seq, type, v, at, body, prev, e.leaf_hash as "leafHash", mac, l.leaf_index as "leafIndex"
    from event e left join leaf l on l.log = (select max(id) from log) and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0
    where type = ${PRUNED} order by seq`
  return addUpPruned(
    rows
      .filter((row) => faultOf(row, macKeys, row.leafIndex) === null)
      .map((row) => ({ ...row, data: JSON.parse(row.body).data })),
    origin,
  )
}

/** As `readPruned`, with the record that reads the stream, chain and all. @throws RecordTampered */
export async function readPrunedStream(
  { record }: { readonly record: EventRecord },
  db: Db | Tx,
  { stream, origin }: { readonly stream: string; readonly origin: string },
): Promise<Pruned> {
  return addUpPruned(await record.readStream(db, stream), origin)
}

/** Whether our own events say that this stream was pruned. */
export async function wasPruned(db: Db | Tx, macKeys: MacKeys, stream: string): Promise<boolean> {
  const rows = await db<PlacedRow[]>`
    select stream, seq, type, v, at, body, prev, e.leaf_hash as "leafHash", mac, l.leaf_index as "leafIndex"
    from event e left join leaf l on l.log = (select max(id) from log) and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0
    where type = ${PRUNED} and strpos(body, ${canonicalJson(stream)}) > 0`
  return rows.some(
    (row) => faultOf(row, macKeys, row.leafIndex) === null && JSON.parse(row.body).data.streams.includes(stream),
  )
}

export function isPruned({ runs }: Pick<Pruned, 'runs'>, leafIndex: number): boolean {
  let [low, high] = [0, runs.length - 1]
  while (low <= high) {
    const middle = (low + high) >> 1
    const [first, last] = runs[middle] ?? [0, -1]
    if (leafIndex < first) high = middle - 1
    else if (leafIndex > last) low = middle + 1
    else return true
  }
  return false
}

/** Until the session ends, nothing is pruned. */
export async function holdOffPruning(db: Db): Promise<void> {
  await db`select pg_advisory_lock_shared(${CHECKED_WITHOUT_PRUNING})`
}

/** Until the transaction ends, nobody checks the record. @returns false when somebody does */
export async function lockPruning(tx: Tx): Promise<boolean> {
  const [row] = await tx<{ held: boolean }[]>`
    select pg_try_advisory_xact_lock(${CHECKED_WITHOUT_PRUNING}) as held`
  return row?.held === true
}

/** Removes the events of the streams that an event `record.pruned` names, and what hangs on them. @param saidBy hex */
export async function pruneStreams(tx: Tx, saidBy: string): Promise<void> {
  await tx`select prune_streams(decode(${saidBy}, 'hex'))`
}

/** Ascending leaf indexes as an event carries them. */
export function runsInWords(leaves: readonly number[]): string {
  return runsOf(leaves)
    .map(([first, last]) => (first === last ? String(first) : `${first}-${last}`))
    .join(',')
}

function runsOf(leaves: Iterable<number>): [number, number][] {
  const runs: [number, number][] = []
  for (const leaf of leaves) {
    const last = runs.at(-1)
    if (last && leaf <= last[1] + 1) last[1] = Math.max(last[1], leaf)
    else runs.push([leaf, leaf])
  }
  return runs
}

/** What events say was pruned, whoever read them: that they are ours, the caller has seen. */
export function addUpPruned(events: readonly ClaimingEvent[], origin: string): Pruned {
  const ours = events.filter(({ type, data }) => type === PRUNED && data.origin === origin)
  const all = ours.flatMap(({ data }) => readRuns(data.leaves)).toSorted((a, b) => a[0] - b[0])
  const runs: [number, number][] = []
  for (const [first, last] of all) {
    const before = runs.at(-1)
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else runs.push([first, last])
  }
  const claims = ours.map(({ stream, seq, at, data }) => ({
    ...{ stream, seq, at, cutoff: Number(data.cutoff), retentionYears: Number(data.retentionYears) },
    ...{ runs: readRuns(data.leaves), last: Math.max(-1, ...readRuns(data.leaves).map(([, last]) => last)) },
  }))
  return { runs, leaves: runs.reduce((sum, [first, last]) => sum + last - first + 1, 0), claims }
}

function readRuns(words: unknown): [number, number][] {
  if (typeof words !== 'string' || words === '') return []
  return words.split(',').flatMap((run): [number, number][] => {
    const [, first, last] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(run) ?? []
    return first === undefined ? [] : [[Number(first), Number(last ?? first)]]
  })
}

export interface ClaimingEvent {
  readonly stream: string
  readonly seq: number
  readonly at: number
  readonly type: string
  readonly data: Readonly<Record<string, unknown>>
}
