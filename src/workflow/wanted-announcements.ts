import type { ActivityEnded } from '../cards/activity-line.ts'
import type { Announcement } from '../cards/announcement.ts'
import { announceGrant } from '../cards/announcements.ts'
import { announceCheckpoints } from '../cards/checkpoint-announcements.ts'
import { announceDigest } from '../cards/digest-announcements.ts'
import { announceFinding } from '../cards/finding-announcements.ts'
import { announceFreezes } from '../cards/freeze-announcements.ts'
import { announceIdentity } from '../cards/identity-announcements.ts'
import { announceKeeping } from '../cards/keeping-announcements.ts'
import { announceMachine } from '../cards/machine-announcements.ts'
import { announceOrder } from '../cards/order-announcements.ts'
import { announceOrphan } from '../cards/orphan-announcements.ts'
import { announcePasskeys } from '../cards/passkey-announcements.ts'
import { announcePolicies } from '../cards/policy-announcements.ts'
import { announceThread } from '../cards/thread-announcements.ts'
import type { Undelivered } from '../cards/untold.ts'
import { type ActivityEvent, activityStream } from '../domain/activity-event.ts'
import { type CheckpointEvent, isCheckpointStream } from '../domain/checkpoint-event.ts'
import { type DigestEvent, weekOfDigest } from '../domain/digest-event.ts'
import { DAY } from '../domain/duration.ts'
import { findingOfStream } from '../domain/finding-event.ts'
import { type FreezeEvent, targetOfFreeze } from '../domain/freeze-event.ts'
import { foldFreeze } from '../domain/freeze-state.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { isOpen } from '../domain/grant-state.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import { IDENTITY_STREAMS, type IdentityEvent } from '../domain/identity-event.ts'
import { KEEPING_STREAM, type KeepingEvent } from '../domain/keeping-event.ts'
import { MACHINE_STREAMS, type MachineEvent } from '../domain/machine-event.ts'
import { orderOfStream } from '../domain/order-event.ts'
import { isOrderOpen } from '../domain/order-state.ts'
import { grantOfOrphan, type OrphanFact } from '../domain/orphan-event.ts'
import { personOfPasskeys } from '../domain/passkey-event.ts'
import { cardOfThread, type ThreadEvent } from '../domain/thread-event.ts'
import { newestAnnounced } from './announce-checkpoint.ts'
import { cardContext, namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadFinding } from './finding-store.ts'
import { loadGrant, readable } from './grant-store.ts'
import { findNotices } from './notices.ts'
import { loadOrder } from './order-store.ts'
import { loadPasskeys } from './passkey-store.ts'
import { readPolicyFacts } from './policy-in-force.ts'

/** What is only unreachable is tried for as long as the grant is open, and this much longer. */
const TRIED_AFTER_THE_END_MS = DAY

/** What chat should show of one stream, by the record. */
export interface Wanted {
  readonly wanted: readonly Announcement[]
  readonly seq: number
  /** Epoch ms; null while there is no end of trying. */
  readonly triedUntil: number | null
  /** Of every event of the stream, by its place. */
  readonly times: readonly number[]
  /** What could not be delivered or did not stay. */
  readonly undelivered: readonly Undelivered[]
}

export async function wantedAnnouncements(context: Context, stream: string): Promise<Wanted> {
  const beside = (await context.record.readStream(context.db, besideStream(stream))).map(readable)
  const undelivered = beside.filter(
    (event): event is Undelivered => event.type === 'notice.undeliverable' || event.type === 'notice.deleted',
  )
  if (stream === POLICY_STREAM) return { ...(await policyAnnouncements(context)), undelivered }
  if (stream === KEEPING_STREAM) return { ...(await keepingAnnouncements(context)), undelivered }
  const target = targetOfFreeze(stream)
  if (target !== null) return { ...(await freezeAnnouncements(context, stream, target)), undelivered }
  const order = orderOfStream(stream)
  if (order !== null) return { ...(await orderAnnouncements(context, order)), undelivered }
  const finding = findingOfStream(stream)
  if (finding !== null) return { ...(await findingAnnouncements(context, finding)), undelivered }
  if (weekOfDigest(stream) !== null) return { ...(await digestAnnouncements(context, stream)), undelivered }
  if (isCheckpointStream(stream)) return { ...(await checkpointAnnouncements(context, stream)), undelivered }
  const orphan = grantOfOrphan(stream)
  if (orphan !== null) return { ...(await orphanAnnouncements(context, stream, orphan)), undelivered }
  const owner = personOfPasskeys(stream)
  if (owner !== null) return { ...(await passkeyAnnouncements(context, owner)), undelivered }
  if (stream.startsWith(IDENTITY_STREAMS)) return { ...(await identityAnnouncements(context, stream)), undelivered }
  if (cardOfThread(stream) !== null) return { ...(await threadAnnouncements(context, stream)), undelivered }
  if (stream.startsWith(MACHINE_STREAMS)) return { ...(await machineAnnouncements(context, stream)), undelivered }
  const id = grantOfStream(stream)
  const loaded = id === null ? null : await loadGrant(context, context.db, id)
  if (id === null || loaded === null) return { wanted: [], seq: 0, triedUntil: null, times: [], undelivered }
  const { state, events } = loaded
  const activity = isOpen(state) ? null : await activityEnded(context, id)
  const wanted = announceGrant(id, events, cardContext(context), undelivered, activity)
  const triedUntil = isOpen(state) ? null : lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: state.seq, triedUntil, times: events.map(({ at }) => at), undelivered }
}

