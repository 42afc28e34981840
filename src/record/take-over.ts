import type { Db } from '../db/transaction.ts'
import type { MacKeys } from './mac-keys.ts'
import type { LogKeys } from './read-hand-overs.ts'
import { type EventRow, faultOf } from './recorded-event.ts'
import { loadTree, readTree, type TiledTree, TreeDamaged } from './tiles.ts'
import { rangeRoot } from './tree.ts'
import { type KeySpan, openInForce, Refused, type TreeHead } from './verify.ts'
import type { Witnessed, WitnessedNote } from './witnessed.ts'

const PAGE = 2_000

/**
 * Loads the tree that this process will grow, and proves first that all that was ever confirmed is a prefix of it.
 * Leaves that no checkpoint covers yet (the sealer before us died in between) are checked one by one.
 * @throws RecordForked, WitnessUnreachable
 */
export async function takeOver(sql: Db, witnessed: Witnessed, macKey: MacKeys, at: number): Promise<Position> {
  const notes = (await witnessed.ask()).filter((note) => note !== null)
  const log = await findLog(sql, witnessed.origin, notes, at)
  const [last] = await sql<{ leafIndex: number }[]>`
    select leaf_index as "leafIndex" from leaf where log = ${log} order by leaf_index desc limit 1`
  const size = (last?.leafIndex ?? -1) + 1
  const logKeys = await witnessed.keys()
  const own = await newestCheckpoint(sql, log, logKeys.keys)
  const heads = [...notes.map(({ witness, checkpoint }) => ({ ...checkpoint, holder: `witness ${witness}` }))]
  if (own.head) heads.push({ ...own.head, origin: witnessed.origin, holder: 'the database itself' })
  for (const head of heads) await provePrefix(sql, log, size, head)

  const proved = Math.max(0, ...heads.map((head) => head.size))
  const tree = await loadTree(sql, log, proved)
  await takeUnsigned(sql, log, tree, size, macKey)
  return {
    log,
    tree,
    notes,
    logKeys,
    unsigned: (own.head?.size ?? 0) < size ? await readLast(sql, log) : null,
    alarms: [...own.alarms, ...(await forgotten(sql, log, witnessed, notes))],
  }
}

async function findLog(sql: Db, origin: string, notes: readonly WitnessedNote[], at: number): Promise<number> {
  const [newest] = await sql<{ id: number; origin: string }[]>`select id, origin from log order by id desc limit 1`
  if (newest?.origin === origin) return newest.id
  if (newest) {
    throw new RecordForked(
      'another-origin',
      `this record goes by the origin ${newest.origin}, not ${origin}: set LOG_ORIGIN back, or start a new origin`,
    )
  }
  const [note] = notes
  if (note) {
    throw new RecordForked(
      'behind-witness',
      `the database holds no record; witness ${note.witness} holds one of ${note.checkpoint.size} events`,
    )
  }
  await sql`insert into log (id, origin, started_at) values (1, ${origin}, ${at})`
  return 1
}

/** Our newest checkpoint in the database. Its signature counts; a row without a good one is only worth an alarm. */
async function newestCheckpoint(
  sql: Db,
  log: number,
  keys: readonly KeySpan[],
): Promise<{ head: TreeHead | null; alarms: Alarm[] }> {
  const rows = await sql<{ size: number; note: string }[]>`
    select size, note from checkpoint where log = ${log} order by size desc limit 1`
  for (const { size, note } of rows) {
    try {
      const checkpoint = openInForce(note, keys)
      if (checkpoint.origin === keys[0]?.key.name && checkpoint.size === size) return { head: checkpoint, alarms: [] }
    } catch (error) {
      if (!(error instanceof Refused)) throw error
    }
    return {
      head: null,
      alarms: [{ code: 'checkpoint-forged', message: `the checkpoint row of size ${size} is not ours` }],
    }
  }
  return { head: null, alarms: [] }
}

