import type { Db, Tx } from '../db/transaction.ts'

/** Grants whose stream was closed before a moment, by name. @param after the last one that was looked at; '' to begin */
export async function findClosed(
  db: Db | Tx,
  { prefix, before, after, limit }: { prefix: string; before: number; after: string; limit: number },
): Promise<string[]> {
  const rows = await db<{ stream: string }[]>`
    select stream from event
    where type = 'closed' and stream > ${after} and starts_with(stream, ${prefix}) and at < ${before}
    order by stream limit ${limit}`
  return rows.map(({ stream }) => stream)
}

/** Everything that carries one of the ids at the end of its name, with the leaves, by stream. */
export async function findFamilies(db: Db | Tx, ids: readonly string[]): Promise<Family[]> {
  return await db<Family[]>`
    select h.stream, right(h.stream, 8) as id, max(e.at) as "lastAt",
      coalesce(array_agg(l.leaf_index order by l.leaf_index) filter (where l.leaf_index is not null), '{}')::float8[] as leaves,
      count(*) filter (where l.leaf_index is null) as unsealed
    from stream_head h join event e on e.stream = h.stream
    left join leaf l on l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log)
    where right(h.stream, 8) = any(${[...ids]}::text[])
    group by h.stream order by h.stream`
}

export interface Family {
  readonly stream: string
  readonly id: string
  /** Epoch ms of its last event. */
  readonly lastAt: number
  /** Ascending. */
  readonly leaves: readonly number[]
  readonly unsealed: number
}
