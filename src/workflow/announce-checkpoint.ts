import { hash } from 'node:crypto'
import { inTransaction } from '../db/in-transaction.ts'
import type { Db, Tx } from '../db/transaction.ts'
import { channelList } from '../domain/channels.ts'
import { type CheckpointCause, type CheckpointEvent, checkpointStream } from '../domain/checkpoint-event.ts'
import { digestStream } from '../domain/digest-event.ts'
import { HOUR } from '../domain/duration.ts'
import { StreamConflict } from '../record/append.ts'
import { findLog } from '../record/read-witnessed.ts'
import { confirmedByAll, type WitnessedNote } from '../record/witnessed.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'

export const CHECKPOINT_CRON = '*/15 * * * *'
/** For the digest itself to come under the checkpoint that is told with it. */
const SEALED_WITHIN_MS = 30_000

/**
 * Tells the newest checkpoint that every witness confirmed in the channel that the policy names for it: once for each
 * cause, and for a quarter of an hour only if the log has grown since. Whatever hangs on it is no growth: else each would
 * bring the next one about. A notice: nothing waits for it.
 * @throws WitnessUnreachable, WitnessNoteWrong
 */
export async function announceCheckpoint(context: Context, cause: CheckpointCause): Promise<void> {
  const week = 'week' in cause ? cause.week : null
  const { checkpointChannel, hash: policy } = context.policy.current()
  if (checkpointChannel === null) return
  if (week !== null) await context.sealed(digestStream(week), 1, SEALED_WITHIN_MS)
  const newest = confirmedByAll(await context.witnessed.newest())
  if (newest === null || newest.checkpoint.size === 0) return
  await context.lanes.withLane('announce-checkpoint', async () => {
    const before = await newestAnnounced(context, context.db)
    // A log of another name has begun anew.
    const since = before?.origin === newest.checkpoint.origin ? { size: before.size, at: before.at } : null
    if (week === null && since !== null && !(await hasGrown(context, newest, since.size))) return
    const { origin, size, root } = newest.checkpoint
    const fact: CheckpointEvent = {
      type: 'checkpoint.announced',
      data: {
        ...{ origin, size, root: root.toString('base64'), note: newest.note },
        fingerprint: await fingerprintAt(context, size),
        ...{ since, week, announcedIn: channelList(checkpointChannel), policy },
      },
    }
    await appendOnce(context, checkpointStream(cause), fact)
  })
}

/** The newest that is on record as told; `at` in epoch ms. */
export async function newestAnnounced(
  { record, clock }: Pick<Context, 'record' | 'clock'>,
  db: Db,
): Promise<{ stream: string; origin: string; size: number; at: number } | null> {
  // Whoever told it may have a clock that is a little before ours.
  const newest = await record.newestOf(db, 'checkpoint.announced', clock.now() + HOUR)
  if (newest === null) return null
  const { stream, at, data } = newest
  return { stream, at, origin: String(data.origin), size: Number(data.size) }
}

/** Whether there is anything new but what is told here, and what became of it in chat. */
async function hasGrown({ db }: Context, { checkpoint }: WitnessedNote, from: number): Promise<boolean> {
  const [row] = await db<{ grown: boolean }[]>`
    select exists (
      select from leaf l join event e on e.leaf_hash = l.leaf_hash
      where l.log = ${await findLog(db, checkpoint.origin)} and l.leaf_index >= ${from} and l.leaf_index < ${checkpoint.size}
        and e.stream !~ '^((undelivered|thread):)*checkpoint:'
    ) as grown`
  return row?.grown ?? false
}

/** Of the key that signs at this size. */
async function fingerprintAt({ witnessed }: Context, size: number): Promise<string> {
  const { keys } = await witnessed.keys()
  const key = keys.findLast(({ from, upTo }) => from <= size && (upTo === null || size <= upTo))
  return hash('sha256', key?.vkey ?? witnessed.vkey, 'hex')
}

/** Nothing when another replica was first. */
async function appendOnce(context: Context, stream: string, fact: CheckpointEvent): Promise<void> {
  try {
    await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx: Tx) => {
      await context.record.append(tx, stream, 0, [toDraft(fact)], context.clock.now())
      await context.enqueue(tx, { kind: 'announce', stream })
    })
  } catch (error) {
    if (error instanceof StreamConflict) return
    throw error
  }
  context.committed()
}
