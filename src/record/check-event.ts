import { hash } from 'node:crypto'
import { createMac } from './event-mac.ts'
import type { MacKeys } from './mac-keys.ts'
import type { CopiedEvent } from './read-leaves.ts'
import { type ColumnName, changedColumn, parseOrNull, type RowFault } from './recorded-event.ts'

/**
 * What `faultOf` does, on rows as COPY gives them and quick enough for millions: leaf hash, MAC and every column, with
 * digests as strings of one character a byte, which Node makes at a third of the cost of buffers.
 * @param parse whether to parse each body. Of one that is sealed the beginning and the end are compared with the columns,
 * byte by byte, since the sealer has parsed it before it put it under the tree; only one that differs is parsed
 * @returns what is wrong with an event that should have the leaf hash `leaf`; null when nothing is
 */
export function createEventCheck(macKeys: MacKeys, parse: 'each' | 'different') {
  const isGenuine = createMacCheck(macKeys)
  return (event: CopiedEvent, leaf: string, leafIndex: number | null = null): EventFault | null => {
    if (hash('sha256', event.leafInput, 'binary') !== leaf) return { what: 'body-changed' }
    if (!isGenuine(leaf, event.mac, leafIndex)) return { what: 'mac-wrong' }
    if (parse === 'different' && hasColumns(event)) return null
    const body = parseOrNull(event.leafInput.toString('utf8', 1))
    if (body === null) return { what: 'body-malformed' }
    const column = changedColumn(body, { ...event, prev: event.prevHex })
    return column === null ? null : { what: 'column-changed', column }
  }
}

/** Whether the canonical text around `data` says what the columns say. False for names beyond ASCII: they are parsed. */
function hasColumns({ leafInput, stream, seq, type, v, at, prevHex }: CopiedEvent): boolean {
  const head = `{"at":${at},"`
  const before = prevHex === null ? 'null' : `"${prevHex}"`
  const tail = `,"prev":${before},"seq":${seq},"stream":${JSON.stringify(stream)},"type":${JSON.stringify(type)},"v":${v}}`
  return (
    leafInput.toString('latin1', 1, 1 + head.length) === head &&
    leafInput.toString('latin1', leafInput.length - tail.length) === tail
  )
}

/** Events under one key come in a row: the one that fitted last is tried first. */
function createMacCheck(keys: MacKeys): (leaf: string, mac: string, leafIndex: number | null) => boolean {
  const spans = Buffer.isBuffer(keys) ? [{ key: keys, upTo: null }] : keys
  const macs = spans.map(({ key, upTo }) => ({ macOf: createMac(key), upTo }))
  return (leaf, mac, leafIndex) => {
    const place = macs.findIndex(
      ({ macOf, upTo }) => (upTo === null || (leafIndex !== null && leafIndex < upTo)) && macOf(leaf) === mac,
    )
    const [fitting] = place > 0 ? macs.splice(place, 1) : []
    if (fitting) macs.unshift(fitting)
    return place >= 0
  }
}

export interface EventFault {
  readonly what: RowFault
  readonly column?: ColumnName
}