async function provePrefix(sql: Db, log: number, size: number, head: TreeHead & { holder: string }): Promise<void> {
  if (head.size > size) {
    throw new RecordForked('behind-witness', `${head.holder} confirmed ${head.size} events; the database has ${size}`)
  }
  const root = await readTree(sql, log, head.size, (read) => rangeRoot(0, head.size, read)).catch((error) => {
    if (error instanceof TreeDamaged) throw new RecordForked('tree-damaged', error.message, { cause: error })
    throw error
  })
  if (!root.equals(head.root)) {
    throw new RecordForked('not-a-prefix', `the first ${head.size} events are not those that ${head.holder} confirmed`)
  }
}

async function takeUnsigned(sql: Db, log: number, tree: TiledTree, size: number, macKey: MacKeys): Promise<void> {
  while (tree.size() < size) {
    const first = tree.size()
    const rows = await sql<({ leafIndex: number; leaf: Buffer } & (EventRow | { stream: null }))[]>`
      select l.leaf_index as "leafIndex", l.leaf_hash as leaf, e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev,
        e.leaf_hash as "leafHash", e.mac
      from leaf l left join event e on e.leaf_hash = l.leaf_hash
      where l.log = ${log} and l.leaf_index >= ${first} order by l.leaf_index limit ${PAGE}`
    for (const row of rows) {
      const fault = row.stream === null ? 'event-missing' : faultOf(row, macKey, row.leafIndex)
      if (fault || row.leafIndex !== tree.size()) {
        throw new RecordForked('leaf-forged', `leaf ${row.leafIndex} was not put there by a sealer: ${fault ?? 'gap'}`)
      }
      tree.append(row.leaf)
    }
    if (rows.length === 0) throw new RecordForked('tree-damaged', `leaf ${first} is missing`)
  }
}

async function readLast(sql: Db, log: number): Promise<LastEvent | null> {
  const [row] = await sql<LastEvent[]>`
    select e.stream, e.type, e.body from leaf l join event e on e.leaf_hash = l.leaf_hash
    where l.log = ${log} order by l.leaf_index desc limit 1`
  return row ?? null
}

type LastEvent = Pick<EventRow, 'stream' | 'type' | 'body'>

/** A witness that holds less than it once confirmed is no proof of a fork, but somebody should look at it. */
async function forgotten(
  sql: Db,
  log: number,
  witnessed: Witnessed,
  notes: readonly WitnessedNote[],
): Promise<Alarm[]> {
  const receipts = await sql<{ witness: string; size: number }[]>`
    select witness, max(size) as size from witness_receipt where log = ${log} group by witness`
  return receipts.flatMap(({ witness, size }) => {
    const holds = notes.find((note) => note.witness === witness)?.checkpoint.size ?? 0
    if (holds >= size || !witnessed.witnesses.some(({ name }) => name === witness)) return []
    return [
      {
        code: 'witness-forgot' as const,
        message: `witness ${witness} confirmed ${size} events and now holds ${holds}`,
      },
    ]
  })
}

/**
 * What was confirmed is not what the database holds: a restore, a failover that lost the tail, or a hand in the tables.
 * Nothing is signed until a person has looked; grants wait, revocations go on.
 */
export class RecordForked extends Error {
  readonly code = 'RECORD_FORKED'
  override name = 'RecordForked'
  readonly reason: ForkReason
  constructor(reason: ForkReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

export type ForkReason =
  | 'another-origin'
  | 'behind-witness'
  | 'not-a-prefix'
  | 'tree-damaged'
  | 'leaf-forged'
  | 'witness-note-wrong'
  | 'checkpoint-taken'
  | 'witness-refused'

export interface Alarm {
  readonly code:
    | 'forged-pending'
    | 'unsealed-events'
    | 'checkpoint-forged'
    | 'witness-forgot'
    | 'record-forked'
    | 'sealer-failed'
  readonly message: string
  /** Of which stream, where it is about one. */
  readonly stream?: string
}

export interface Position {
  readonly log: number
  readonly tree: TiledTree
  /** What each witness held. */
  readonly notes: readonly WitnessedNote[]
  readonly logKeys: LogKeys
  /** The last event of the tree, where no checkpoint of the database covers it yet. */
  readonly unsigned: LastEvent | null
  readonly alarms: readonly Alarm[]
}
