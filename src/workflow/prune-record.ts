import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { DAY } from '../domain/duration.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import { type KeepingRun, SYSTEM_STREAM } from '../domain/house-event.ts'
import { keepingHeldUp } from '../domain/keeping-held-up.ts'
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
import { lockFindings } from './open-finding.ts'
import { recordFact } from './record-fact.ts'

/** Grants that are looked at in one transaction, and the most events of several that one event names. */
const AT_ONCE = 100
const MOST_EVENTS = 3_000
/** Of the leaves of one grant, in words: the rest of a body, which holds 60 KiB, is left for the names. */
const MOST_WORDS = 40_000
/** Of what nobody looks at for now. */
const MOST_COUNTED = 10_000
/** The newest check of the record must be this young: it is made every day. */
const CHECKED_WITHIN = 8 * DAY
/** Witnesses write the tile that is not full yet anew: what is in it stays. */
const TILE = 256
const AGAIN_MS = 10 * 60_000
/** A repeat of an act comes within hours. */
const ANSWERS_KEPT = 7 * DAY

/**
 * What the calendar does about keeping: takes up erasures that were ordered, drops answers kept for repeats, and prunes
 * what its retention is over for. Every part is a transaction of its own, and may be done again. What came of it is an
 * event; what is still there and should not be is an alarm.
 * @throws RetryLater while the record is being checked
 */
export async function keepRecord(context: Context): Promise<void> {
  const now = context.clock.now()
  const keeping = await loadKeeping(context, context.db)
  for (const { id, ordered, over } of keeping.erasures.values()) {
    if (ordered === null || over !== null) continue
    await context.db.begin((tx) => context.enqueue(tx, { kind: 'erase', erasure: id }))
  }
  // They quote what people wrote.
  await context.db`delete from act where at < ${now - ANSWERS_KEPT}`
  const run = await prune(context)
  await recordFact(context, SYSTEM_STREAM, { type: 'record.kept', data: { ...run } })
  context.committed()
  for (const detail of keepingHeldUp(run, keeping, now)) {
    context.alarm({ what: 'keeping-held-up', detail, grant: null })
  }
}

/**
 * Removes the events of grants whose retention is over, with all that belongs to them. Not while the policy in force or
 * the record is in doubt: what is gone cannot be asked. The leaf hashes stay, and an event says what went.
 */
async function prune(context: Context): Promise<KeepingRun> {
  const policy = await context.policy.provedInForce(context.db)
  const none = { pruned: 0, held: 0, due: 0, refused: null }
  if (isRefused(policy)) return { ...none, due: await countClosed(context), refused: 'policy-unproved' }
  if (!(await wasFoundWhole(context))) {
    return { ...none, due: await countClosed(context), refused: 'record-not-checked' }
  }
  const witnessed = confirmedByAll(await context.witnessed.newest())?.checkpoint.size ?? 0
  const below = witnessed - (witnessed % TILE)
  const cutoff = addYears(context.clock.now(), -policy.retentionYears)
  let run: KeepingRun = none
  for (let after = ''; ; ) {
    const streams = await findClosed(context.db, { prefix: grantStream(''), before: cutoff, after, limit: AT_ONCE })
    const last = streams.at(-1)
    if (last === undefined) return run
    const ids = streams.flatMap((stream) => grantOfStream(stream) ?? [])
    const { chosen, held, due } = await inTransaction(context.db, { timeoutMs: 30_000 }, async (tx) => {
      if (!(await lockPruning(tx))) throw new RetryLater(AGAIN_MS)
      await lockFindings(tx)
      const holds = await holdsForRemoval(context, tx, context.clock.now())
      const choice = await choose(context, tx, ids, { holds, policy, below, cutoff })
      if (choice.chosen.length > 0) await removeAll(context, tx, choice.chosen, { cutoff, policy })
      return choice
    })
    if (chosen.length > 0) {
      run = { ...run, pruned: run.pruned + new Set(chosen.map(({ id }) => id)).size }
      context.committed()
      await context.reached('prune:after-batch')
    } else {
      run = { ...run, held: run.held + held, due: run.due + due }
      after = last
    }
  }
}

async function removeAll(
  context: Context,
  tx: Tx,
  chosen: readonly Family[],
  { cutoff, policy }: { cutoff: number; policy: Policy },
): Promise<void> {
  const events = leavesOf(chosen)
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
}

/** What would be looked at, if anything were. */
async function countClosed({ db, clock, policy }: Context): Promise<number> {
  const before = addYears(clock.now(), -policy.current().retentionYears)
  return (await findClosed(db, { prefix: grantStream(''), before, after: '', limit: MOST_COUNTED })).length
}

/**
 * The streams of the grants that may go, as far as one event can name them; each grant whole or not at all. And how many
 * of the others are held, or due without anything that holds them.
 */
async function choose(
  context: Context,
  tx: Tx,
  ids: readonly string[],
  { holds, policy, below, cutoff }: { holds: readonly Hold[]; policy: Policy; below: number; cutoff: number },
): Promise<{ chosen: Family[]; held: number; due: number }> {
  const families = Map.groupBy(await findFamilies(tx, ids), ({ id }) => id)
  const chosen: Family[] = []
  let [events, held, due] = [0, 0, 0]
  for (const [id, streams] of families) {
    const leaves = leavesOf(streams)
    const isOver = streams.every(({ lastAt, unsealed }) => lastAt <= cutoff && unsealed === 0)
    if (!isOver || (leaves.at(-1) ?? 0) >= below) continue
    const why = await whyItStays(context, tx, id, holds, policy)
    if (why === 'held') held++
    else if (why === 'tampered' || runsInWords(leaves).length > MOST_WORDS) due++
    // One of many events goes alone.
    else if (why === null && (chosen.length === 0 || events + leaves.length <= MOST_EVENTS)) {
      events += leaves.length
      chosen.push(...streams)
    }
  }
  return { chosen, held, due }
}

function leavesOf(families: readonly Family[]): number[] {
  return families.flatMap(({ leaves }) => leaves).toSorted((a, b) => a - b)
}

async function whyItStays(
  context: Context,
  tx: Tx,
  id: string,
  holds: readonly Hold[],
  policy: Policy,
): Promise<'held' | 'retention' | 'tampered' | null> {
  try {
    const kept = (await keptOf(context, tx, [grantStream(id)], policy)).get(grantStream(id))
    if (kept === undefined) return 'tampered'
    const because = whyNotPruned(kept, holds, context.clock.now())?.because ?? null
    return because === 'open' ? 'held' : because
  } catch (error) {
    // What was changed stays as it is: somebody has to look at it.
    if (error instanceof RecordTampered) return 'tampered'
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
