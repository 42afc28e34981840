import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { DAY } from '../domain/duration.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import type { Hold } from '../domain/keeping-state.ts'
import { addYears, whyNotPruned } from '../domain/may-erase.ts'
import type { Policy } from '../domain/policy.ts'
import { PRUNED_STREAM, type RecordPruned } from '../domain/pruning-event.ts'
import { isRefused } from '../domain/refusal.ts'
import { RetryLater } from '../effects/effect.ts'
import { type Family, findClosed, findFamilies } from '../record/find-prunable.ts'
import { lockPruning, pruneStreams, runsInWords } from '../record/pruned.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { confirmedByAll } from '../record/witnessed.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'
import { holdsForRemoval, keptOf, loadKeeping } from './keeping-store.ts'

/** Grants that are looked at in one transaction, and the most events that one event names: far from what a body holds. */
const AT_ONCE = 100
const MOST_EVENTS = 3_000
/** The newest check of the record must be this young: it is made every day. */
const CHECKED_WITHIN = 8 * DAY
/** Witnesses write the tile that is not full yet anew: what is in it stays. */
const TILE = 256
const AGAIN_MS = 10 * 60_000
/** A repeat of an act comes within hours. */
const ANSWERS_KEPT = 7 * DAY

/**
 * What the calendar does about keeping: takes up erasures that were ordered, drops answers kept for repeats, and prunes
 * what its retention is over for. Every part is a transaction of its own, and may be done again.
 * @throws RetryLater while the record is being checked
 */
export async function keepRecord(context: Context): Promise<void> {
  const now = context.clock.now()
  for (const { id, ordered, over } of (await loadKeeping(context, context.db)).erasures.values()) {
    if (ordered === null || over !== null) continue
    await context.db.begin((tx) => context.enqueue(tx, { kind: 'erase', erasure: id }))
  }
  // They quote what people wrote.
  await context.db`delete from act where at < ${now - ANSWERS_KEPT}`
  await prune(context)
}

/**
 * Removes the events of grants whose retention is over, with all that belongs to them. Not while the policy in force or
 * the record is in doubt: what is gone cannot be asked. The leaf hashes stay, and an event says what went.
 */
async function prune(context: Context): Promise<void> {
  const policy = await context.policy.provedInForce(context.db)
  if (isRefused(policy) || !(await wasFoundWhole(context))) return
  const witnessed = confirmedByAll(await context.witnessed.newest())?.checkpoint.size ?? 0
  const below = witnessed - (witnessed % TILE)
  const cutoff = addYears(context.clock.now(), -policy.retentionYears)
  for (let after = ''; ; ) {
    const streams = await findClosed(context.db, { prefix: grantStream(''), before: cutoff, after, limit: AT_ONCE })
    const last = streams.at(-1)
    if (last === undefined) return
    const ids = streams.flatMap((stream) => grantOfStream(stream) ?? [])
    const pruned = await inTransaction(context.db, { timeoutMs: 30_000 }, async (tx) => {
      if (!(await lockPruning(tx))) throw new RetryLater(AGAIN_MS)
      const holds = await holdsForRemoval(context, tx, context.clock.now())
      const chosen = await choose(context, tx, ids, { holds, policy, below, cutoff })
      if (chosen.length === 0) return { count: 0, last }
      const events = chosen.flatMap(({ leaves }) => leaves).toSorted((a, b) => a - b)
      const fact: RecordPruned = {
        type: 'record.pruned',
        data: {
          ...{ origin: context.witnessed.origin, streams: chosen.map(({ stream }) => stream) },
          ...{ leaves: runsInWords(events), events: events.length, cutoff },
          ...{ retentionYears: policy.retentionYears, policy: policy.hash },
        },
      }
      const [said] = await context.record.append(tx, PRUNED_STREAM, null, [toDraft(fact)], context.clock.now())
      if (said === undefined) throw new Error('an append returned nothing')
      await pruneStreams(tx, said.hash)
      await forget(tx, chosen)
      return { count: chosen.length, last }
    })
    if (pruned.count > 0) {
      context.committed()
      await context.reached('prune:after-batch')
    } else after = pruned.last
  }
}

/** The streams of the grants that may go, as far as one event can name them; each grant whole or not at all. */
async function choose(
  context: Context,
  tx: Tx,
  ids: readonly string[],
  { holds, policy, below, cutoff }: { holds: readonly Hold[]; policy: Policy; below: number; cutoff: number },
): Promise<Family[]> {
  const families = Map.groupBy(await findFamilies(tx, ids), ({ id }) => id)
  const chosen: Family[] = []
  let events = 0
  for (const [id, streams] of families) {
    const size = streams.reduce((sum, { leaves }) => sum + leaves.length, 0)
    const isOver = streams.every(
      ({ lastAt, unsealed, leaves }) => lastAt <= cutoff && unsealed === 0 && (leaves.at(-1) ?? 0) < below,
    )
    if (!isOver || events + size > MOST_EVENTS || !(await mayGo(context, tx, id, holds, policy))) continue
    events += size
    chosen.push(...streams)
  }
  return chosen
}

async function mayGo(context: Context, tx: Tx, id: string, holds: readonly Hold[], policy: Policy): Promise<boolean> {
  try {
    const kept = (await keptOf(context, tx, [grantStream(id)], policy)).get(grantStream(id))
    return kept !== undefined && whyNotPruned(kept, holds, context.clock.now()) === null
  } catch (error) {
    // What was changed stays as it is: somebody has to look at it.
    if (error instanceof RecordTampered) return false
    throw error
  }
}

/** What was folded from them, and what was said of them. */
async function forget(tx: Tx, chosen: readonly Family[]): Promise<void> {
  const streams = chosen.map(({ stream }) => stream)
  await tx`delete from grant_state where id = any(${chosen.map(({ id }) => id)}::text[])`
  await tx`delete from notice where stream = any(${streams}::text[])`
  await tx`delete from announced where split_part(stream, '@', 1) = any(${streams}::text[])`
}

/** Else who takes a hold out of the record, or an event that keeps something open, has the rest removed by us. */
async function wasFoundWhole({ record, db, clock }: Context): Promise<boolean> {
  const checks = (await record.readStream(db, SYSTEM_STREAM)).filter(({ type }) => type === 'record.checked')
  const last = checks.at(-1)
  return last?.data.ok === true && last.at > clock.now() - CHECKED_WITHIN
}
