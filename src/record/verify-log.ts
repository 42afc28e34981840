import type { Db, Tx } from '../db/transaction.ts'
import type { Difference, DifferenceKind, Found, WitnessHead } from './log-difference.ts'
import { type EventRow, faultOf } from './recorded-event.ts'
import type { NoteKey } from './verify.ts'
import { createTreeCheck } from './verify-tree.ts'
import { type Witnessed, WitnessNoteWrong } from './witnessed.ts'

const PAGE = 2_000
const MOST_DIFFERENCES = 1_000

/**
 * Checks all of the record, in one moment of the database and in little memory: bodies, columns and MACs, chains and
 * heads, the tree and its tiles, checkpoints, what the witnesses hold, and that nothing is outside the tree but what
 * waits for the sealer.
 * @throws WitnessUnreachable: without the witnesses nothing is proved
 */
export async function verifyLog(db: Db, macKey: Buffer, witnessed: Witnessed): Promise<LogVerdict> {
  const differences: Difference[] = []
  const found = (what: DifferenceKind, where: string, since: number | null = null) => {
    if (differences.length < MOST_DIFFERENCES) differences.push({ what, where, since })
  }
  // Asked first: the tree of a confirmed checkpoint was committed before it.
  const heads = await witnessHeads(witnessed, found)
  const size = await db.begin('isolation level repeatable read read only', async (tx) => {
    const [log] = await tx<{ id: number; origin: string }[]>`select id, origin from log order by id desc limit 1`
    if (log && log.origin !== witnessed.origin) found('another-origin', log.origin)
    const id = log?.id ?? 0
    const leaves = await checkLeaves(tx, id, macKey, witnessed.key, heads, found)
    await checkChains(tx, found)
    await checkUnsealed(tx, id, macKey, found)
    await checkReceipts(tx, id, found)
    for (const difference of differences) await date(tx, id, difference)
    return leaves
  })
  return {
    ok: differences.length === 0,
    size,
    witnesses: heads.map(({ holder, size }) => ({ witness: holder, size })),
    differences,
  }
}

async function witnessHeads(witnessed: Witnessed, found: Found): Promise<WitnessHead[]> {
  try {
    const notes = await witnessed.ask()
    return notes.flatMap((note) => (note ? [{ ...note.checkpoint, holder: note.witness }] : []))
  } catch (error) {
    if (!(error instanceof WitnessNoteWrong)) throw error
    found('witness-note-wrong', error.message)
    return []
  }
}

/** Every leaf: its event, and its place in the tree, the tiles and the checkpoints. */
async function checkLeaves(
  tx: Tx,
  log: number,
  macKey: Buffer,
  key: NoteKey,
  heads: readonly WitnessHead[],
  found: Found,
) {
  const tree = await createTreeCheck(tx, log, key, heads, found)
  let next = 0
  for (;;) {
    const rows = await tx<LeafRow[]>`
      select l.leaf_index as "leafIndex", l.leaf_hash as leaf, e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev,
        e.leaf_hash as "leafHash", e.mac
      from leaf l left join event e on e.leaf_hash = l.leaf_hash
      where l.log = ${log} and l.leaf_index >= ${next} order by l.leaf_index limit ${PAGE}`
    for (const row of rows) {
      if (row.leafIndex !== next)
        found('leaf-missing', next === row.leafIndex - 1 ? leaf(next) : `${leaf(next)} to ${row.leafIndex - 1}`)
      next = row.leafIndex + 1
      const fault = row.stream === null ? 'event-missing' : faultOf(row, macKey)
      if (fault)
        found(fault, row.stream === null ? leaf(row.leafIndex) : `${row.stream} #${row.seq}, ${leaf(row.leafIndex)}`)
      await tree.add(row.leafIndex, row.leaf)
    }
    if (rows.length < PAGE) break
  }
  await tree.end()
  return next
}