/** What the target's log told of a grant, once it was read to its end. */
export async function activityEnded(
  context: Pick<Context, 'record' | 'db'>,
  id: string,
): Promise<ActivityEnded | null> {
  const events = (await context.record.readStream(context.db, activityStream(id))).map((one) =>
    readable<ActivityEvent>(one),
  )
  return events.find((event) => event.type === 'activity.ended')?.data ?? null
}

/** A stream that is over takes no more facts: what could not be delivered of it is kept beside it. */
export function besideStream(stream: string): string {
  return `undelivered:${stream}`
}

type Placed = Omit<Wanted, 'undelivered'>

async function policyAnnouncements(context: Context): Promise<Placed> {
  const facts = await readPolicyFacts(context.record, context.db)
  const wanted = announcePolicies(facts, context.policy.current().channel, namesOf(context))
  const times = facts.map(({ at }) => at)
  return { wanted, seq: facts.length, triedUntil: lastOf(facts) + TRIED_AFTER_THE_END_MS, times }
}

async function keepingAnnouncements(context: Context): Promise<Placed> {
  const read = await context.record.readStream(context.db, KEEPING_STREAM)
  const events = read.map((event) => readable<KeepingEvent>(event))
  const wanted = announceKeeping(events, cardContext(context))
  const times = events.map(({ at }) => at)
  return { wanted, seq: events.length, triedUntil: lastOf(events) + TRIED_AFTER_THE_END_MS, times }
}

async function freezeAnnouncements(context: Context, stream: string, target: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<FreezeEvent>(event))
  const wanted = announceFreezes(target, events, context.policy.current(), namesOf(context))
  const triedUntil = foldFreeze(target, events).freeze === null ? lastOf(events) + TRIED_AFTER_THE_END_MS : null
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function orderAnnouncements(context: Context, id: string): Promise<Placed> {
  const loaded = await loadOrder(context, context.db, id)
  if (loaded === null) return { wanted: [], seq: 0, triedUntil: null, times: [] }
  const { state, events } = loaded
  const wanted = announceOrder(id, events, cardContext(context))
  const triedUntil = isOrderOpen(state) ? null : lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: state.seq, triedUntil, times: events.map(({ at }) => at) }
}

async function findingAnnouncements(context: Context, id: string): Promise<Placed> {
  const loaded = await loadFinding(context, context.db, id)
  if (loaded === null) return { wanted: [], seq: 0, triedUntil: null, times: [] }
  const { state, events } = loaded
  const wanted = announceFinding(id, events, namesOf(context))
  const triedUntil = state.status === 'closed' ? lastOf(events) + TRIED_AFTER_THE_END_MS : null
  return { wanted, seq: state.seq, triedUntil, times: events.map(({ at }) => at) }
}

async function passkeyAnnouncements(context: Context, owner: string): Promise<Placed> {
  const { events } = await loadPasskeys(context, context.db, owner)
  const wanted = announcePasskeys(owner, events, cardContext(context))
  const triedUntil = lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function digestAnnouncements(context: Context, stream: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<DigestEvent>(event))
  const wanted = announceDigest(events, namesOf(context))
  const triedUntil = lastOf(events) + 7 * TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

/** What could not be told before a newer one was on record is not told any more: only the newest is of use. */
async function checkpointAnnouncements(context: Context, stream: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((one) => readable<CheckpointEvent>(one))
  const newest = await newestAnnounced(context, context.db)
  const all = announceCheckpoints(stream, events)
  const isDue = newest?.stream === stream || events.some(({ data }) => data.week !== null)
  const notices = isDue ? null : await findNotices(context, stream)
  const wanted = notices === null ? all : all.filter(({ key }) => notices.get(key)?.ref != null)
  const triedUntil = lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function orphanAnnouncements(context: Context, stream: string, id: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<OrphanFact>(event))
  const wanted = announceOrphan(id, events, context.policy.current())
  const triedUntil = lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function identityAnnouncements(context: Context, stream: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<IdentityEvent>(event))
  const wanted = announceIdentity(stream, events, context.policy.current(), namesOf(context))
  const triedUntil = lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function threadAnnouncements(context: Context, stream: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<ThreadEvent>(event))
  const wanted = announceThread(stream, events, cardContext(context))
  const triedUntil = lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function machineAnnouncements(context: Context, stream: string): Promise<Placed> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<MachineEvent>(event))
  const id = stream.slice(MACHINE_STREAMS.length)
  const wanted = announceMachine(id, events, context.policy.current(), namesOf(context))
  const triedUntil = lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

function lastOf(events: readonly { readonly at: number }[]): number {
  return events.at(-1)?.at ?? 0
}
