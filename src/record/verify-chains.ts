import type { Tx } from '../db/transaction.ts'
import type { Found } from './log-difference.ts'
import type { MacKeys } from './mac-keys.ts'
import { type EventRow, faultOf } from './recorded-event.ts'

const PAGE = 2_000
const MOST_DIFFERENCES = 1_000

/** Names where chains and heads do not fit, stream by stream: slow, and only for a log in which something is wrong. */
export async function nameBrokenChains(tx: Tx, found: Found): Promise<void> {
  let after: ChainRow | null = null
  for (;;) {
    const rows: ChainRow[] = await tx<ChainRow[]>`
      select e.stream, e.seq, e.prev, e.leaf_hash as hash, h.seq as "headSeq", h.hash as "headHash"
      from event e left join stream_head h on h.stream = e.stream
      where (e.stream, e.seq) > (${after?.stream ?? ''}, ${after?.seq ?? 0}) order by e.stream, e.seq limit ${PAGE}`
    for (const row of rows) {
      const before: ChainRow | null = after?.stream === row.stream ? after : null
      if (after && !before) checkHead(after, found)
      const follows =
        row.seq === (before?.seq ?? 0) + 1 &&
        (row.prev?.toString('hex') ?? null) === (before?.hash.toString('hex') ?? null)
      if (!follows) found('chain-broken', `${row.stream} #${row.seq}`)
      after = row
    }
    if (rows.length < PAGE) break
  }
  if (after) checkHead(after, found)
  const orphans = await tx<{ stream: string; seq: number }[]>`
    select stream, seq from stream_head h where not exists (select from event e where e.stream = h.stream)
    order by stream limit ${MOST_DIFFERENCES}`
  for (const { stream, seq } of orphans) found('stream-missing', `${stream}, whose head stands at ${seq}`)
}

function checkHead({ stream, seq, hash, headSeq, headHash }: ChainRow, found: Found): void {
  if (headSeq === seq && headHash?.equals(hash)) return
  found('head-differs', `${stream} ends at ${seq}, its head stands at ${headSeq ?? 'nothing'}`)
}

/** Names the events that no leaf is for and that do not wait for the sealer. Those that wait were checked already. */
export async function nameUnsealed(tx: Tx, log: number, macKeys: MacKeys, found: Found): Promise<void> {
  let after = { stream: '', seq: 0 }
  for (;;) {
    const rows: (EventRow & { isPending: boolean })[] = await tx<(EventRow & { isPending: boolean })[]>`
      select e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
        exists (select from event_pending p where p.leaf_hash = e.leaf_hash) as "isPending"
      from event e
      where (e.stream, e.seq) > (${after.stream}, ${after.seq})
        and not exists (select from leaf l where l.log = ${log} and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0)
      order by e.stream, e.seq limit ${PAGE}`
    for (const row of rows) {
      const fault = faultOf(row, macKeys)
      if (!row.isPending) found(fault ?? 'never-sealed', `${row.stream} #${row.seq}, under no leaf`)
      after = row
    }
    if (rows.length < PAGE) return
  }
}

/** Names the events that stand there more than once. */
export async function nameDoubled(tx: Tx, found: Found): Promise<void> {
  const rows = await tx<{ stream: string; seq: number }[]>`
    select stream, seq from event group by leaf_hash, stream, seq having count(*) > 1
    order by stream, seq limit ${MOST_DIFFERENCES}`
  for (const { stream, seq } of rows) found('event-doubled', `${stream} #${seq}`)
}

interface ChainRow {
  readonly stream: string
  readonly seq: number
  readonly prev: Buffer | null
  readonly hash: Buffer
  readonly headSeq: number | null
  readonly headHash: Buffer | null
}
