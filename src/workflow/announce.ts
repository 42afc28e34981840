import type { Announcement } from '../cards/announcement.ts'
import { type Bundle, bundleLines } from '../cards/bundle-lines.ts'
import { isCheckpointStream } from '../domain/checkpoint-event.ts'
import { RetryLater } from '../effects/effect.ts'
import { type Chat, ChatError, type Destination } from '../ports/chat.ts'
import type { Context } from './context.ts'
import { rememberRoot } from './thread-roots.ts'
import { keep, movedTo, noteReach, type Round, recordFailure, UNSENT } from './undelivered.ts'
import { wantedAnnouncements } from './wanted-announcements.ts'
import { requireSame, shareOf } from './whose-message.ts'

/** Who waits for a turn comes back so much before it: effects are looked for once a second. */
const BEFORE_THE_TURN_MS = 1_500
const SHORTEST_WAIT_MS = 250

/** In place of a digest: what an earlier attempt may have sent had other words. */
const UNCLEAR = 'unclear'

/**
 * Brings chat in step with the record: posts what is missing, replaces what has changed. What should
 * be there is derived from the events, so a repeat, a crash or a lost job changes nothing. One message
 * that cannot be delivered does not hold back the others, and one that only has to wait for its turn is no
 * failure: whoever has news of the stream is not held up by it.
 * @param platform whose share it is; null: of the only one
 * @throws what the effects honour when something is still to be delivered: a wait that was asked for, or a back-off
 */
export async function announce(context: Context, stream: string, platform: string | null = null): Promise<void> {
  const chat = platform === null ? onlyOne(context.chats) : context.chats.find((one) => one.platform === platform)
  // Kept for all of them, or for one that is configured no more: each has its own.
  if (chat === undefined) return context.db.begin((tx) => context.enqueue(tx, { kind: 'announce', stream }))

  // Another process may have seen an activation that we have not: else its channels and people are nobody here.
  await context.policy.inForce(context.db)
  const lane = platform === null ? `thread:${stream}` : `thread:${stream}@${platform}`
  const again = await context.lanes.withLane(lane, async () => {
    const { wanted: all, seq, triedUntil, times, undelivered } = await wantedAnnouncements(context, stream)
    const { wanted, notices } = await shareOf(context, stream, all, chat.platform)
    const round: Round = { context, chat, stream, triedUntil, undelivered, notices }
    const failures: unknown[] = []
    const waitsMs: number[] = []
    for (const bundle of inOrder(bundleLines(wanted, (key) => round.notices.get(key)?.ref?.id ?? null))) {
      try {
        if (await deliver(round, bundle)) noteReach(round, null)
      } catch (error) {
        noteReach(round, error)
        if (error instanceof ChatError && error.code === 'throttled' && isInTime(round)) {
          waitsMs.push(error.retryAfterMs ?? BEFORE_THE_TURN_MS)
        } else {
          const failure = await recordFailure(round, bundle, digestOf(context, bundle), error)
          if (failure !== null) failures.push(failure)
        }
      }
    }
    if (failures.length === 0 && waitsMs.length > 0) await comeBack(round, platform, Math.min(...waitsMs))
    if (failures.length === 0 && waitsMs.length === 0) {
      const shownBefore = await keepAnnounced(round, platform, seq)
      const oldestNew = times[shownBefore]
      if (oldestNew !== undefined) context.observe.chatInStep(context.clock.now() - oldestNew)
    }
    await context.reached('announce:after-announced')
    return failures
  })
  if (again.length > 0) throw again.toSorted((a, b) => askedWaitMs(b) - askedWaitMs(a))[0]
}

function onlyOne(chats: readonly Chat[]): Chat | undefined {
  return chats.length === 1 ? chats[0] : undefined
}

function isInTime({ context, triedUntil }: Round): boolean {
  return triedUntil === null || context.clock.now() <= triedUntil
}

async function comeBack({ context, stream }: Round, platform: string | null, waitMs: number): Promise<void> {
  const notBefore = context.clock.now() + Math.max(Math.min(waitMs, SHORTEST_WAIT_MS), waitMs - BEFORE_THE_TURN_MS)
  const effect = { kind: 'announce', stream, ...(platform !== null && { platform }), notBefore } as const
  await context.db.begin((tx) => context.enqueue(tx, effect))
}

