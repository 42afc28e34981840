import type { Db } from '../db/transaction.ts'
import { POPULATION_SLACK_MS } from './verify.ts'

/**
 * The leaves among which every event of [from, until) lies: from one that is an hour older than the period, or the first,
 * to one that is an hour younger, or the last. Leaves stand nearly in the order of their times, so halving finds them.
 * @param size of a tree that is not empty
 */
export async function findRange(db: Db, log: number, size: number, { from, until }: Span): Promise<LeafRange> {
  const first = await firstWhere(size, async (leaf) => (await timeOf(db, log, leaf)) > from - POPULATION_SLACK_MS)
  const end = await firstWhere(size, async (leaf) => (await timeOf(db, log, leaf)) >= until + POPULATION_SLACK_MS)
  return { first: Math.min(Math.max(0, first - 1), size - 1), end: Math.min(Math.max(end, first) + 1, size) }
}

/** The first leaf of which it is so, the one before it being known not to be; `size` where of none. */
async function firstWhere(size: number, isSo: (leaf: number) => Promise<boolean>): Promise<number> {
  let [before, found] = [-1, size]
  while (found - before > 1) {
    const middle = Math.floor((before + found) / 2)
    if (await isSo(middle)) found = middle
    else before = middle
  }
  return found
}

/** Of the first event from a leaf on that was not pruned; behind the last one it is later than all. */
async function timeOf(db: Db, log: number, leaf: number): Promise<number> {
  const [row] = await db<{ at: number }[]>`
    select e.at from leaf l join event e on e.leaf_hash = l.leaf_hash
    where l.log = ${log} and l.leaf_index >= ${leaf} order by l.leaf_index limit 1`
  return row?.at ?? Infinity
}

/** Epoch milliseconds; `from` is inside, `until` is not. */
export interface Span {
  readonly from: number
  readonly until: number
}

/** The leaves [first, end). */
export interface LeafRange {
  readonly first: number
  readonly end: number
}
