import type { Db } from '../db/transaction.ts'
import { readRange } from './read-range.ts'
import { findLog } from './read-witnessed.ts'
import type { EventRecord } from './record.ts'
import { readTree } from './tiles.ts'
import { growTiles, TILE_WIDTH, type TileGrowth } from './tlog-tiles.ts'
import { rangeRoot } from './tree.ts'
import { EMPTY_ROOT } from './verify.ts'

/**
 * The sealed log in the database, for whoever brings it elsewhere. Only what leaf hashes are made of: no private text. Of
 * what was pruned, and is said to be, there is the hash and an entry of no bytes.
 */
export function createLogSource(db: Db, record: EventRecord): LogSource {
  async function* entries(origin: string, from: number, to: number): AsyncGenerator<LogEntry[]> {
    const of = { log: await findLog(db, origin), origin }
    for await (const page of readRange(record, db, of, { first: from, end: to })) {
      yield page.map(({ leaf, body }) => ({ bytes: Buffer.from(body ?? '', 'utf8'), leaf }))
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
      for await (const page of entries(origin, size - (size % TILE_WIDTH), size))
        open.push(...page.map(({ bytes }) => bytes))
      return await readTree(db, await findLog(db, origin), size, (read) => growTiles(size, read, open))
    },
  }
}

/** A leaf, and the bytes that its hash is made of: none where it was pruned. */
export interface LogEntry {
  readonly bytes: Buffer
  readonly leaf: Buffer
}

/** Nothing here is proved: a root must be compared with one that was signed. */
export interface LogSource {
  /** The bytes of the leaves [from, to), a page at a time. @throws TreeDamaged */
  entries(origin: string, from: number, to: number): AsyncGenerator<readonly LogEntry[]>
  /** @throws TreeDamaged when the database does not hold a tree of that size */
  rootAt(origin: string, size: number): Promise<Buffer>
  /** The log as it was at that size, ready to grow. @throws TreeDamaged */
  growthAt(origin: string, size: number): Promise<TileGrowth>
}
