import type { Db } from '../db/transaction.ts'
import { findLog } from './read-witnessed.ts'
import { readTree, TreeDamaged } from './tiles.ts'
import { growTiles, TILE_WIDTH, type TileGrowth } from './tlog-tiles.ts'
import { rangeRoot } from './tree.ts'
import { EMPTY_ROOT, leafHash } from './verify.ts'

/** So many entries are in memory at a time, at most 60 KiB each. */
const PAGE = 1_024

/** The sealed log in the database, for whoever brings it elsewhere. Only what leaf hashes are made of: no private text. */
export function createLogSource(db: Db): LogSource {
  async function* entries(origin: string, from: number, to: number): AsyncGenerator<Buffer[]> {
    const log = await findLog(db, origin)
    for (let next = from; next < to; ) {
      const rows = await db<{ leafIndex: number; leaf: Buffer; body: string | null }[]>`
        select l.leaf_index as "leafIndex", l.leaf_hash as leaf, e.body
        from leaf l left join event e on e.leaf_hash = l.leaf_hash
        where l.log = ${log} and l.leaf_index >= ${next} and l.leaf_index < ${to}
        order by l.leaf_index limit ${PAGE}`
      if (rows.length === 0) throw new TreeDamaged(`leaf ${next} of ${origin} is missing`)
      yield rows.map(({ leafIndex, leaf, body }) => {
        const entry = Buffer.from(body ?? '', 'utf8')
        if (leafIndex !== next++ || !leafHash(entry).equals(leaf)) {
          throw new TreeDamaged(`the event of leaf ${next - 1} of ${origin} is not the one that was sealed`)
        }
        return entry
      })
    }
  }

  return {
    entries,
    async rootAt(origin, size) {
      if (size === 0) return EMPTY_ROOT
      return await readTree(db, await findLog(db, origin), size, (read) => rangeRoot(0, size, read))
    },
    async growthAt(origin, size) {
      const open: Buffer[] = []
      for await (const page of entries(origin, size - (size % TILE_WIDTH), size)) open.push(...page)
      return await readTree(db, await findLog(db, origin), size, (read) => growTiles(size, read, open))
    },
  }
}

/** Nothing here is proved: a root must be compared with one that was signed. */
export interface LogSource {
  /** The bytes of the leaves [from, to), a page at a time. @throws TreeDamaged */
  entries(origin: string, from: number, to: number): AsyncGenerator<readonly Buffer[]>
  /** @throws TreeDamaged when the database does not hold a tree of that size */
  rootAt(origin: string, size: number): Promise<Buffer>
  /** The log as it was at that size, ready to grow. @throws TreeDamaged */
  growthAt(origin: string, size: number): Promise<TileGrowth>
}
