import type { Db, Tx } from '../db/transaction.ts'
import type { Found } from './log-difference.ts'
import type { MacKeys } from './mac-keys.ts'
import { isPruned, readPruned } from './pruned.ts'
import { newestSigned } from './read-checkpoints.ts'
import { createHandOverReader, keysAround } from './read-hand-overs.ts'
import { parseOrNull } from './recorded-event.ts'
import { growTree } from './tree.ts'
import { type Body, isBreak, openInForce, originStream, Refused, startsLog, type TreeHead } from './verify.ts'

const PAGE = 10_000

/**
 * What this log says of the one before, whose signing key was lost; null for a log that begins otherwise. That its first
 * event is ours, others check.
 */
export async function readBreak(db: Db | Tx, log: number): Promise<TrustBreak | null> {
  const first = await readFirst(db, log)
  if (first === null || !isBreak(first)) return null
  const { previousOrigin, lostKey, by, notes, fork, had } = first.data
  const held = (Array.isArray(notes) ? notes : []).map((one) => ({
    witness: String(one?.witness),
    note: String(one?.note),
  }))
  const gone = fork === 'behind-witness' && typeof had === 'number' ? had : null
  return {
    at: first.at,
    by: String(by),
    origin: String(previousOrigin),
    lostKey: String(lostKey),
    notes: held,
    had: gone,
  }
}

/**
 * The events with which this log and those before it began, the newest first, as far as they go into evidence: where a key was
 * lost into all of it, after a restore into that of what was recorded before. That they are ours, others check.
 * @param since when what the evidence is about began, epoch ms
 */
export async function readStarts(db: Db | Tx, log: number, since: number): Promise<Body[]> {
  const found = new Map<string, Body>()
  for (let start = await readFirst(db, log); start !== null && !found.has(start.stream); ) {
    found.set(start.stream, start)
    const [row] = await db<{ body: string }[]>`
      select body from event where stream = ${originStream(String(start.data.previousOrigin))} and seq = 1`
    const before = parseOrNull(row?.body ?? '')
    start = before !== null && startsLog(before) ? before : null
  }
  return [...found.values()].filter((start) => isBreak(start) || start.at >= since)
}

async function readFirst(db: Db | Tx, log: number): Promise<Body | null> {
  const [row] = await db<{ body: string }[]>`
    select e.body from leaf l join event e on e.leaf_hash = l.leaf_hash where l.log = ${log} and l.leaf_index = 0`
  const first = parseOrNull(row?.body ?? '')
  return first !== null && startsLog(first) ? first : null
}

/**
 * Compares what came along from the log before with what its own key signed last, as the first event of this log has it
 * from the witnesses: nobody who has the new key alone can add to that part, or take from it.
 */
export async function checkBefore(
  db: Db | Tx,
  { log, before, macKeys }: { readonly log: number; readonly before: TrustBreak; readonly macKeys: MacKeys },
  found: Found,
): Promise<Carried> {
  const { origin, lostKey } = before
  const [old] = await db<{ id: number; had: number }[]>`
    select id, (select coalesce(max(leaf_index) + 1, 0) from leaf where log = log.id) as had
    from log where origin = ${origin}`
  const confirmed = await headsOf(db, before, found)
  const signed = Math.max(0, ...confirmed.map(({ size }) => size))
  // Said at the beginning, under the new key. What is gone since nobody said, and is a difference.
  const isCut = old !== undefined && old.had === before.had && signed > old.had
  const heads = isCut ? await headsWithin(db, before, { ...old, confirmed }) : confirmed
  const pruned = await readPruned(db, macKeys, origin)
  const tree = growTree(0, () => Buffer.alloc(0))
  const covered = Math.max(0, ...heads.map(({ size }) => size))
  let place = 0
  let size = 0
  for (let page = PAGE; page === PAGE; ) {
    const rows = await db<{ leaf: Buffer; index: number | null }[]>`
      select o.leaf_hash as leaf, n.leaf_index as index
      from leaf o left join leaf n on n.log = ${log} and n.leaf_hash = o.leaf_hash
      where o.log = ${old?.id ?? 0} and o.leaf_index >= ${size} order by o.leaf_index limit ${PAGE}`
    page = rows.length
    for (const { leaf, index } of rows) {
      const where = `leaf ${size} of ${origin}`
      if (index === null && !isPruned(pruned, size)) found('before-differs', `${where}, which did not come along`)
      if (index !== null && index <= place) found('before-differs', `${where}, which stands at leaf ${index}`)
      place = index ?? place
      size++
      if (size > covered) continue
      tree.append(leaf, () => undefined)
      for (const head of heads) {
        if (head.size === size && !head.root.equals(tree.root())) {
          found('before-differs', `the first ${size} events of ${origin}, which ${lostKey} signed`)
        }
      }
    }
  }
  if (size < covered) found('before-differs', `${origin} has ${size} events, and ${lostKey} signed ${covered}`)
  return {
    covered: Math.min(covered, size),
    uncovered: Math.max(0, size - covered),
    lost: isCut ? signed - old.had : 0,
  }
}

/** What the lost key had signed of what is still there: in the database too only that key could have signed it. */
async function headsWithin(
  db: Db | Tx,
  { origin, lostKey }: TrustBreak,
  { id, had, confirmed }: { readonly id: number; readonly had: number; readonly confirmed: readonly TreeHead[] },
): Promise<TreeHead[]> {
  const { keys } = keysAround(lostKey, await createHandOverReader(db, origin)())
  const own = await newestSigned(db, { log: id, keys, upTo: had })
  return [...confirmed.filter(({ size }) => size <= had), ...(own === null ? [] : [own.checkpoint])]
}

async function headsOf(db: Db | Tx, { origin, lostKey, notes }: TrustBreak, found: Found): Promise<TreeHead[]> {
  const { keys } = keysAround(lostKey, await createHandOverReader(db, origin)())
  return notes.flatMap(({ witness, note }) => {
    try {
      return [openInForce(note, keys)]
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      found('before-differs', `the note of witness ${witness}, which ${lostKey} did not sign: ${error.message}`)
      return []
    }
  })
}

/** Where a log ends whose signing key was lost, and another log goes on. */
export interface TrustBreak {
  /** Epoch ms. */
  readonly at: number
  /** Who said so. */
  readonly by: string
  /** Of the log whose key was lost. */
  readonly origin: string
  readonly lostKey: string
  /** What the witnesses held of it. */
  readonly notes: readonly { readonly witness: string; readonly note: string }[]
  /** How many events the database had of it, where a restore had cut its end; null where it had not. */
  readonly had: number | null
}

/** What came along. */
export interface Carried {
  /** Of how many of its events the old log's own key vouches. */
  readonly covered: number
  /** How many came after those, and rest on the new key alone. */
  readonly uncovered: number
  /** How many it had signed that a restore had cut off before this log began: 0 for none. */
  readonly lost: number
}
