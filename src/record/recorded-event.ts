import { timingSafeEqual } from 'node:crypto'
import { macOf } from './event-mac.ts'
import { keysAtLeaf, type MacKeys } from './mac-keys.ts'
import { type Body, leafHash } from './verify.ts'

/** An event as it stands on the record. */
export interface RecordedEvent extends Body {
  /** The private texts that are still there, by member of `data`. */
  readonly texts: Readonly<Record<string, string>>
  /** The exact canonical text. */
  readonly body: string
  /** Leaf hash, hex. */
  readonly hash: string
  /** Its place under the tree; null until it is sealed. From a table: a hint, not a proof. */
  readonly leafIndex: number | null
}

/** Finds the first thing that is wrong with a row of `event`, looking at it alone; null when it is genuine. @param leafIndex its place, by which MAC keys count; null before it is sealed */
export function faultOf(row: EventRow, macKeys: MacKeys, leafIndex: number | null = null): RowFault | null {
  const hash = leafHash(row.body)
  if (!hash.equals(row.leafHash)) return 'body-changed'
  const isOurs = keysAtLeaf(macKeys, leafIndex).some((key) => {
    const mac = macOf(key, hash)
    return row.mac.length === mac.length && timingSafeEqual(row.mac, mac)
  })
  if (!isOurs) return 'mac-wrong'
  const body = parseOrNull(row.body)
  if (body === null) return 'body-malformed'
  return changedColumn(body, { ...row, prev: row.prev?.toString('hex') ?? null }) === null ? null : 'column-changed'
}

/** The body of a row that `faultOf` finds genuine. */
export function bodyOf({ body }: EventRow): Body {
  const { stream, seq, type, v, at, prev, data } = JSON.parse(body)
  return { stream, seq, type, v, at, prev, data }
}

/** Whoever has the MAC key can write what is no event at all: that must not stop those who read. */
export function parseOrNull(text: string): Body | null {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Body) : null
  } catch {
    return null
  }
}

/** The first column that says something else than the body; null when none does. @param columns with `prev` in hex */
export function changedColumn(body: Body, columns: Columns): ColumnName | null {
  return COLUMNS.find((name) => body[name] !== columns[name]) ?? null
}

const COLUMNS = ['stream', 'seq', 'type', 'v', 'at', 'prev'] as const
export type ColumnName = (typeof COLUMNS)[number]
type Columns = Readonly<Pick<Body, ColumnName>>

export type RowFault = 'body-changed' | 'mac-wrong' | 'body-malformed' | 'column-changed'

/** A row of `event`. */
export interface EventRow {
  readonly stream: string
  readonly seq: number
  readonly type: string
  readonly v: number
  readonly at: number
  readonly body: string
  readonly prev: Buffer | null
  readonly leafHash: Buffer
  readonly mac: Buffer
}

/** What is in the database is not what was recorded. Nothing is decided on it; `verify --log` says more. */
export class RecordTampered extends Error {
  readonly code = 'RECORD_TAMPERED'
  override name = 'RecordTampered'
  readonly stream: string
  readonly seq: number | null
  readonly fault: string
  constructor(stream: string, seq: number | null, fault: string) {
    super(`${stream}${seq === null ? '' : ` #${seq}`} is not what was recorded: ${fault}`)
    this.stream = stream
    this.seq = seq
    this.fault = fault
  }
}