/** Chat is as far as the platform that is behind. @returns how far this one had been in step before */
async function keepAnnounced({ context, stream }: Round, platform: string | null, seq: number): Promise<number> {
  if (platform === null) return keepReached(context, stream, seq)
  const before = await keepReached(context, `${stream}@${platform}`, seq)
  const all = context.chats.map((chat) => `${stream}@${chat.platform}`)
  const [row] = await context.db<{ count: number; least: number | null }[]>`
    select count(*)::int as count, min(seq) as least from announced where stream = any(${all}::text[])`
  if (row?.count === all.length) await keepReached(context, stream, row.least ?? 0)
  return before
}

async function keepReached(context: Context, stream: string, seq: number): Promise<number> {
  const [row] = await context.db<{ before: number | null }[]>`
    with before as (select seq from announced where stream = ${stream})
    insert into announced (stream, seq) values (${stream}, ${seq})
    on conflict (stream) do update set seq = greatest(announced.seq, excluded.seq)
    returning (select seq from before) as before`
  return row?.before ?? 0
}

/** The card before its thread; then by priority. */
function inOrder(wanted: readonly Bundle[]): Bundle[] {
  const rank = (one: Announcement) => (one.to.kind === 'channel' ? -1 : one.priority)
  return wanted.toSorted((a, b) => rank(a) - rank(b))
}

/** Does nothing for what is there already, or was given up with these very words. @returns whether anything was sent */
async function deliver(round: Round, wanted: Bundle): Promise<boolean> {
  const { context } = round
  const { message, priority } = wanted
  const notice = round.notices.get(wanted.key)
  const contentHash = digestOf(context, wanted)
  if (notice !== undefined && notice.state !== 'maybe-sent' && notice.contentHash === contentHash) return false
  requireSame('platform' in wanted.to ? wanted.to.platform : null, round.chat.platform)
  if (notice?.ref != null) {
    await round.chat.update(notice.ref, message, priority)
    await context.reached('announce:after-update')
    await keep(round, wanted, { state: 'sent', ref: notice.ref, contentHash, attempts: 0 })
    return true
  }
  const to = await destinationOf(round, wanted)
  if (to === null) return false
  const before = notice ?? UNSENT
  const isSame = before.contentHash === '' || before.contentHash === contentHash
  await keep(round, wanted, { ...before, contentHash: isSame ? contentHash : UNCLEAR })
  await context.reached('announce:before-post')
  const ref = await round.chat.post(to, movedTo(round, wanted.key).key, message, priority).catch(async (error) => {
    // Nothing was sent now: what an earlier attempt may have sent is still all that chat can show.
    if (error instanceof ChatError && error.code !== 'maybe-sent') await keep(round, wanted, before)
    throw error
  })
  await context.reached('announce:after-post')
  // An earlier attempt may have posted it, with the words of that moment.
  if (!isSame) await round.chat.update(ref, message, priority)
  // To read back a hundred notices a day would take the turns of those threads in which people decide.
  if (to.kind === 'channel' && !isCheckpointStream(round.stream))
    await rememberRoot(context.db, round.stream, ref, context.clock.now())
  await keep(round, wanted, { state: 'sent', ref, contentHash, attempts: 0 })
  await context.reached('announce:after-recorded')
  return true
}

/** @returns null for a line whose thread is not there yet: it is derived again once its card is posted */
async function destinationOf(round: Round, { to, key }: Announcement): Promise<Destination | null> {
  const { context, chat, notices } = round
  switch (to.kind) {
    case 'channel':
      return { kind: 'channel', channel: movedTo(round, key).channel ?? to.channel }
    case 'thread': {
      const root = notices.get(to.card)?.ref
      return root == null ? null : { kind: 'thread', root }
    }
    case 'person': {
      const identity = await context.directory.byId(to.identity)
      const account = identity?.accounts.find((one) => one.platform === chat.platform)
      if (account === undefined) {
        throw new ChatError('not-found', `${to.identity} has no account on ${chat.platform}`)
      }
      return { kind: 'person', account }
    }
    default:
      return to satisfies never
  }
}

function askedWaitMs(error: unknown): number {
  const waits = error instanceof ChatError || error instanceof RetryLater
  return waits ? (error.retryAfterMs ?? 0) : 0
}

function digestOf(context: Context, wanted: Announcement): string {
  return context.sealing.digest(JSON.stringify(wanted.message))
}
