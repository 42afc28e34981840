import { inTransaction } from '../db/in-transaction.ts'
import { activityStream } from '../domain/activity-event.ts'
import { DAY, MINUTE } from '../domain/duration.ts'
import { findingStream } from '../domain/finding-event.ts'
import { freezeStream } from '../domain/freeze-event.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import { MACHINE_STREAMS } from '../domain/machine-event.ts'
import { orderStream } from '../domain/order-event.ts'
import { orphanStream } from '../domain/orphan-event.ts'
import { openStreams } from '../record/find-streams.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { findRowsThatAsk } from './find-grants.ts'
import { loadGrant } from './grant-store.ts'
import { mendGrant } from './mend-grant.ts'
import { findOpenOrders, settleOrder } from './order-store.ts'
import { reconcileTarget } from './reconcile-target.ts'
import { reconsider, takeGround } from './reconsider.ts'
import { sweepPeople } from './settle-people.ts'

/**
 * The net under the timer: reads the record, not the tables folded from it. Every open stream is
 * folded again; a row that says something else is named and mended; effects that a deleted job would
 * have lost are enqueued anew. Afterwards the timer finds everything that is due.
 */
export async function sweep(context: Context): Promise<void> {
  await attempt(context, 'sweep-fault', '', async () => {
    for (const id of await findOpen(context)) {
      await attempt(context, 'sweep-fault', id, async () => {
        await mendGrant(context, id)
        const state = (await loadGrant(context, context.db, id))?.state
        if (state !== undefined) {
          await takeGround(context, state)
          await reconsider(context, state)
        }
        await context.reached('sweep:after-mended')
      })
    }
  })
  await attempt(context, 'sweep-fault', '', () => moveOrders(context))
  await attempt(context, 'sweep-fault', '', () => sweepPeople(context))
  await attempt(context, 'sweep-fault', '', () => announceLate(context))
  await attempt(context, 'sweep-fault', '', () => finishActivities(context))
}

/** The same for what the targets themselves show, also when nothing of the record can be read or written. */
export async function sweepTargets(context: Context): Promise<void> {
  const look = (target: string) =>
    attempt(context, 'target-not-reconciled', target, () => reconcileTarget(context, target))
  await Promise.all(context.knownTargets().map(look))
}

/** What the events say is open, and what the rows say: either may have been changed. */
async function findOpen(context: Context): Promise<Set<string>> {
  const [streams, rows] = await Promise.all([
    openStreams(context.db, { prefix: 'grant:', startedBy: 'request.asked', notEndedBy: ['closed'] }),
    findRowsThatAsk(context.db),
  ])
  return new Set([...streams.flatMap((stream) => grantOfStream(stream) ?? []), ...rows])
}

/** Ends what waited too long for its second person, and starts anew what a deleted job would have carried out. */
async function moveOrders(context: Context): Promise<void> {
  for (const order of await findOpenOrders(context.db)) {
    await attempt(context, 'sweep-fault', order, async () => {
      await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
        const state = await settleOrder(context, tx, order, context.clock.now())
        if (state?.status === 'confirmed') await context.enqueue(tx, { kind: 'revoke-all', order })
      })
      context.committed()
    })
  }
}

/** One failure does not stop the rest. A record that was changed has named itself. */
async function attempt(context: Context, what: string, about: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof RecordTampered) return
    const detail = [about, error instanceof Error ? error.message : 'unknown'].filter(Boolean).join(': ')
    context.alarm({ what, detail, grant: grantOfStream(grantStream(about)) === null ? null : about })
  }
}

/** How far back an untold grant is looked for. */
const LOOK_BACK_MS = 7 * DAY
/** Longer than anybody waits for a target. */
const ACTIVITY_LOOK_BACK_MS = 30 * DAY

/** Streams about which something was recorded after the last thing that was said, a minute ago or more. */
async function announceLate(context: Context): Promise<void> {
  const before = context.clock.now() - MINUTE
  const late = await context.db<{ id: string; ahead: boolean }[]>`
    select g.id, g.seq < coalesce(a.seq, 0) as ahead from grant_state g left join announced a on a.stream = 'grant:' || g.id
    where g.seq < a.seq
      or g.seq > coalesce(a.seq, 0) and g.asked_at between ${context.clock.now() - LOOK_BACK_MS} and ${before}
    order by g.asked_at desc limit 1000`
  for (const { id, ahead } of late) {
    if (ahead) {
      const detail = 'Chat is said to be further than the record; it is told again'
      context.alarm({ what: 'announced-ahead-of-record', detail, grant: id })
      await context.db`
        update announced set seq = 0 where stream = ${grantStream(id)} or starts_with(stream, ${`${grantStream(id)}@`})`
    }
    await context.db.begin((tx) => context.enqueue(tx, { kind: 'announce', stream: grantStream(id) }))
  }
  const others = await context.db<{ stream: string }[]>`
    select h.stream from stream_head h left join announced a on a.stream = h.stream
    where (starts_with(h.stream, ${orderStream('')}) or starts_with(h.stream, ${freezeStream('')})
        or starts_with(h.stream, ${MACHINE_STREAMS}) or starts_with(h.stream, ${findingStream('')})
        or starts_with(h.stream, ${orphanStream('')}) and strpos(h.stream, ':beside:') = 0)
      and h.seq > coalesce(a.seq, 0) limit 1000`
  for (const { stream } of others) {
    await context.db.begin((tx) => context.enqueue(tx, { kind: 'announce', stream }))
  }
}

/** What was seen gone a minute ago or more, and whose activity was not read to its end: its job was deleted, or its target was away. */
async function finishActivities(context: Context): Promise<void> {
  const now = context.clock.now()
  const unfinished = await context.db<{ stream: string }[]>`
    select g.stream from event g
    where g.type = 'grant.removed' and g.at between ${now - ACTIVITY_LOOK_BACK_MS} and ${now - MINUTE}
      and not exists (
        select from event a where a.type = 'closed' and a.stream = ${activityStream('')} || substr(g.stream, ${grantStream('').length + 1}::integer)
      )
    order by g.at limit 1000`
  if (unfinished.length === 0) return
  const effects = unfinished.flatMap(({ stream }) => {
    const grant = grantOfStream(stream)
    return grant === null ? [] : [{ kind: 'finish-activity', grant, notBefore: now } as const]
  })
  await context.db.begin((tx) => context.enqueue(tx, effects))
}
