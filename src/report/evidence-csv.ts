import { utc } from '../domain/conclusion.ts'
import type { ProvedEvent, Verdict } from '../record/verify.ts'
import { shownText } from './shown-text.ts'

const COLUMNS = ['leaf_index', 'utc', 'stream', 'seq', 'type', 'version', 'by', 'text', 'data', 'leaf_hash'] as const

/**
 * One row an event, those that stand alone too, in the order of the log (RFC 4180: CRLF, quotes doubled). What a spreadsheet would take for
 * a formula gets an apostrophe in front; characters that are not seen are named.
 */
export function evidenceCsv({ events, singles, reveals }: Verdict): string {
  const rows = allInOrder({ events, singles }).map((event) =>
    rowOf(
      event,
      reveals.filter(({ leafIndex }) => leafIndex === event.leafIndex),
    ),
  )
  return [COLUMNS, ...rows].map(csvLine).join('')
}

/** The events of the story and those that stand alone, in the order of the log. */
export function allInOrder({ events, singles }: Pick<Verdict, 'events' | 'singles'>): ProvedEvent[] {
  return [...events, ...singles].sort((a, b) => a.leafIndex - b.leafIndex)
}

/** One row, with what ends it. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`
}

function rowOf(event: ProvedEvent, reveals: Verdict['reveals']): string[] {
  const { leafIndex, at, stream, seq, type, v, data, hash } = event
  const by = [data.by]
    .flat()
    .filter((one) => typeof one === 'string')
    .join(' ')
  const [only] = reveals
  const text =
    reveals.length > 1 ? reveals.map(({ path, value }) => `${path}: ${value}`).join('\n') : (only?.value ?? '')
  return [String(leafIndex), utc(at), stream, String(seq), type, String(v), by, text, JSON.stringify(data), hash]
}

function cell(value: string): string {
  const shown = shownText(value)
  const safe = shown.replace(FORMULA, "$1'$2")
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe
}

/**
 * Also after white space, and in the wide forms that some spreadsheets take for the same. And after whatever a spreadsheet may
 * take for the end of a cell: where the comma is the decimal sign a semicolon ends one, and quotes inside of a cell are none.
 */
const FORMULA = /(^|[;\n])((?:[^\S\n]|")*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/gu
