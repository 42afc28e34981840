import type { Tx } from '../db/transaction.ts'
import { nextDue } from '../domain/decide-ending.ts'
import { type GrantEvent, grantStream, type Placed, PRIVATE_PATHS } from '../domain/grant-event.ts'
import { evolve, foldGrant, type GrantState, isOpen } from '../domain/grant-state.ts'
import type { Draft } from '../record/compose.ts'
import type { RecordedEvent } from '../record/recorded-event.ts'
import type { Context, Effect } from './context.ts'

/** A grant read from its events, with the events. */
export interface LoadedGrant {
  readonly state: GrantState
  readonly events: readonly Placed<GrantEvent>[]
}

/** Reads a grant from the record, never from the state table. @returns null when nobody ever asked */
export async function loadGrant(context: Context, db: Tx | Context['db'], id: string): Promise<LoadedGrant | null> {
  const events = (await context.record.readStream(db, grantStream(id))).map(readable)
  const state = foldGrant(id, events)
  return state === null ? null : { state, events }
}

/**
 * Writes what happened and what now holds: events, state row, effects, in the caller's transaction.
 * The state's `seq` is the fence: whoever folded an older stream gets `StreamConflict` and reads again.
 * A grant that is over is closed here, so that its stream says where it ends.
 */
export async function appendToGrant(
  context: Context,
  tx: Tx,
  id: string,
  before: GrantState | null,
  facts: readonly GrantEvent[],
  now: number,
): Promise<GrantState> {
  const firstSeq = (before?.seq ?? 0) + 1
  let state = before
  const placed = facts.map((fact, index): Placed<GrantEvent> => ({ ...fact, seq: firstSeq + index, at: now }))
  for (const event of placed) state = evolve(id, state, event)
  if (state === null) throw new Error(`${id}: nothing to append`)
  if (!isOpen(state) && !state.closed) {
    const closed: Placed<GrantEvent> = { type: 'closed', data: { count: state.seq + 1 }, seq: state.seq + 1, at: now }
    placed.push(closed)
    state = evolve(id, state, closed)
  }
  await Promise.all([
    context.record.append(tx, grantStream(id), before?.seq ?? 0, placed.map(toDraft), now),
    saveState(tx, state, nextDue(state)),
    context.enqueue(tx, announcing(id, facts, now)),
    ...(facts.some((fact) => fact.type === 'request.approved')
      ? [context.enqueue(tx, { kind: 'provision', grant: id })]
      : []),
    ...(facts.some((fact) => fact.type === 'extension.approved')
      ? [context.enqueue(tx, { kind: 'extend', grant: id })]
      : []),
  ])
  return state
}

/** A thread's steps within this time are one line: nobody waits for the first of them. */
const ONE_LINE_MS = 2_000

const STEPS: readonly GrantEvent['type'][] = [
  ...(['grant.providing', 'grant.ending', 'grant.disabled', 'grant.sessions-ended', 'grant.access-removed'] as const),
]
const AWAITED: readonly GrantEvent['type'][] = [
  ...(['request.asked', 'request.held', 'request.approvers-changed', 'extension.asked'] as const),
  ...(['grant.active', 'grant.end-near'] as const),
]

function announcing(id: string, facts: readonly GrantEvent[], now: number): Effect {
  const stream = grantStream(id)
  return {
    ...{ kind: 'announce', stream, urgent: facts.some(({ type }) => AWAITED.includes(type)) },
    ...(facts.every(({ type }) => STEPS.includes(type)) && { notBefore: now + ONE_LINE_MS }),
  }
}

/** An event as the decisions read it. A free text that was erased reads `(erased)`. */
export function readable(event: RecordedEvent): Placed<GrantEvent> {
  const data: { [key: string]: unknown } = { ...event.data }
  for (const path of PRIVATE_PATHS[event.type as GrantEvent['type']] ?? []) {
    if (typeof data[path] !== 'string') data[path] = event.texts[path] ?? '(erased)'
  }
  return { type: event.type, data, seq: event.seq, at: event.at } as Placed<GrantEvent>
}

/** Splits free text from the fact: the record keeps its salted hash, the words stay erasable. */
export function toDraft(fact: GrantEvent): Draft {
  const hidden: { [path: string]: string } = {}
  const data: { [key: string]: unknown } = { ...fact.data }
  for (const path of PRIVATE_PATHS[fact.type] ?? []) {
    const words = data[path]
    if (typeof words !== 'string' || words === '') continue
    hidden[path] = words
    delete data[path]
  }
  return { type: fact.type, data, private: hidden }
}

/** Overwrites whatever the row says: the caller holds the stream's lock and has folded its events. */
export async function saveState(tx: Tx, state: GrantState, nextDueAt: number | null): Promise<void> {
  const openFor = isOpen(state) ? state.for : null
  await tx`
    insert into grant_state
      (id, seq, status, by_identity, for_identity, target, entitlement, asked_at, next_due_at, open_for)
    values
      (${state.id}, ${state.seq}, ${state.status}, ${state.by}, ${state.for}, ${state.target}, ${state.entitlement},
       ${state.askedAt}, ${nextDueAt}, ${openFor})
    on conflict (id) do update set
      seq = excluded.seq, status = excluded.status, next_due_at = excluded.next_due_at, open_for = excluded.open_for,
      by_identity = excluded.by_identity, for_identity = excluded.for_identity, target = excluded.target,
      entitlement = excluded.entitlement, asked_at = excluded.asked_at`
}
