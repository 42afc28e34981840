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
    async refresh(db) {
      const rows = await db<(EventRow & { leafIndex: number })[]>`
        select e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
          l.leaf_index as "leafIndex"
        from event e
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

export interface MacRing {
  spans(): readonly MacSpan[]
  /** The one to write with. */
  current(): Buffer
  /** Reads which keys were retired. */
  refresh(db: Db | Tx): Promise<void>
}
