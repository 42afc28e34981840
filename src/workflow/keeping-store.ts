import type { Db, Tx } from '../db/transaction.ts'
import { grantOfStream, grantStream, type Placed } from '../domain/grant-event.ts'
import { foldGrant } from '../domain/grant-state.ts'
import { type KeepingRun, SYSTEM_STREAM } from '../domain/house-event.ts'
import { KEEPING_STREAM, type KeepingEvent } from '../domain/keeping-event.ts'
import { foldKeeping, type Hold, holdsAt, type KeepingState } from '../domain/keeping-state.ts'
import { type Kept, rulesFor } from '../domain/may-erase.ts'
import type { Policy } from '../domain/policy.ts'
import { PRUNED_STREAM, type RecordPruned, type StreamPruned } from '../domain/pruning-event.ts'
import type { EventRecord } from '../record/record.ts'
import type { Context } from './context.ts'
import { findGrantsInWork } from './find-grants-in-work.ts'
import { readable, toDraft } from './grant-store.ts'

export async function loadKeeping({ record }: { readonly record: EventRecord }, db: Db | Tx): Promise<KeepingState> {
  const events = await record.readStream(db, KEEPING_STREAM)
  return foldKeeping(events.map((event) => readable<KeepingEvent>(event)))
}

/** How the last look of the calendar ended; null before the first. @throws RecordTampered */
export async function readLastKeeping(
  { record }: { readonly record: EventRecord },
  db: Db | Tx,
): Promise<(KeepingRun & { readonly at: number }) | null> {
  const run = (await record.readStream(db, SYSTEM_STREAM)).findLast(({ type }) => type === 'record.kept')
  return run === undefined ? null : { ...(run.data as unknown as KeepingRun), at: run.at }
}

/** Writes what two persons decide, and has it told. @returns what then holds */
export async function appendToKeeping(
  context: Context,
  tx: Tx,
  before: KeepingState,
  facts: readonly KeepingEvent[],
  now: number,
): Promise<KeepingState> {
  await context.record.append(tx, KEEPING_STREAM, before.seq, facts.map(toDraft), now)
  await context.enqueue(tx, { kind: 'announce', stream: KEEPING_STREAM })
  return loadKeeping(context, tx)
}

/**
 * What holds now, for whoever is about to erase or to prune. Until the transaction has ended nobody can ask for a hold:
 * so nothing goes after a hold was asked for that was decided before. @throws RecordTampered: then nothing may go
 */
export async function holdsForRemoval(context: Context, tx: Tx, now: number): Promise<Hold[]> {
  await tx`select pg_advisory_xact_lock(${KEEPING_LOCK})`
  return holdsAt(await loadKeeping(context, tx), now)
}

/** For whoever asks for a hold: waits for a removal that is under way. */
export async function lockKeeping(tx: Tx): Promise<void> {
  await tx`select pg_advisory_xact_lock(${KEEPING_LOCK})`
}

const KEEPING_LOCK = 0x6b656570

/**
 * What is asked about streams that carry the id of a grant, from the record; no entry for other streams.
 * @throws RecordTampered
 */
export async function keptOf(
  context: Context,
  db: Db | Tx,
  streams: Iterable<string>,
  policy: Policy,
): Promise<Map<string, Kept>> {
  const idOf = new Map([...streams].map((stream) => [stream, grantIn(stream)]))
  const ids = [...new Set([...idOf.values()].flatMap((id) => id ?? []))]
  const read = await context.record.readStreams(db, ids.map(grantStream))
  const inWork = await findGrantsInWork(context, db, ids)
  const kept = new Map<string, Kept>()
  for (const id of ids) {
    const events = (read.get(grantStream(id)) ?? []).map((event) => readable(event))
    const state = foldGrant(id, events)
    if (state === null) continue
    const [asked] = events
    kept.set(id, {
      ...{ persons: [...new Set([state.for, state.by, ...events.flatMap(actorsOf)])], target: state.target, grant: id },
      endedAt: state.closed && !inWork.has(id) ? (events.at(-1)?.at ?? null) : null,
      ...rulesFor(state.target, policyBy(context, asked?.type === 'request.asked' ? asked.data.policy : null), policy),
    })
  }
  return new Map(
    [...idOf].flatMap(([stream, id]): [string, Kept][] => {
      const what = id === null ? undefined : kept.get(id)
      return what === undefined ? [] : [[stream, what]]
    }),
  )
}

/** Who signed, denied or tried: a hold on them is about it, too. */
function actorsOf({ data }: { readonly data: object }): string[] {
  const by = 'by' in data ? [data.by].flat() : []
  return by.filter((one) => typeof one === 'string')
}

/** The grant that a stream belongs to: its own, or one beside it. */
function grantIn(stream: string): string | null {
  const id = /G-[0-9A-HJKMNP-TV-Z]{6}/.exec(stream)?.[0]
  return id === undefined ? null : grantOfStream(grantStream(id))
}

/** Of those that ever were in force; null for another. */
export function policyBy(context: Context, hash: string | null): Policy | null {
  for (const policy of context.policy.everActive()) if (policy.hash === hash) return policy
  return null
}

/** Which event pruned a stream; null for what never was on record: an auditor must be able to tell the two apart. */
export async function findPruned(
  { record }: Pick<Context, 'record'>,
  db: Db | Tx,
  stream: string,
): Promise<StreamPruned | null> {
  const said = (await record.readStream(db, PRUNED_STREAM)) as unknown as readonly Placed<RecordPruned>[]
  const pruned = said.find(({ data }) => data.streams.includes(stream))
  if (pruned === undefined) return null
  const { origin, leaves, retentionYears, policy } = pruned.data
  return { at: pruned.at, seq: pruned.seq, origin, leaves, retentionYears, policy }
}
