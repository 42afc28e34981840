import type { Db, Tx } from '../db/transaction.ts'
import { type MacSpan, macKeyId } from './mac-keys.ts'
import { type EventRow, faultOf, parseOrNull } from './recorded-event.ts'
import { KEYS_STREAM } from './verify.ts'

export const MAC_KEY_RETIRED = 'record.mac-key-retired'

/**
 * The MAC keys of a process, and what the record says of them. A key is retired by an event under another one: from that leaf
 * on nobody writes with it. What was seen once is not forgotten, whatever the database shows later.
 * @param own under which this process writes, until it is retired
 * @param others the next one, or those of before. Where somebody deleted the event, `retiredAt` counts
 */
export function createMacRing(own: Buffer, others: readonly OtherMac[] = []): MacRing {
  const all = [{ key: own, retiredAt: null }, ...others].map((one) => ({ ...one, id: macKeyId(one.key) }))
  const retired = new Map<string, number>()
  const spans = () => all.map(({ key, id, retiredAt }): MacSpan => ({ key, upTo: retired.get(id) ?? retiredAt }))
  return {
    spans,
    current() {
      const [inUse] = spans().filter(({ upTo }) => upTo === null)
      if (inUse) return inUse.key
      throw new MacKeyRetired(`the MAC key ${macKeyId(own)} was retired: set MAC_KEY_FILE to the new one`)
    },
    async refuseForeign(db) {
      const rows = await db<PlacedRow[]>`
        select ${columnsIn(db)} from event e
        join leaf l on l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log) and l.leaf_index >= 0
        order by l.leaf_index desc limit ${NEWEST}`
      if (rows.length === 0 || rows.some((row) => faultOf(row, spans(), row.leafIndex) === null)) return
      throw new MacKeyForeign(
        `none of the newest ${rows.length} events was written with this MAC key: set MAC_KEY_FILE and OTHER_MAC_KEY_FILES as the other processes have them, or as they were here. Nothing was written`,
      )
    },
    async refresh(db) {
      const rows = await db<PlacedRow[]>`
        select ${columnsIn(db)} from event e
        join leaf l on l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log) and l.leaf_index >= 0
        where e.stream = ${KEYS_STREAM} and e.type = ${MAC_KEY_RETIRED} order by l.leaf_index`
      for (const row of rows) {
        const key = parseOrNull(row.body)?.data.key
        if (typeof key !== 'string' || retired.has(key) || faultOf(row, spans(), row.leafIndex)) continue
        // A key does not retire itself, so that one is left.
        const others = spans().filter((one) => macKeyId(one.key) !== key && one.upTo === null)
        if (others.length > 0 && !faultOf(row, others, null)) retired.set(key, row.leafIndex)
      }
    },
  }
}

/** Whoever wants to stop the right key from starting would have to change all of them. */
const NEWEST = 200

type PlacedRow = EventRow & { readonly leafIndex: number }

function columnsIn(db: Db | Tx) {
  return db`e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac, l.leaf_index as "leafIndex"`
}

export interface OtherMac {
  readonly key: Buffer
  /** From which leaf on nothing under it is genuine, as it is known from outside the database; null where it is not. */
  readonly retiredAt: number | null
}

/** What would be written under a retired key would be lost. */
export class MacKeyRetired extends Error {
  readonly code = 'MAC_KEY_RETIRED'
  override name = 'MacKeyRetired'
}

/** What would be written under it is nobody's to everybody else, for ever, and breaks the streams where it stands. */
export class MacKeyForeign extends Error {
  readonly code = 'MAC_KEY_FOREIGN'
  override name = 'MacKeyForeign'
}

export interface MacRing {
  spans(): readonly MacSpan[]
  /** The one to write with. */
  current(): Buffer
  /** For whoever is about to write. @throws MacKeyForeign where the record is under other keys altogether */
  refuseForeign(db: Db | Tx): Promise<void>
  /** Reads which keys were retired. */
  refresh(db: Db | Tx): Promise<void>
}
