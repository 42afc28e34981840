import type { Db, Tx } from '../db/transaction.ts'
import { PRUNED_STREAM } from '../domain/pruning-event.ts'
import { isPruned, type Pruned, readPrunedStream } from './pruned.ts'
import type { EventRecord } from './record.ts'
import { type RecordedEvent, RecordTampered } from './recorded-event.ts'
import { readTree, TreeDamaged } from './tiles.ts'
import { growTree, inclusionProof } from './tree.ts'
import { canonicalJson, rootFromInclusion } from './verify.ts'
import { confirmedByAll, type Witnessed, type WitnessedNote } from './witnessed.ts'

/**
 * Reads a stream and trusts no table: hash, MAC and chain of every event, that it is under the newest checkpoint that
 * each witness confirmed, which our key signed, and that this checkpoint covers no other event of the stream: neither
 * a later one that was deleted, nor one between, in whose place another was appended since. For what must not happen
 * before its evidence has left the database, nor after a withdrawal that somebody deleted.
 * @param wholeFrom where the search for deleted events starts; it costs a look at every leaf since. `last` is enough
 * where everybody who appends reads in this way first
 * @throws RecordTampered, WitnessUnreachable, WitnessNoteWrong
 */
export async function readWitnessed(
  { record, witnessed }: { record: EventRecord; witnessed: Witnessed },
  db: Db | Tx,
  stream: string,
  wholeFrom: 'first' | 'last' = 'first',
): Promise<WitnessedStream> {
  // The checkpoint first: whatever it covers is then among the events. The other way round, an event that is recorded
  // and sealed in between would look like one that somebody deleted.
  const notes = await witnessed.newest()
  const [events, log] = await Promise.all([record.readStream(db, stream), findLog(db, witnessed.origin)])
  const checkpoint = confirmedByAll(notes)
  const covered = checkpoint?.checkpoint.size ?? 0
  const gap = events.findIndex(({ leafIndex }) => leafIndex === null || leafIndex >= covered)
  const proved = (gap < 0 ? events : events.slice(0, gap)) as (RecordedEvent & { leafIndex: number })[]
  const distinct = new Map(notes.flatMap((note) => (note ? [[note.note, note]] : [])))
  for (const note of distinct.values()) await proveIncluded(db, log, proved, note)
  const from = proved.at(wholeFrom === 'first' ? 0 : -1)
  if (from && checkpoint) {
    const readGone = () => readPrunedStream({ record }, db, { stream: PRUNED_STREAM, origin: witnessed.origin })
    await proveWhole(db, log, { from, known: proved, readGone }, checkpoint)
  }
  return { proved, waiting: events.slice(proved.length), checkpoint }
}

/** @throws RecordTampered when one of them is not at its place under the checkpoint */
export async function proveIncluded(
  db: Db | Tx,
  log: number,
  events: readonly (Pick<RecordedEvent, 'stream' | 'seq' | 'hash'> & { leafIndex: number })[],
  { witness, checkpoint: { size, root } }: WitnessedNote,
): Promise<void> {
  const proofs = await readTree(db, log, size, (read) =>
    events.map(({ leafIndex }) => inclusionProof(leafIndex, size, read)),
  ).catch(asTampered(events[0]?.stream ?? ''))
  events.forEach(({ stream, seq, hash, leafIndex }, place) => {
    const reached = rootFromInclusion(Buffer.from(hash, 'hex'), leafIndex, size, proofs[place] ?? [])
    if (!reached?.equals(root)) {
      throw new RecordTampered(
        stream,
        seq,
        `it is not under the checkpoint of ${size} that witness ${witness} confirmed`,
      )
    }
  })
}

/**
 * Proves that no event of a stream was deleted: that every leaf after the event `from` is there, under the checkpoint's
 * root, and is of an event of another stream, or of one that is known.
 */
async function proveWhole(
  db: Db | Tx,
  log: number,
  { from: { stream, seq, leafIndex }, known, readGone }: Proving,
  { witness, checkpoint: { size, root } }: WitnessedNote,
): Promise<void> {
  const first = leafIndex + 1
  const own = new Set(known.map(({ hash }) => hash))
  const [tree, after] = await Promise.all([
    readTree(db, log, first, (read) => growTree(first, read)).catch(asTampered(stream)),
    db<{ leaf: Buffer; isOther: boolean; isGone: boolean }[]>`
      select l.leaf_hash as leaf, e.body is null as "isGone", coalesce(
        sha256('\\x00'::bytea || convert_to(e.body, 'UTF8')) = l.leaf_hash
        and strpos(e.body, ${`"stream":${canonicalJson(stream)}`}) = 0, false) as "isOther"
      from leaf l left join event e on e.leaf_hash = l.leaf_hash
      where l.log = ${log} and l.leaf_index >= ${first} and l.leaf_index < ${size} order by l.leaf_index`,
  ])
  // Read afterwards: what is gone by then is named by then.
  const gone = after.some(({ isGone }) => isGone) ? await readGone() : null
  for (const [place, { leaf, isOther, isGone }] of after.entries()) {
    const isPrunedOther = isGone && gone !== null && isPruned(gone, first + place)
    if (!isOther && !isPrunedOther && !own.has(leaf.toString('hex'))) {
      throw new RecordTampered(stream, seq, `leaf ${first + place} may hold another event of it, and does not`)
    }
    tree.append(leaf, () => {})
  }
  if (!tree.root().equals(root)) {
    throw new RecordTampered(stream, seq, `the leaves after it are not those that witness ${witness} confirmed`)
  }
}

type Hashed = Pick<RecordedEvent, 'hash'>

interface Proving {
  readonly from: RecordedEvent & { leafIndex: number }
  readonly known: readonly Hashed[]
  /** What our own events say was pruned: never the events of a stream that goes on. */
  readonly readGone: () => Promise<Pruned>
}

function asTampered(stream: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof TreeDamaged ? new RecordTampered(stream, null, error.message) : error
  }
}

/** The number of the tree of this origin; 0, which no tree has, when nothing is sealed yet. */
export async function findLog(db: Db | Tx, origin: string): Promise<number> {
  const [row] = await db<{ id: number }[]>`select id from log where origin = ${origin}`
  return row?.id ?? 0
}

export interface WitnessedStream {
  /** The events, from the first, that are proved. */
  readonly proved: readonly RecordedEvent[]
  /** Those after them: not yet sealed, or not yet confirmed by every witness. */
  readonly waiting: readonly RecordedEvent[]
  /** The checkpoint that all of `proved` are under; null when a witness has confirmed none. */
  readonly checkpoint: WitnessedNote | null
}
