import type { Announcement } from '../cards/announcement.ts'
import { announceGrant } from '../cards/announcements.ts'
import { announceFreezes } from '../cards/freeze-announcements.ts'
import { announceOrder } from '../cards/order-announcements.ts'
import { announcePolicies } from '../cards/policy-announcements.ts'
import type { Undelivered } from '../cards/untold.ts'
import { DAY } from '../domain/duration.ts'
import { type FreezeEvent, targetOfFreeze } from '../domain/freeze-event.ts'
import { foldFreeze } from '../domain/freeze-state.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { isOpen } from '../domain/grant-state.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import { orderOfStream } from '../domain/order-event.ts'
import { isOrderOpen } from '../domain/order-state.ts'
import { RetryLater } from '../effects/effect.ts'
import { ChatError, type Destination } from '../ports/chat.ts'
import { DirectoryUnreachable } from '../ports/directory.ts'
import { cardContext, namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant, readable, toDraft } from './grant-store.ts'
import { findNotices, keepNotice, type Notice } from './notices.ts'
import { loadOrder } from './order-store.ts'
import { readPolicyFacts } from './policy-in-force.ts'

/** A platform that says no this often to the same message means it. */
const MOST_NOS = 2
const AFTER_A_NO_MS = 500

/** What is only unreachable is tried for as long as the grant is open, and this much longer. */
const TRIED_AFTER_THE_END_MS = DAY

/**
 * Brings chat in step with the record: posts what is missing, replaces what has changed. What should
 * be there is derived from the events, so a repeat, a crash or a lost job changes nothing. One message
 * that cannot be delivered does not hold back the others.
 * @throws what the effects honour when something is still to be delivered: a wait that was asked for, or a back-off
 */
export async function announce(context: Context, stream: string): Promise<void> {
  const again = await context.lanes.withLane(`thread:${stream}`, async () => {
    const { wanted, seq, triedUntil, times } = await announcementsOf(context, stream)
    const round: Round = { context, stream, triedUntil, notices: await findNotices(context, stream) }
    const failures: unknown[] = []
    for (const announcement of inOrder(wanted)) {
      try {
        await deliver(round, announcement)
      } catch (error) {
        const failure = await recordFailure(round, announcement, error)
        if (failure !== null) failures.push(failure)
      }
    }
    if (failures.length === 0) {
      const shownBefore = await keepAnnounced(context, stream, seq)
      const oldestNew = times[shownBefore]
      if (oldestNew !== undefined) context.observe.chatInStep(context.clock.now() - oldestNew)
    }
    await context.reached('announce:after-announced')
    return failures
  })
  if (again.length > 0) throw again.toSorted((a, b) => askedWaitMs(b) - askedWaitMs(a))[0]
}

/** One stream, looked at once, in its lane. */
interface Round {
  readonly context: Context
  readonly stream: string
  /** Epoch ms; null while there is no end of trying. */
  readonly triedUntil: number | null
  readonly notices: Map<string, Notice>
}

interface Wanted {
  readonly wanted: readonly Announcement[]
  readonly seq: number
  readonly triedUntil: number | null
  /** Of every event of the stream, by its place. */
  readonly times: readonly number[]
}

async function announcementsOf(context: Context, stream: string): Promise<Wanted> {
  if (stream === POLICY_STREAM) return policyAnnouncements(context)
  const target = targetOfFreeze(stream)
  if (target !== null) return freezeAnnouncements(context, stream, target)
  const order = orderOfStream(stream)
  if (order !== null) return orderAnnouncements(context, order)
  const id = grantOfStream(stream)
  const loaded = id === null ? null : await loadGrant(context, context.db, id)
  if (id === null || loaded === null) return { wanted: [], seq: 0, triedUntil: null, times: [] }
  const { state, events } = loaded
  const undelivered = (await context.record.readStream(context.db, besideStream(stream))).map(readable)
  const wanted = announceGrant(
    id,
    events,
    cardContext(context),
    undelivered.filter((event): event is Undelivered => event.type === 'notice.undeliverable'),
  )
  const triedUntil = isOpen(state) ? null : lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: state.seq, triedUntil, times: events.map(({ at }) => at) }
}

async function policyAnnouncements(context: Context): Promise<Wanted> {
  const facts = await readPolicyFacts(context.record, context.db)
  const wanted = announcePolicies(facts, context.policy.current().channel, namesOf(context))
  const times = facts.map(({ at }) => at)
  return { wanted, seq: facts.length, triedUntil: lastOf(facts) + TRIED_AFTER_THE_END_MS, times }
}

async function freezeAnnouncements(context: Context, stream: string, target: string): Promise<Wanted> {
  const events = (await context.record.readStream(context.db, stream)).map((event) => readable<FreezeEvent>(event))
  const wanted = announceFreezes(target, events, context.policy.current(), namesOf(context))
  const triedUntil = foldFreeze(target, events).freeze === null ? lastOf(events) + TRIED_AFTER_THE_END_MS : null
  return { wanted, seq: events.length, triedUntil, times: events.map(({ at }) => at) }
}

async function orderAnnouncements(context: Context, id: string): Promise<Wanted> {
  const loaded = await loadOrder(context, context.db, id)
  if (loaded === null) return { wanted: [], seq: 0, triedUntil: null, times: [] }
  const { state, events } = loaded
  const wanted = announceOrder(id, events, cardContext(context))
  const triedUntil = isOrderOpen(state) ? null : lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: state.seq, triedUntil, times: events.map(({ at }) => at) }
}

function lastOf(events: readonly { readonly at: number }[]): number {
  return events.at(-1)?.at ?? 0
}

