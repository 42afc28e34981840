import type { Tx } from '../db/transaction.ts'
import { nextDue } from '../domain/decide-ending.ts'
import { type GrantEvent, grantStream, type Placed, PRIVATE_PATHS } from '../domain/grant-event.ts'
import { evolve, foldGrant, type GrantState, isOpen } from '../domain/grant-state.ts'
import { type PlatformTime, splitPlatformTime } from '../domain/platform-time.ts'
import { StreamConflict } from '../record/append.ts'
import type { Draft } from '../record/compose.ts'
import type { RecordedEvent } from '../record/recorded-event.ts'
import type { Context, Effect } from './context.ts'
import { draftsAt } from './keep-platform-time.ts'

/** A grant read from its events, with the events. */
export interface LoadedGrant {
  readonly state: GrantState
  readonly events: readonly Placed<GrantEvent>[]
}

/** Reads a grant from the record, never from the state table. @returns null when nobody ever asked */
export async function loadGrant(
  context: Pick<Context, 'record'>,
  db: Tx | Context['db'],
  id: string,
): Promise<LoadedGrant | null> {
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
  context: Pick<Context, 'record' | 'enqueue'>,
  tx: Tx,
  id: string,
  before: GrantState | null,
  facts: readonly GrantEvent[],
  now: number,
): Promise<GrantState> {
  const { placed, state } = placeFacts(id, before, facts, now)
  await Promise.all([
    context.record.append(tx, grantStream(id), before?.seq ?? 0, placed.map(toDraft), now),
    saveStates(tx, [state]),
    context.enqueue(tx, effectsOf(id, facts, now)),
  ])
  return state
}

/** A step of one grant, decided on a state that this process folded; null for one that begins. */
export interface Step extends PlatformTime {
  readonly id: string
  readonly before: GrantState | null
  readonly facts: readonly GrantEvent[]
}

/**
 * As `appendToGrant`, for steps of many grants in one transaction: as many statements as for one. A grant that somebody
 * else is writing to is left out.
 * @param beside what is written with them, for those that are written
 * @returns the states after, by id, of those that were written
 */
export async function appendToGrants(
  context: Pick<Context, 'record' | 'enqueue'>,
  tx: Tx,
  steps: readonly Step[],
  now: number,
  beside: (states: readonly GrantState[]) => Promise<unknown> = async () => undefined,
): Promise<Map<string, GrantState>> {
  const all = steps.map((step) => ({ ...step, ...placeFacts(step.id, step.before, step.facts, now) }))
  const appending = context.record.appendTogether(
    tx,
    all.map(({ id, before, placed, ...time }) => {
      const drafts = draftsAt(placed.map(toDraft), time)
      return { stream: grantStream(id), expectedSeq: before?.seq ?? 0, drafts, at: now }
    }),
  )
  const writeRest = async (done: typeof all) => {
    const states = done.map(({ state }) => state)
    const effects = done.flatMap(({ id, facts }) => effectsOf(id, facts, now))
    await Promise.all([saveStates(tx, states), context.enqueue(tx, effects), beside(states)])
  }
  // Nobody else writes to what begins here: all of it is on its way before the first is answered.
  const begin = all.length > 0 && all.every(({ before }) => before === null)
  const [written] = await Promise.all([appending, begin && writeRest(all)])
  const done = all.filter(({ id }) => written.has(grantStream(id)))
  if (begin && done.length < all.length) throw new StreamConflict('a stream that begins here', 0, null)
  if (!begin && done.length > 0) await writeRest(done)
  return new Map(done.map(({ state }) => [state.id, state]))
}

/** The facts in their places, with the closing where the grant is over, and what they add up to. */
function placeFacts(id: string, before: GrantState | null, facts: readonly GrantEvent[], now: number) {
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
  return { placed, state }
}

function effectsOf(id: string, facts: readonly GrantEvent[], now: number): Effect[] {
  const follows = (type: GrantEvent['type'], kind: 'provision' | 'extend'): Effect[] =>
    facts.some((fact) => fact.type === type) ? [{ kind, grant: id }] : []
  return [
    ...(facts.some(({ type }) => type === 'grant.removed')
      ? [{ kind: 'finish-activity', grant: id, notBefore: now + FINISH_AFTER_MS } as const]
      : []),
    announcing(id, facts, now),
    ...follows('request.approved', 'provision'),
    ...follows('extension.approved', 'extend'),
  ]
}

/** What the target wrote as the access ended takes a moment to reach its log. */
export const FINISH_AFTER_MS = 2_000

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
export function readable<E extends Fact = GrantEvent>(event: RecordedEvent): Placed<E> {
  const { data, time } = splitPlatformTime(event.data)
  for (const path of PRIVATE_PATHS[event.type] ?? []) {
    if (typeof data[path] !== 'string') data[path] = event.texts[path] ?? '(erased)'
  }
  return { type: event.type, data, seq: event.seq, at: event.at, ...time } as unknown as Placed<E>
}

/** Splits free text from the fact: the record keeps its salted hash, the words stay erasable. */
export function toDraft(fact: Fact): Draft {
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

/** Of any stream. */
interface Fact {
  readonly type: string
  readonly data: object
}

/** Overwrites whatever the rows say: the caller holds the streams' locks and has folded their events. */
export async function saveStates(tx: Tx, states: readonly GrantState[]): Promise<void> {
  const rows = states.map((state) => ({
    ...{ id: state.id, seq: state.seq, status: state.status, by: state.by, for: state.for, target: state.target },
    ...{ entitlement: state.entitlement, asked: state.askedAt, due: nextDue(state), open: isOpen(state) },
  }))
  await tx`
    insert into grant_state
      (id, seq, status, by_identity, for_identity, target, entitlement, asked_at, next_due_at, open_for)
    select id, seq, status, "by", "for", target, entitlement, asked, due, case when open then "for" end
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as state (
      id text, seq bigint, status text, "by" text, "for" text, target text, entitlement text, asked bigint, due bigint,
      open boolean
    )
    order by id
    on conflict (id) do update set
      seq = excluded.seq, status = excluded.status, next_due_at = excluded.next_due_at, open_for = excluded.open_for,
      by_identity = excluded.by_identity, for_identity = excluded.for_identity, target = excluded.target,
      entitlement = excluded.entitlement, asked_at = excluded.asked_at`
}
