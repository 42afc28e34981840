import { utc } from '../domain/conclusion.ts'
import { formatDuration } from '../domain/duration.ts'
import { keptByInWords } from '../domain/independence.ts'
import type { PopulationRow } from '../domain/population-row.ts'
import { csvLine } from './evidence-csv.ts'

const COLUMNS = [
  ...([
    'grant',
    'conclusion',
    'standing',
    'asked_utc',
    'by',
    'for',
    'target',
    'entitlement',
    'asked_for',
    'reason',
  ] as const),
  ...([
    'signed_by',
    'approved_utc',
    'usable_utc',
    'allowed_until_utc',
    'logins_stopped_utc',
    'late_ms',
    'seen_gone_utc',
    'kept_by',
  ] as const),
  ...(['closed', 'first_leaf', 'last_leaf'] as const),
] as const

export const POPULATION_CSV_HEAD: string = csvLine(COLUMNS)

/** One row a grant, in the order in which they were asked for. Cells as in the CSV of events. */
export function populationCsv(rows: readonly PopulationRow[]): string {
  return rows.map((row) => csvLine(cellsOf(row))).join('')
}

function cellsOf(row: PopulationRow): string[] {
  const moment = (at: number | null) => (at === null ? '' : utc(at))
  return [
    ...[row.grant, row.line, row.standing, utc(row.askedAt), row.by, row.for, row.target, row.entitlement],
    ...[
      formatDuration(row.durationMs),
      row.reason,
      row.signedBy.join(' '),
      moment(row.approvedAt),
      moment(row.givenAt),
    ],
    ...[
      moment(row.allowedUntil),
      moment(row.stoppedAt),
      row.lateMs === null ? '' : String(row.lateMs),
      moment(row.goneAt),
      keptByInWords(row.keptBy),
    ],
    ...[row.closed ? 'yes' : 'no', String(row.firstLeaf), String(row.lastLeaf)],
  ]
}
