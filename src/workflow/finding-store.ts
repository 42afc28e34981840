import type { Db, Tx } from '../db/transaction.ts'
import { type FindingEvent, findingStream } from '../domain/finding-event.ts'
import { evolveFinding, type FindingState, foldFinding } from '../domain/finding-state.ts'
import type { Placed } from '../domain/grant-event.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { readable, toDraft } from './grant-store.ts'

/** A finding read from its events, with the events. */
export interface LoadedFinding {
  readonly state: FindingState
  readonly events: readonly Placed<FindingEvent>[]
}

/** @returns null when nothing was ever found under this id */
export async function loadFinding(
  { record }: Pick<Context, 'record'>,
  db: Db | Tx,
  id: string,
): Promise<LoadedFinding | null> {
  const events = (await record.readStream(db, findingStream(id))).map((event) => readable<FindingEvent>(event))
  const state = foldFinding(id, events)
  return state === null ? null : { state, events }
}

/** For an act of a person: they hear what is wrong with it, whatever that is. */
export async function findingOrRefusal(context: Context, tx: Tx, id: string): Promise<FindingState | Refused> {
  try {
    return (await loadFinding(context, tx, id))?.state ?? refuse({ code: 'unknown-finding', said: id })
  } catch (error) {
    if (error instanceof RecordTampered) return refuse({ code: 'finding-changed', finding: id })
    throw error
  }
}

/** Writes what happened and what follows from it, in the caller's transaction. A finding that is closed takes no more. */
export async function appendToFinding(
  context: Pick<Context, 'record' | 'enqueue'>,
  tx: Tx,
  id: string,
  before: FindingState | null,
  facts: readonly FindingEvent[],
  now: number,
): Promise<FindingState> {
  let state = before
  const placed = facts.map(
    (fact, index): Placed<FindingEvent> => ({ ...fact, seq: (before?.seq ?? 0) + index + 1, at: now }),
  )
  for (const event of placed) state = evolveFinding(id, state, event)
  if (state === null) throw new Error(`${id}: nothing to append`)
  if (state.status === 'closed' && !state.closed) {
    const closed: Placed<FindingEvent> = { type: 'closed', data: { count: state.seq + 1 }, seq: state.seq + 1, at: now }
    placed.push(closed)
    state = evolveFinding(id, state, closed)
  }
  const stream = findingStream(id)
  await context.record.append(tx, stream, before?.seq ?? 0, placed.map(toDraft), now)
  await saveFinding(tx, state)
  await context.enqueue(tx, { kind: 'announce', stream })
  return state
}

/** Overwrites whatever the row says: the caller holds the stream's lock and has folded its events. */
export async function saveFinding(tx: Tx, { id, seq, status, severity, due }: FindingState): Promise<void> {
  await tx`
    insert into finding_state (id, seq, status, severity, due_at)
    values (${id}, ${seq}, ${status}, ${severity}, ${due})
    on conflict (id) do update set
      seq = excluded.seq, status = excluded.status, severity = excluded.severity, due_at = excluded.due_at`
}

/** Its record was changed, and says nothing of the rest. It is not behind its stream: nobody reads it for a count. */
export async function saveUnreadable(db: Db | Tx, id: string): Promise<void> {
  await db`
    insert into finding_state (id, seq, status, severity, due_at)
    values (${id}, ${Number.MAX_SAFE_INTEGER}, 'unreadable', 'critical', 0)
    on conflict (id) do update set seq = excluded.seq, status = excluded.status`
}
