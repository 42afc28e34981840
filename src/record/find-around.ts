import type { Db, Tx } from '../db/transaction.ts'

/**
 * Leaf hashes, in hex, of the events of a type in one stream: the last one before a stretch of time, and those in it. A
 * hint, not a proof.
 * @param of.from epoch ms, inside; `until` too. At most so many are found in it
 */
export async function findAround(db: Db | Tx, { stream, type, from, until, most }: Around): Promise<string[]> {
  const rows = await db<{ hash: string }[]>`
    (select encode(leaf_hash, 'hex') as hash from event
      where type = ${type} and stream = ${stream} and at < ${from} order by at desc, seq desc limit 1)
    union all
    (select encode(leaf_hash, 'hex') as hash from event
      where type = ${type} and stream = ${stream} and at >= ${from} and at <= ${until} order by at, seq limit ${most})`
  return rows.map(({ hash }) => hash)
}

interface Around {
  readonly stream: string
  readonly type: string
  readonly from: number
  readonly until: number
  readonly most: number
}
