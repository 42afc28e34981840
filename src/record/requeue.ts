import type { Tx } from '../db/transaction.ts'

/**
 * Puts events of a stream back before the sealer that are under no tree and wait for none: somebody deleted their place.
 * @param before only what was recorded earlier, epoch ms
 * @returns how many
 */
export async function requeueUnsealed(tx: Tx, stream: string, before: number): Promise<number> {
  const rows = await tx`
    insert into event_pending (leaf_hash, at)
    select e.leaf_hash, e.at from event e
    where e.stream = ${stream} and e.at < ${before}
      and not exists (select from leaf l where l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log))
      and not exists (select from event_pending p where p.leaf_hash = e.leaf_hash)
    order by e.seq returning 1`
  return rows.length
}
