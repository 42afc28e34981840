import type { Db } from '../db/transaction.ts'
import type { DigestCount } from '../domain/count-digest.ts'
import { digestStream } from '../domain/digest-event.ts'
import type { DigestItem, DigestList } from '../domain/digest-lists.ts'
import { findingStream } from '../domain/finding-event.ts'
import type { FindingState } from '../domain/finding-state.ts'
import type { Period } from '../domain/period.ts'
import type { EventRecord } from '../record/record.ts'

/** The findings of a period, as they were at its end. */
export type FindingsOf = (period: Pick<Period, 'from' | 'until'>) => Promise<{
  readonly open: readonly FindingState[]
  readonly opened: readonly FindingState[]
  readonly closed: readonly FindingState[]
  /** Ids of those whose own record was changed. */
  readonly unreadable: readonly string[]
}>

type Put = DigestCount['put']
type Reading = { readonly db: Db; readonly record: Pick<EventRecord, 'firstOf'> }

/**
 * Findings as lines of their lists: each by the event that opened it. One whose record was changed counts as open: nobody can
 * tell, and whoever changes it must not have it left out.
 */
export async function findingItems(
  { db, record }: Reading,
  { open, opened, closed, unreadable }: Awaited<ReturnType<FindingsOf>>,
  { from }: Pick<Period, 'from'>,
  put: Put,
): Promise<DigestItem[]> {
  const ids = [...new Set([...open, ...opened, ...closed].map(({ id }) => id)), ...unreadable]
  const firsts = await record.firstOf(db, ids.map(findingStream))
  const first = new Map(firsts.map((event) => [event.stream, event]))
  const lists: [DigestList, readonly FindingState[]][] = [
    ['open-findings', open],
    ['new-findings', opened],
    ['closed-findings', closed],
  ]
  const changed = unreadable.map((id) => {
    const stream = findingStream(id)
    const event = first.get(stream) ?? { stream, seq: 1, at: from, type: 'finding.opened', data: {}, hash: '' }
    return put('open-findings', event, 'changed on record', [])
  })
  const listed = lists.flatMap(([list, states]) =>
    states.flatMap((state) => {
      const event = first.get(findingStream(state.id))
      if (event === undefined) return []
      const { severity, cause, target, status, owners, takenBy, ended } = state
      const where = target === null ? '' : ` on ${target}`
      const by = ended?.by ?? takenBy
      return [
        put(list, event, `${severity}: ${cause}${where}, ${status}`, by === null ? owners.map(({ id }) => id) : [by]),
      ]
    }),
  )
  return [...changed, ...listed]
}

/** Digests made before the end of a period that nobody had acknowledged by then. */
export async function digestItems({ db, record }: Reading, { until, name }: Period, put: Put): Promise<DigestItem[]> {
  const rows = await db<{ stream: string }[]>`
    select m.stream from event m where m.type = 'digest.made' and m.at < ${until} and not exists (
      select from event a where a.stream = m.stream and a.type = 'digest.acknowledged' and a.at < ${until})
    order by m.stream`
  const streams = rows.map(({ stream }) => stream).filter((stream) => stream !== digestStream(name))
  return (await record.firstOf(db, streams)).map((event) => put('unacknowledged', event, String(event.data.week), []))
}
