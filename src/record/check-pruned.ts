import type { Db, Tx } from '../db/transaction.ts'
import type { Found } from './log-difference.ts'
import type { Pruned } from './pruned.ts'

const DAY_MS = 24 * 60 * 60_000
/** A leap year is longer: never shorter than what was promised. */
const SHORTEST_YEAR_MS = 365 * DAY_MS
/** What is recorded is under the tree within moments; a sealer that was held up for longer has raised an alarm. */
const SEALED_WITHIN_MS = DAY_MS

/**
 * Names what was pruned too early, with the events gone: leaves are in the order of their sealing, and Countersign
 * records something of its own every day, in a stream that is never pruned. A leaf that stands after an event of a later
 * time than the cutoff was itself sealed later.
 * @param own that stream
 */
export async function nameEarlyPruning(
  db: Db | Tx,
  { log, own, pruned }: { log: number; own: string; pruned: Pruned },
  found: Found,
): Promise<void> {
  if (pruned.claims.length === 0) return
  const marks = await db<{ at: number; leafIndex: number }[]>`
    select e.at, l.leaf_index as "leafIndex" from event e join leaf l on l.leaf_hash = e.leaf_hash and l.log = ${log}
    where e.stream = ${own} order by l.leaf_index`
  for (const { where, at } of findEarlyPruning(pruned.claims, marks)) found('pruned-early', where, at)
}

/** The same, wherever the events were read. @param marks times of our own stream with their leaves, by rising leaf */
export function findEarlyPruning(
  claims: Pruned['claims'],
  marks: readonly { readonly at: number; readonly leafIndex: number }[],
): { readonly where: string; readonly at: number }[] {
  return claims.flatMap(({ stream, seq, at, cutoff, retentionYears, last }) => {
    const where = `${stream} #${seq}`
    const isShort = !(cutoff <= at - retentionYears * SHORTEST_YEAR_MS)
    const later = marks.find((mark) => mark.at > cutoff + SEALED_WITHIN_MS)
    const isYoung = later !== undefined && later.leafIndex < last
    return [
      ...(isShort ? [{ where: `${where} says ${retentionYears} years, and its cutoff is later`, at }] : []),
      ...(isYoung ? [{ where: `${where}: leaf ${last} was sealed after ${new Date(cutoff).toISOString()}`, at }] : []),
    ]
  })
}
