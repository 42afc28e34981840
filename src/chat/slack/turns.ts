import { inTransaction } from '../../db/in-transaction.ts'
import type { Db, Tx } from '../../db/transaction.ts'
import { ChatError, type Priority } from '../../ports/chat.ts'
import { reachDatabase } from '../reach-database.ts'

/** How often Slack takes something: one each `spacingMs`, and `burst` of them at once after a pause. */
export interface Limit {
  readonly spacingMs: number
  readonly burst: number
}

export interface Limits {
  /** Messages in one conversation. */
  readonly post: Limit
  /** Updates, all together. */
  readonly update: Limit
  /** Direct conversations that are opened, all together. */
  readonly open: Limit
}

/**
 * Slack takes about one message a second in a conversation, and 50 calls a minute of what it calls tier 3.
 * A little is left for the way there; ten at once and forty a minute are never more than fifty in one.
 */
export const SLACK_LIMITS: Limits = {
  post: { spacingMs: 1_200, burst: 1 },
  update: { spacingMs: 1_500, burst: 10 },
  open: { spacingMs: 1_500, burst: 10 },
}

/** The same in a time lapse, for tests. */
export function timesAsWide(limits: Limits, times: number): Limits {
  const wide = ({ spacingMs, burst }: Limit): Limit => ({ spacingMs: spacingMs / times, burst })
  return { post: wide(limits.post), update: wide(limits.update), open: wide(limits.open) }
}

/** Who is later than this for a turn has lost it: the next one is on the way. */
const LATE_MS = 200
/** Of so many turns it is remembered here when they are, so that nobody asks the database before. */
const MOST_REMEMBERED = 20_000

/**
 * Gives what waits at one place its turn, over all replicas. What is more urgent takes the next turn that
 * something less urgent has, and that one queues again: in a storm of endings a new request waits for seconds.
 */
export function createTurns(db: Db): Turns {
  const known = new Map<string, number>()
  const conversations = new Map<string, string>()
  return {
    async take(wish) {
      const { place, key, priority, now } = wish
      const name = `${priority} ${place} ${key}`
      let at = known.get(name) ?? now
      if (at <= now) {
        known.delete(name)
        at = await reach(() => inTransaction(db, { timeoutMs: 5_000 }, (tx) => turnOf(tx, wish)))
        if (at <= now) return
        if (known.size >= MOST_REMEMBERED) known.clear()
        known.set(name, at)
      }
      const words = `Slack takes no more at once in ${place}: the turn of this is in ${at - now} ms`
      throw new ChatError('throttled', words, { retryAfterMs: at - now })
    },
    async conversationOf(name) {
      const found = conversations.get(name)
      if (found !== undefined) return found
      const [row] = await reach(
        () => db<{ channel: string | null }[]>`
        select channel from slack_limit where place = ${name} and channel is not null`,
      )
      if (row?.channel != null) conversations.set(name, row.channel)
      return row?.channel ?? name
    },
    async learn(name, id) {
      if (name === id || conversations.get(name) === id) return
      conversations.set(name, id)
      await db`
        with named as (update slack_limit set channel = ${id} where place = ${name} returning next_at)
        insert into slack_limit (place, next_at) select ${id}, next_at from named
        on conflict (place) do update set next_at = greatest(slack_limit.next_at, excluded.next_at)`.catch(
        () => undefined,
      )
    },
    async refused(place, { spacingMs, burst }, until) {
      known.clear()
      const nextAt = until + (burst - 1) * spacingMs
      await db`
        with lost as (delete from slack_turn where place = ${place} and at < ${until})
        insert into slack_limit (place, next_at) values (${place}, ${nextAt})
        on conflict (place) do update set next_at = greatest(slack_limit.next_at, excluded.next_at)`.catch(
        () => undefined,
      )
    },
  }
}

/** Something that is to be sent. */
export interface Wish {
  readonly place: string
  /** The same key keeps its turn. */
  readonly key: string
  readonly priority: Priority
  readonly limit: Limit
  readonly now: number
}

/** @returns when; not in the future: now, and the turn is used up by that */
async function turnOf(tx: Tx, { place, key, priority, limit, now }: Wish): Promise<number> {
  // The row of the place is locked by this: one after the other, whoever asks.
  const [row] = await tx<{ next_at: number }[]>`
    insert into slack_limit (place, next_at) values (${place}, ${now})
    on conflict (place) do update set next_at = slack_limit.next_at
    returning next_at`
  // Turns that were missed, and one that was kept while this was less urgent.
  await tx`
    delete from slack_turn
    where place = ${place} and (at < ${now - LATE_MS} or key = ${key} and at > ${now} and priority > ${priority})`
  const [mine] = await tx<{ at: number }[]>`select at from slack_turn where place = ${place} and key = ${key}`
  if (mine !== undefined) {
    if (mine.at <= now) await tx`delete from slack_turn where place = ${place} and key = ${key}`
    return mine.at
  }
  const nextAt = Math.max(now, row?.next_at ?? now)
  const free = Math.max(now, nextAt - (limit.burst - 1) * limit.spacingMs)
  const theirs = free <= now ? undefined : await lessUrgent(tx, { place, priority, now })
  if (theirs !== undefined) {
    await tx`
      update slack_turn set key = ${key}, priority = ${priority} where place = ${place} and key = ${theirs.key}`
    return theirs.at
  }
  await tx`update slack_limit set next_at = ${nextAt + limit.spacingMs} where place = ${place}`
  if (free > now) {
    await tx`insert into slack_turn (place, key, at, priority) values (${place}, ${key}, ${free}, ${priority})`
  }
  return free
}

/** The next turn that something less urgent has. Whoever had it asks again when it comes. */
async function lessUrgent(tx: Tx, { place, priority, now }: Pick<Wish, 'place' | 'priority' | 'now'>) {
  const [theirs] = await tx<{ key: string; at: number }[]>`
    select key, at from slack_turn where place = ${place} and at > ${now} and priority > ${priority}
    order by at limit 1`
  return theirs
}

function reach<T>(query: () => Promise<T>): Promise<T> {
  return reachDatabase('Whose turn it is in Slack', query)
}

export interface Turns {
  /** @throws ChatError throttled, with when to come back; the turn is kept until then */
  take(wish: Wish): Promise<void>
  /** The id behind a channel's name, under which it is limited; the name itself while nobody knows. */
  conversationOf(name: string): Promise<string>
  /** What was sent under the name counts for the id. */
  learn(name: string, id: string): Promise<void>
  /** Slack itself said no: nobody goes there before `until`, and who would have had a turn queues again. */
  refused(place: string, limit: Limit, until: number): Promise<void>
}