/** By stream, on columns alone: that they are those of the body is checked with each event. */
async function checkChains(tx: Tx, found: Found): Promise<void> {
  let after: ChainRow | null = null
  for (;;) {
    const rows: ChainRow[] = await tx<ChainRow[]>`
      select e.stream, e.seq, e.prev, e.leaf_hash as hash, h.seq as "headSeq", h.hash as "headHash"
      from event e left join stream_head h on h.stream = e.stream
      where (e.stream, e.seq) > (${after?.stream ?? ''}, ${after?.seq ?? 0}) order by e.stream, e.seq limit ${PAGE}`
    for (const row of rows) {
      const before: ChainRow | null = after?.stream === row.stream ? after : null
      if (after && !before) checkHead(after, found)
      const follows =
        row.seq === (before?.seq ?? 0) + 1 &&
        (row.prev?.toString('hex') ?? null) === (before?.hash.toString('hex') ?? null)
      if (!follows) found('chain-broken', `${row.stream} #${row.seq}`)
      after = row
    }
    if (rows.length < PAGE) break
  }
  if (after) checkHead(after, found)
  const orphans = await tx<{ stream: string; seq: number }[]>`
    select stream, seq from stream_head h where not exists (select from event e where e.stream = h.stream)
    order by stream limit ${MOST_DIFFERENCES}`
  for (const { stream, seq } of orphans) found('stream-missing', `${stream}, whose head stands at ${seq}`)
}

function checkHead({ stream, seq, hash, headSeq, headHash }: ChainRow, found: Found): void {
  if (headSeq === seq && headHash?.equals(hash)) return
  found('head-differs', `${stream} ends at ${seq}, its head stands at ${headSeq ?? 'nothing'}`)
}

/** Events that no leaf is for: those that wait must be ours, and there must be no others. */
async function checkUnsealed(tx: Tx, log: number, macKey: Buffer, found: Found): Promise<void> {
  let after = { stream: '', seq: 0 }
  for (;;) {
    const rows: (EventRow & { isPending: boolean })[] = await tx<(EventRow & { isPending: boolean })[]>`
      select e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
        exists (select from event_pending p where p.leaf_hash = e.leaf_hash) as "isPending"
      from event e
      where (e.stream, e.seq) > (${after.stream}, ${after.seq})
        and not exists (select from leaf l where l.log = ${log} and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0)
      order by e.stream, e.seq limit ${PAGE}`
    for (const row of rows) {
      const fault = faultOf(row, macKey)
      if (fault || !row.isPending) found(fault ?? 'never-sealed', `${row.stream} #${row.seq}, under no leaf`)
      after = row
    }
    if (rows.length < PAGE) return
  }
}

/** A receipt is written after its checkpoint. */
async function checkReceipts(tx: Tx, log: number, found: Found): Promise<void> {
  const rows = await tx<{ size: number; at: number }[]>`
    select distinct on (r.size) r.size, r.at from witness_receipt r
    where r.log = ${log} and not exists (select from checkpoint c where c.log = r.log and c.size = r.size)
    order by r.size limit ${MOST_DIFFERENCES}`
  for (const { size, at } of rows)
    found('checkpoint-missing', `checkpoint of size ${size}, which a witness confirmed`, at)
}

/** When the record was last known to be right there: the first checkpoint over that leaf. */
async function date(tx: Tx, log: number, difference: Difference): Promise<void> {
  const [, index] = /leaf (\d+)/.exec(difference.where) ?? []
  if (difference.since !== null || index === undefined) return
  const [row] = await tx<{ at: number }[]>`
    select at from checkpoint where log = ${log} and size > ${Number(index)} order by size limit 1`
  difference.since = row?.at ?? null
}

function leaf(index: number): string {
  return `leaf ${index}`
}

export interface LogVerdict {
  readonly ok: boolean
  /** Leaves. */
  readonly size: number
  /** What each witness confirmed, and so how much of the record rests on more than this database. */
  readonly witnesses: readonly { readonly witness: string; readonly size: number }[]
  /** At most 1,000. */
  readonly differences: readonly Difference[]
}

type LeafRow = { readonly leafIndex: number; readonly leaf: Buffer } & (EventRow | { readonly stream: null })

interface ChainRow {
  readonly stream: string
  readonly seq: number
  readonly prev: Buffer | null
  readonly hash: Buffer
  readonly headSeq: number | null
  readonly headHash: Buffer | null
}
