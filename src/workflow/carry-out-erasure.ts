import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { type ErasureEvent, erasureStream } from '../domain/erasure-event.ts'
import { isRefused } from '../domain/refusal.ts'
import { RetryLater } from '../effects/effect.ts'
import { eraseTexts } from '../record/private-texts.ts'
import { confirmedByAll } from '../record/witnessed.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { findTexts } from './find-texts.ts'
import { toDraft } from './grant-store.ts'
import { appendToKeeping, holdsForRemoval, loadKeeping } from './keeping-store.ts'

/** Events whose texts go in one transaction: far from what a body may hold. */
const AT_ONCE = 200
/** Streams that are named with the reason why they stay; the rest is a number. */
const MOST_KEPT = 200
const AGAIN_MS = 5_000

/**
 * Erases what two persons ordered, a part at a time: the event that names the texts, and their removal, are one
 * transaction, in which nobody can ask for a hold. What may not go at that moment stays and is named. Every step may be
 * done again: what is gone is not found any more. The house's policy must be in force, for it says how long things stay.
 * @throws RetryLater while no witness has seen what is to go, or no policy is in force; RecordTampered
 */
export async function carryOutErasure(context: Context, id: string): Promise<void> {
  await context.lanes.withLane(`erasure:${id}`, async () => {
    const policy = await context.policy.inForce(context.db)
    if (isRefused(policy)) throw new RetryLater(AGAIN_MS)
    const witnessed = confirmedByAll(await context.witnessed.newest())?.checkpoint.size ?? 0
    for (let isDone = false; !isDone; ) {
      isDone = await decideAgain(() =>
        inTransaction(context.db, { timeoutMs: 60_000 }, async (tx) => {
          const now = context.clock.now()
          const holds = await holdsForRemoval(context, tx, now)
          const before = await loadKeeping(context, tx)
          const erasure = before.erasures.get(id)
          if (erasure?.ordered == null || erasure.over !== null) return true
          const { erasable, kept } = await findTexts(context, tx, erasure.person, { holds, policy, now })
          const batch = erasable
            .filter(({ leafIndex }) => leafIndex !== null && leafIndex < witnessed)
            .slice(0, AT_ONCE)
            .map(({ stream, seq, paths }) => ({ stream, seq, paths }))
          if (batch.length > 0) {
            const { by } = erasure.ordered
            const said = await append(context, tx, id, {
              type: 'texts.erased',
              data: { erasure: id, by, texts: batch },
            })
            await eraseTexts(tx, said)
            return false
          }
          if (erasable.length > 0) throw new RetryLater(AGAIN_MS)
          const texts = await countErased(context, tx, id)
          const more = Math.max(0, kept.length - MOST_KEPT)
          const done = { erasure: id, texts, kept: kept.slice(0, MOST_KEPT), more }
          await append(context, tx, id, { type: 'erasure.done', data: done })
          const outcome = { erasure: id, texts, kept: kept.length }
          await appendToKeeping(context, tx, before, [{ type: 'erasure.carried-out', data: outcome }], now)
          return true
        }),
      )
      context.committed()
      if (!isDone) await context.reached('erase:after-batch')
    }
  })
}

async function countErased(context: Context, tx: Tx, id: string): Promise<number> {
  const events = await context.record.readStream(tx, erasureStream(id))
  return events.reduce((sum, { type, data }) => {
    if (type !== 'texts.erased') return sum
    return (data as Extract<ErasureEvent, { type: 'texts.erased' }>['data']).texts.reduce(
      (count, { paths }) => count + paths.length,
      sum,
    )
  }, 0)
}

/** @returns the leaf hash of the event, hex */
async function append(context: Context, tx: Tx, id: string, fact: ErasureEvent): Promise<string> {
  const stream = erasureStream(id)
  const seq = await context.record.endOf(tx, stream)
  const facts = fact.type === 'erasure.done' ? [fact, { type: 'closed', data: {} }] : [fact]
  const [event] = await context.record.append(tx, stream, seq, facts.map(toDraft), context.clock.now())
  if (event === undefined) throw new Error('an append returned nothing')
  return event.hash
}
