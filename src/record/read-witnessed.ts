import type { Db, Tx } from '../db/transaction.ts'
import type { EventRecord } from './record.ts'
import { type RecordedEvent, RecordTampered } from './recorded-event.ts'
import { readTree, TreeDamaged } from './tiles.ts'
import { inclusionProof } from './tree.ts'
import { rootFromInclusion } from './verify.ts'
import { confirmedByAll, type Witnessed, type WitnessedNote } from './witnessed.ts'

/**
 * Reads a stream and trusts no table: hash, MAC and chain of every event, and that it is under the newest checkpoint
 * that each witness confirmed, which our key signed. For what must not happen before its evidence has left the database.
 * @throws RecordTampered, WitnessUnreachable, WitnessNoteWrong
 */
export async function readWitnessed(
  { record, witnessed }: { record: EventRecord; witnessed: Witnessed },
  db: Db | Tx,
  stream: string,
): Promise<WitnessedStream> {
  const [events, log] = await Promise.all([record.readStream(db, stream), findLog(db, witnessed.origin)])
  const notes = await witnessed.newest()
  const checkpoint = confirmedByAll(notes)
  const covered = checkpoint?.checkpoint.size ?? 0
  const gap = events.findIndex(({ leafIndex }) => leafIndex === null || leafIndex >= covered)
  const proved = (gap < 0 ? events : events.slice(0, gap)) as (RecordedEvent & { leafIndex: number })[]
  const distinct = new Map(notes.flatMap((note) => (note ? [[note.note, note]] : [])))
  for (const note of distinct.values()) await prove(db, log, proved, note)
  return { proved, waiting: events.slice(proved.length), checkpoint }
}

async function prove(
  db: Db | Tx,
  log: number,
  events: readonly (RecordedEvent & { leafIndex: number })[],
  { witness, checkpoint: { size, root } }: WitnessedNote,
): Promise<void> {
  try {
    const proofs = await readTree(db, log, size, (read) =>
      events.map(({ leafIndex }) => inclusionProof(leafIndex, size, read)),
    )
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
  } catch (error) {
    if (!(error instanceof TreeDamaged)) throw error
    throw new RecordTampered(events[0]?.stream ?? '', null, error.message)
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