/** A stream that is over takes no more facts: what could not be delivered of it is kept beside it. */
function besideStream(stream: string): string {
  return `undelivered:${stream}`
}

/** @returns how far chat had been in step before */
async function keepAnnounced(context: Context, stream: string, seq: number): Promise<number> {
  const [row] = await context.db<{ before: number | null }[]>`
    with before as (select seq from announced where stream = ${stream})
    insert into announced (stream, seq) values (${stream}, ${seq})
    on conflict (stream) do update set seq = greatest(announced.seq, excluded.seq)
    returning (select seq from before) as before`
  return row?.before ?? 0
}

/** The card before its thread; then by priority. */
function inOrder(wanted: readonly Announcement[]): Announcement[] {
  const rank = (one: Announcement) => (one.to.kind === 'channel' ? -1 : one.priority)
  return wanted.toSorted((a, b) => rank(a) - rank(b))
}

/** Does nothing for what is there already, or was given up with these very words. */
async function deliver(round: Round, wanted: Announcement): Promise<void> {
  const { context } = round
  const notice = round.notices.get(wanted.key)
  const contentHash = digestOf(context, wanted)
  if (notice !== undefined && notice.state !== 'maybe-sent' && notice.contentHash === contentHash) return
  if (notice?.ref != null) {
    await context.chat.update(notice.ref, wanted.message)
    await context.reached('announce:after-update')
    await keep(round, wanted, { state: 'sent', ref: notice.ref, contentHash, attempts: 0 })
    return
  }
  const to = await destinationOf(round, wanted)
  if (to === null) return
  if (notice === undefined) await keep(round, wanted, { state: 'maybe-sent', ref: null, contentHash: '', attempts: 0 })
  await context.reached('announce:before-post')
  const ref = await context.chat.post(to, wanted.key, wanted.message)
  await context.reached('announce:after-post')
  // An earlier attempt may have posted it, with the words of that moment.
  if (notice !== undefined) await context.chat.update(ref, wanted.message)
  await keep(round, wanted, { state: 'sent', ref, contentHash, attempts: 0 })
  await context.reached('announce:after-recorded')
}

/** @returns null for a line whose thread is not there yet: it is derived again once its card is posted */
async function destinationOf({ context, stream, notices }: Round, { to }: Announcement): Promise<Destination | null> {
  switch (to.kind) {
    case 'channel':
      return to
    case 'thread': {
      const root = notices.get(`${stream}:card`)?.ref
      return root == null ? null : { kind: 'thread', root }
    }
    case 'person': {
      const identity = await context.directory.byId(to.identity)
      const account = identity?.accounts.find((one) => one.platform === context.chat.platform)
      if (account === undefined) {
        throw new ChatError('not-found', `${to.identity} has no account on ${context.chat.platform}`)
      }
      return { kind: 'person', account }
    }
    default:
      return to satisfies never
  }
}

/**
 * Gives up what the platform refuses, and what it could not be asked for long after the end. Everything
 * else is tried again: an outage of an hour silences nobody.
 * @returns what has to be tried again; null when it is given up
 */
async function recordFailure(round: Round, wanted: Announcement, error: unknown): Promise<unknown> {
  const code = codeOf(error)
  if (code === null) return error
  const { context, notices, triedUntil } = round
  const before = notices.get(wanted.key) ?? { state: 'maybe-sent', ref: null, contentHash: '', attempts: 0 }
  const saidNo = code === 'not-found' || code === 'refused'
  const attempts = before.attempts + (saidNo ? 1 : 0)
  const late = triedUntil !== null && context.clock.now() > triedUntil
  if (saidNo ? attempts < MOST_NOS : !late) {
    // What was only unreachable is as it was: in a storm of endings most of it is put off more than once.
    if (saidNo) await keep(round, wanted, { ...before, attempts })
    return saidNo ? new RetryLater(AFTER_A_NO_MS, { cause: error }) : error
  }
  const contentHash = digestOf(context, wanted)
  if (before.state !== 'undeliverable') await recordUndeliverable(round, wanted, code)
  await keep(round, wanted, { ...before, state: 'undeliverable', contentHash, attempts: 0 })
  return null
}

/** Null for what chat and the directory do not throw: a fault of ours, or of the database. */
function codeOf(error: unknown): string | null {
  if (error instanceof ChatError) return error.code
  return error instanceof DirectoryUnreachable ? 'directory-unreachable' : null
}

function askedWaitMs(error: unknown): number {
  const waits = error instanceof ChatError || error instanceof RetryLater
  return waits ? (error.retryAfterMs ?? 0) : 0
}

/** Said once a message, not again when it stays so with other words. What follows from it is announced next. */
async function recordUndeliverable({ context, stream }: Round, { to, key }: Announcement, code: string): Promise<void> {
  const data = { to: to.kind === 'person' ? to.identity : to.kind, notice: key, code }
  await context.db.begin(async (tx) => {
    const facts = [toDraft({ type: 'notice.undeliverable', data })]
    await context.record.append(tx, besideStream(stream), null, facts, context.clock.now())
    await context.enqueue(tx, { kind: 'announce', stream })
  })
  context.committed()
  context.alarm({ what: 'notice-undeliverable', detail: `${key}: ${code}`, grant: grantOfStream(stream) })
}

async function keep({ context, stream, notices }: Round, { key }: Announcement, notice: Notice): Promise<void> {
  await keepNotice(context, stream, key, notice)
  notices.set(key, notice)
}

function digestOf(context: Context, wanted: Announcement): string {
  return context.sealing.digest(JSON.stringify(wanted.message))
}
