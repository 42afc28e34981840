import type { Db, Tx } from '../db/transaction.ts'
import { parseOrNull } from './recorded-event.ts'
import { readTree, TreeDamaged } from './tiles.ts'
import { inclusionProof } from './tree.ts'
import {
  followHandOvers,
  type HandOver,
  KEYS_STREAM,
  type KeySpan,
  parseVkey,
  Refused,
  SIGNER_APPOINTED,
} from './verify.ts'

/**
 * Reads how the log came to other signing keys. The rows are worth nothing by themselves: what is handed on was signed by
 * both keys. An appointment that only one key signed had no effect, and is left out.
 */
export function createHandOverReader(db: Db | Tx, origin: string): () => Promise<HandOver[]> {
  const known = new Map<string, HandOver | null>()
  return async () => {
    // The appointments first, then the leaf of each, by index: in any other order every leaf of the log is read.
    const rows = await db<HandOverRow[]>`
      select e.log, l.leaf_index as "leafIndex", e.body, c.note
      from (
        select log.id as log, event.leaf_hash, event.body from event join log on log.origin = ${origin}
        where event.stream = ${KEYS_STREAM} and event.type = ${SIGNER_APPOINTED} offset 0
      ) e
      cross join lateral (
        select leaf_index from leaf where log = e.log and leaf_hash = e.leaf_hash and leaf_index >= 0 offset 0
      ) l
      join checkpoint c on c.log = e.log and c.size = l.leaf_index + 1
      order by l.leaf_index`
    const handOvers: HandOver[] = []
    for (const row of rows) {
      const name = JSON.stringify([row.leafIndex, row.body, row.note])
      const one = known.get(name) ?? (await proved(db, origin, row))
      known.set(name, one)
      if (one) handOvers.push(one)
    }
    return handOvers
  }
}

async function proved(
  db: Db | Tx,
  origin: string,
  { log, leafIndex, body, note }: HandOverRow,
): Promise<HandOver | null> {
  try {
    const proof = await readTree(db, log, leafIndex + 1, (read) => inclusionProof(leafIndex, leafIndex + 1, read))
    const one: HandOver = { leafIndex, body, proof, checkpoint: note }
    followHandOvers(origin, [one])
    return one
  } catch (error) {
    if (error instanceof Refused || error instanceof TreeDamaged) return null
    throw error
  }
}

/** The keys that the hand-overs lead to from this one, on both sides of it; it alone where they lead nowhere. */
export function keysAround(
  vkey: string,
  handOvers: readonly HandOver[],
  isProved?: Parameters<typeof followHandOvers>[2],
): LogKeys {
  const key = parseVkey(vkey)
  const alone: LogKeys = { keys: [{ vkey, key, from: 0, upTo: null }], handOvers: [] }
  const named = handOvers.map((one) => ({ one, ...keysOf(one) }))
  const chain = named.filter(({ from, to }) => from === vkey || to === vkey)
  for (let more = true; more; ) {
    const before = named.find(({ to }) => to === chain[0]?.from)
    const after = named.find(({ from }) => from === chain.at(-1)?.to)
    more = (before !== undefined || after !== undefined) && chain.length < named.length
    if (before && more) chain.unshift(before)
    if (after && more) chain.push(after)
  }
  if (chain.length === 0) return alone
  try {
    const list = chain.map(({ one }) => one)
    return { keys: followHandOvers(key.name, list, isProved), handOvers: list }
  } catch (error) {
    if (error instanceof Refused) return alone
    throw error
  }
}

/** Of the body of an appointment. */
export function keysOf({ body }: Pick<HandOver, 'body'>): { from: string; to: string } {
  const { from, to } = parseOrNull(body)?.data ?? {}
  return { from: String(from), to: String(to) }
}

export interface LogKeys {
  /** From the log's first to the one in force. */
  readonly keys: readonly KeySpan[]
  readonly handOvers: readonly HandOver[]
}

interface HandOverRow {
  readonly log: number
  readonly leafIndex: number
  readonly body: string
  readonly note: string
}
