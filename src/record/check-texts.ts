import type { Tx } from '../db/transaction.ts'
import type { ChainSum } from './chain-sum.ts'
import type { Found } from './log-difference.ts'
import type { MacKeys } from './mac-keys.ts'
import { copyTexts } from './read-leaves.ts'
import { type EventRow, faultOf } from './recorded-event.ts'

const MOST_DIFFERENCES = 1_000
const SALTED = Buffer.from('"salted":"')
const PRIVATE_MEMBER = /"([^"\\]+)":\{"salted":"[0-9a-f]{64}"\}/g
/** No event has it: so what stands for a text never stands for a place in a stream. */
const NO_SEQ = 0

/*
 * Every private text that an event says was kept is there, or an event of ours says that it was erased: what is in the
 * bodies, less what is in the table, less what was erased, must be nothing. Counted in the sum over chains.
 */

/** Adds the texts that an event has kept apart. @param leafInput a zero and the body @param leaf a character a byte */
export function addTexts(sum: ChainSum, leafInput: Buffer, leaf: string): void {
  if (!leafInput.includes(SALTED)) return
  for (const [, path] of leafInput.toString('utf8', 1).matchAll(PRIVATE_MEMBER)) sum.add(path ?? '', NO_SEQ, leaf)
}

/** Takes away those that are there, and those that were erased. */
export async function subtractTexts(tx: Tx, sum: ChainSum, erased: ErasedTexts): Promise<void> {
  await copyTexts(tx, 'select leaf_hash, path from private_text', (leaf, path) => sum.subtract(path, NO_SEQ, leaf))
  const rows = await tx<{ leaf: Buffer; path: string }[]>`
    select e.leaf_hash as leaf, x.path from ${placesOf(tx, erased)} join event e using (stream, seq)`
  for (const { leaf, path } of rows) sum.subtract(path, NO_SEQ, leaf.toString('latin1'))
}

/** What our own events say was erased, each once: those that carry our MAC. What another hand wrote explains nothing. */
export async function readErasedTexts(tx: Tx, macKeys: MacKeys): Promise<ErasedTexts> {
  const rows = await tx<(EventRow & { leafIndex: number | null })[]>`
    select stream, seq, type, v, at, body, prev, e.leaf_hash as "leafHash", mac, l.leaf_index as "leafIndex"
    from event e left join leaf l on l.log = (select max(id) from log) and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0
    where type = 'texts.erased'`
  const erased = new Map<string, ErasedTexts[number]>()
  for (const row of rows) {
    if (faultOf(row, macKeys, row.leafIndex) !== null) continue
    for (const { stream, seq, paths } of JSON.parse(row.body).data.texts) {
      for (const path of paths) erased.set(JSON.stringify([stream, seq, path]), { stream, seq, path })
    }
  }
  return [...erased.values()]
}

/** Names what is gone without a word, and what stands there that should not: slow, and only where the sum is wrong. */
export async function nameTexts(tx: Tx, log: number, erased: ErasedTexts, found: Found): Promise<void> {
  const rows = await tx<TextRow[]>`
    with kept as (
      select e.leaf_hash, e.stream, e.seq,
        (regexp_matches(e.body, '"([^"\\\\]+)":\\{"salted":"[0-9a-f]{64}"\\}', 'g'))[1] as path
      from event e where strpos(e.body, '"salted":"') > 0
    ),
    expected as (
      select k.* from kept k
      where not exists (select from ${placesOf(tx, erased)} where x.stream = k.stream and x.seq = k.seq and x.path = k.path)
    ),
    named as (
      select 'text-missing' as what, k.stream, k.seq, k.path, k.leaf_hash from expected k
      where not exists (select from private_text p where p.leaf_hash = k.leaf_hash and p.path = k.path)
      union all
      select 'text-added', e.stream, e.seq, p.path, p.leaf_hash from private_text p left join event e using (leaf_hash)
      where not exists (select from expected k where k.leaf_hash = p.leaf_hash and k.path = p.path)
      limit ${MOST_DIFFERENCES}
    )
    select n.what, n.stream, n.seq, n.path, l.leaf_index as "leafIndex"
    from named n left join leaf l on l.leaf_hash = n.leaf_hash and l.log = ${log} order by l.leaf_index, n.path`
  for (const { what, stream, seq, path, leafIndex } of rows) {
    const whose = stream === null ? 'of no event' : `${stream} #${seq}`
    found(what, `${whose}, ${path}, ${leafIndex === null ? 'under no leaf' : `leaf ${leafIndex}`}`)
  }
}

/** As a table `x`. */
function placesOf(tx: Tx, erased: ErasedTexts) {
  return tx`unnest(
    ${erased.map(({ stream }) => stream)}::text[], ${erased.map(({ seq }) => seq)}::bigint[],
    ${erased.map(({ path }) => path)}::text[]) as x (stream, seq, path)`
}

export type ErasedTexts = readonly { readonly stream: string; readonly seq: number; readonly path: string }[]

interface TextRow {
  readonly what: 'text-missing' | 'text-added'
  /** Null where no event is there for it. */
  readonly stream: string | null
  readonly seq: number | null
  readonly path: string
  readonly leafIndex: number | null
}
