import { utc } from '../domain/conclusion.ts'
import { csvLine } from './evidence-csv.ts'
import type { DigestRow } from './read-digest.ts'

/** The heads of the columns of a list, as a line of CSV. */
export const DIGEST_CSV_HEAD = csvLine(['leaf_index', 'utc', 'stream', 'seq', 'type', 'whose', 'what', 'by', 'note'])

/** Rows of a list as lines of CSV, as `evidenceCsv` writes them. */
export function digestCsv(rows: readonly DigestRow[]): string {
  return rows
    .map(({ leafIndex, at, stream, seq, type, whose, what, by, note }) =>
      csvLine([
        ...[leafIndex === null ? '' : String(leafIndex), utc(at), stream, String(seq), type],
        ...[whose ?? '', what ?? '', by.join(' '), note],
      ]),
    )
    .join('')
}
