import type { Db } from '../db/transaction.ts'
import { findingOfStream, findingStream } from '../domain/finding-event.ts'
import { SEVERITIES } from '../domain/finding-kinds.ts'
import type { FindingFigures } from '../telemetry/house-figures.ts'
import type { Context } from './context.ts'
import { readFindings } from './find-findings.ts'

/**
 * How many there are, for metrics and readiness, from their rows: whoever looks each second reads no events. Those whose
 * row is not as far as their stream, as after an older version wrote it, are read.
 * @param now decides which are overdue, epoch ms
 */
export async function countFindings(context: Pick<Context, 'record'>, db: Db, now: number): Promise<FindingFigures> {
  const rows = await db<Row[]>`
    select o.stream, s.status, s.severity, s.due_at as due, s.seq is null or s.seq < h.seq as behind
    from event o
    join stream_head h on h.stream = o.stream
    left join finding_state s on s.id = substr(o.stream, ${findingStream('').length + 1})
    where o.type = 'finding.opened' and starts_with(o.stream, ${findingStream('')})
      and (s.status is distinct from 'closed' or s.seq < h.seq)`
  const read = await readFindings(
    context,
    db,
    rows.flatMap(({ stream, behind }) => (behind && findingOfStream(stream) !== null ? [stream] : [])),
  )
  const all = [...rows.filter(({ behind }) => !behind), ...read.states].filter(({ status }) => status !== 'closed')
  const open = all.filter(({ status }) => status !== 'accepted' && status !== 'unreadable')
  return {
    open: SEVERITIES.map((severity) => {
      const of = open.filter((one) => one.severity === severity)
      return { severity, open: of.length, overdue: of.filter(({ due }) => due <= now).length }
    }),
    accepted: all.filter(({ status }) => status === 'accepted').length,
    unreadable: all.filter(({ status }) => status === 'unreadable').length + read.unreadable.length,
  }
}

interface Row {
  readonly stream: string
  /** Null, with the rest, where there is no row. */
  readonly status: string
  readonly severity: string
  readonly due: number
  readonly behind: boolean
}
