import { classifyFailure } from '../db/failure.ts'
import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { decideDue } from '../domain/decide-ending.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import type { GrantEvent } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { heldFreezeOn } from './freezes.ts'
import { appendToGrant, loadGrant } from './grant-store.ts'

/** Whoever keeps its row locked longer than this is not one of us. */
const LOCK_MS = 5_000

/**
 * Moves one grant on without a person: reads it under its lock, asks `decide`, writes what follows.
 * @param decide returns the events of this step; empty when somebody else has done it already
 * @param options.givesAccess whether the step leads to access: then it is told the freeze, which cannot change
 *   until the step has committed
 * @returns the state after, and whether anything was written
 */
export async function advanceGrant(
  context: Context,
  id: string,
  decide: (state: GrantState, now: number, freeze: Freeze | null) => readonly GrantEvent[],
  options: { readonly givesAccess?: boolean } = {},
): Promise<{ state: GrantState | null; wrote: boolean }> {
  try {
    return await decideAgain(() => advanceOnce(context, id, decide, options))
  } catch (error) {
    if (!isQueueFault(error)) throw error
    const detail = `Effects cannot be kept; the sweep makes up for them: ${error.message}`
    context.alarm({ what: 'queue-broken', detail, grant: id })
    return decideAgain(() => advanceOnce({ ...context, enqueue: async () => undefined }, id, decide, options))
  }
}

/** A queue that is damaged or gone must not hold up an ending: what it would carry is derived from the record again. */
function isQueueFault(error: unknown): error is Error {
  if (!(error instanceof Error) || classifyFailure(error) !== 'refused') return false
  const { schema_name, message } = error as { schema_name?: string; message: string }
  return schema_name === 'pgboss' || /\bpgboss\b|\bjob_common\b/.test(message)
}

async function advanceOnce(
  context: Context,
  id: string,
  decide: Parameters<typeof advanceGrant>[2],
  { givesAccess = false }: { readonly givesAccess?: boolean },
): ReturnType<typeof advanceGrant> {
  const result = await inTransaction(context.db, { timeoutMs: 10_000, lockMs: LOCK_MS }, async (tx) => {
    const loaded = await lockAndLoad(context, tx, id)
    if (loaded === null) return { state: null, wrote: false }
    const freeze = givesAccess ? await heldFreezeOn(context, tx, loaded.state.target) : null
    const now = context.clock.now()
    const facts = decide(loaded.state, now, freeze)
    if (facts.length === 0) return { state: loaded.state, wrote: false }
    return { state: await appendToGrant(context, tx, id, loaded.state, facts, now), wrote: true }
  })
  if (result.wrote) context.committed()
  return result
}

/**
 * Locks the holder's identity row, then reads the grant. Everything about one person is decided one
 * after the other; should the row that names the holder be wrong, the stream's head is still the fence.
 */
export async function lockAndLoad(context: Context, tx: Tx, id: string): ReturnType<typeof loadGrant> {
  await lockPerson(tx, id)
  return loadGrant(context, tx, id)
}

/** Locks the person whose grant this is, as far as its row tells. */
export async function lockPerson(tx: Tx, id: string): Promise<void> {
  const [row] = await tx<{ for_identity: string }[]>`select for_identity from grant_state where id = ${id}`
  if (row !== undefined) await lockIdentity(tx, row.for_identity)
}

/**
 * For an act of a person: as `lockAndLoad`, but what time has decided by `now` is written first. So whoever
 * comes a moment too late is told what everybody will be told, though no timer has been there yet.
 */
export async function lockAndSettle(context: Context, tx: Tx, id: string, now: number): Promise<GrantState | null> {
  const loaded = await lockAndLoad(context, tx, id)
  if (loaded === null) return null
  const due = decideDue(loaded.state, now)
  return due.length === 0 ? loaded.state : appendToGrant(context, tx, id, loaded.state, due, now)
}

/** Everything about one person is decided one after the other. */
export async function lockIdentity(tx: Tx, identity: string): Promise<void> {
  await tx`insert into identity_lock (id) values (${identity}) on conflict (id) do update set id = excluded.id`
}
