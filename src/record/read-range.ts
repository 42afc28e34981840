import type { Db } from '../db/transaction.ts'
import { PRUNED_STREAM } from '../domain/pruning-event.ts'
import type { LeafRange } from './find-range.ts'
import { isPruned, type Pruned, readPrunedStream } from './pruned.ts'
import type { EventRecord } from './record.ts'
import { TreeDamaged } from './tiles.ts'
import { leafHash } from './verify.ts'

/** So many are in memory at a time, at most 60 KiB each. */
const PAGE = 1_024

/**
 * The leaves of a range from left to right, with the bodies that they were made of. Of what was pruned, and is said to be,
 * only the hash is left.
 * @throws TreeDamaged where a body is missing without a word, or another
 */
export async function* readRange(
  record: EventRecord,
  db: Db,
  { log, origin }: { readonly log: number; readonly origin: string },
  { first, end }: LeafRange,
): AsyncGenerator<readonly RangeLeaf[]> {
  let pruned: Pruned | null = null
  for (let next = first; next < end; ) {
    const rows = await db<{ leafIndex: number; leaf: Buffer; body: string | null }[]>`
      select l.leaf_index as "leafIndex", l.leaf_hash as leaf, e.body
      from leaf l left join event e on e.leaf_hash = l.leaf_hash
      where l.log = ${log} and l.leaf_index >= ${next} and l.leaf_index < ${end}
      order by l.leaf_index limit ${PAGE}`
    if (rows.length === 0) throw new TreeDamaged(`leaf ${next} of ${origin} is missing`)
    if (pruned === null && rows.some(({ body }) => body === null)) {
      pruned = await readPrunedStream({ record }, db, { stream: PRUNED_STREAM, origin })
    }
    for (const { leafIndex, leaf, body } of rows) {
      const isGone = body === null && pruned !== null && isPruned(pruned, leafIndex)
      if (leafIndex !== next++ || !(isGone || (body !== null && leafHash(body).equals(leaf)))) {
        throw new TreeDamaged(`the event of leaf ${next - 1} of ${origin} is not the one that was sealed`)
      }
    }
    yield rows
  }
}

export interface RangeLeaf {
  readonly leafIndex: number
  readonly leaf: Buffer
  /** Null where it was pruned. */
  readonly body: string | null
}
