import type { Db, Tx } from '../db/transaction.ts'
import { type FindingEvent, findingOfStream, findingStream } from '../domain/finding-event.ts'
import { type FindingState, foldFinding } from '../domain/finding-state.ts'
import { openStreams } from '../record/find-streams.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { readable } from './grant-store.ts'

/** What there is to look at. Nothing is left out unsaid: what cannot be read is named. */
export interface Findings {
  /** Open, fixed, retested or accepted at the end of the period; the due first, the newest of those due together. */
  readonly open: readonly FindingState[]
  /** Opened in the period, whatever became of them. */
  readonly opened: readonly FindingState[]
  readonly closed: readonly FindingState[]
  /** Ids of those whose own record was changed. */
  readonly unreadable: readonly string[]
}

/**
 * The findings of a period, from their events.
 * @param period epoch ms, `from` included, `to` not
 */
export async function listFindings(
  context: Pick<Context, 'record'>,
  db: Db | Tx,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Findings> {
  const rows = await db<{ stream: string }[]>`
    select o.stream from event o
    where o.type = 'finding.opened' and starts_with(o.stream, ${findingStream('')}) and o.at < ${to} and not exists (
      select from event c where c.stream = o.stream and c.type = 'closed' and c.at < ${from})
    order by o.stream`
  const { states, unreadable } = await readFindings(
    context,
    db,
    rows.map(({ stream }) => stream),
    to,
  )
  const inPeriod = (at: number) => at >= from && at < to
  return {
    open: states.filter(({ status }) => status !== 'closed').sort(dueFirst),
    opened: states.filter(({ openedAt }) => inPeriod(openedAt)).sort(dueFirst),
    closed: states.filter(({ ended }) => ended !== null && inPeriod(ended.at)).sort(dueFirst),
    unreadable,
  }
}

/** Those about which somebody still has to do something, or that rest until a day. */
export async function findOpenFindings(
  context: Pick<Context, 'record'>,
  db: Db | Tx,
): Promise<Pick<Findings, 'open' | 'unreadable'>> {
  const streams = await openStreams(db, {
    prefix: findingStream(''),
    startedBy: 'finding.opened',
    notEndedBy: ['closed'],
  })
  const { states, unreadable } = await readFindings(context, db, streams)
  return { open: states.sort(dueFirst), unreadable }
}

/** Together; where one was changed, one after the other, so that it does not keep the others from being read. */
export async function readFindings(
  { record }: Pick<Context, 'record'>,
  db: Db | Tx,
  streams: readonly string[],
  before = Number.POSITIVE_INFINITY,
): Promise<{ states: FindingState[]; unreadable: string[] }> {
  const states: FindingState[] = []
  const unreadable: string[] = []
  const together = await readUnchanged(() => record.readStreams(db, streams))
  for (const stream of streams) {
    const id = findingOfStream(stream)
    if (id === null) continue
    const events = together?.get(stream) ?? (await readUnchanged(() => record.readStream(db, stream)))
    const state = events === null ? null : foldRead(id, events, before)
    if (events === null) unreadable.push(id)
    else if (state !== null) states.push(state)
  }
  return { states, unreadable }
}

async function readUnchanged<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}

function foldRead(id: string, events: readonly RecordedEvent[], before: number): FindingState | null {
  return foldFinding(
    id,
    events.filter(({ at }) => at < before).map((event) => readable<FindingEvent>(event)),
  )
}

/** What rests comes last. */
function dueFirst(a: FindingState, b: FindingState): number {
  const rests = (one: FindingState) => (one.status === 'accepted' ? 1 : 0)
  return rests(a) - rests(b) || a.due - b.due || b.openedAt - a.openedAt
}
