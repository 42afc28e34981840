import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { dayAt, mondayOf, mondayOfWeek, startOfDay, workingDaysAfter } from '../domain/calendar.ts'
import { channelList } from '../domain/channels.ts'
import {
  type DigestEvent,
  type DigestFacts,
  type DigestState,
  digestStream,
  weekOfDigest,
} from '../domain/digest-event.ts'
import { HOUR } from '../domain/duration.ts'
import { type Period, weekFrom } from '../domain/period.ts'
import { StreamConflict } from '../record/append.ts'
import { openStreams } from '../record/find-streams.ts'
import type { Context, Effect } from './context.ts'
import { loadDigest } from './digest-store.ts'
import { toDraft } from './grant-store.ts'

/** Every working day at nine, in the policy's zone: on Monday the week is told, on the others who has not acknowledged. */
export const DIGEST_CRON = '0 9 * * 1-5'
const NINE_MS = 9 * HOUR
/** Who has not acknowledged by then is reminded. */
const WORKING_DAYS = 2

/**
 * Makes the digest of every week that has none and is over, from the newest one on record, and reminds of those that
 * nobody acknowledged. What is due is read off the record: a table that was lost, or weeks in which nothing ran, skip
 * nothing; and a stream takes one first event, so no repeat and no other replica makes a second one.
 */
export async function makeDigests(context: Context, read: ReadFacts): Promise<void> {
  const inForce = await context.policy.inForce(context.db)
  const { timeZone } = 'refused' in inForce ? context.policy.current() : inForce
  const weeks = await dueWeeks(context, timeZone)
  for (const week of weeks) await keepMade(context, await read(week), week === weeks.at(-1))
  await remind(context, timeZone)
}

/** Those that are over since Monday nine o'clock, after the newest that was made; of a new record, the first whole or half one. */
async function dueWeeks({ db, record, clock }: Context, timeZone: string): Promise<Period[]> {
  const now = clock.now()
  const monday = mondayOf(dayAt(now, timeZone))
  const told = now >= startOfDay(monday, timeZone) + NINE_MS ? monday : monday - 7
  const newest = await record.newestOf(db, 'digest.made', now + 1)
  const after = newest === null ? told - 14 : mondayNamed(String(newest.data.week))
  const weeks: Period[] = []
  // Where the zone of the policy was changed, the week goes on where the one before ended: no hour in none, and none in two.
  for (let next = after + 7; next < told; next += 7) {
    const from = newest !== null && weeks.length === 0 ? Number(newest.data.until) : null
    weeks.push({ ...weekFrom(next, timeZone), ...(from !== null && { from }) })
  }
  if (newest !== null || weeks.length === 0) return weeks
  const [first] = await db<{ at: number | null }[]>`select min(at) as at from event`
  return weeks.filter(({ until }) => first?.at != null && first.at < until)
}

function mondayNamed(week: string): number {
  const [year = '', number = ''] = week.split('-W')
  const monday = mondayOfWeek(Number(year), Number(number))
  if (monday === null) throw new RangeError(`${week} is no week`)
  return monday
}

/** @param isNewest with it the newest checkpoint is told: with each of those that are late it would be the same one */
async function keepMade(context: Context, facts: DigestFacts, isNewest: boolean): Promise<void> {
  const policy = context.policy.current()
  const made: DigestEvent = {
    type: 'digest.made',
    data: {
      ...facts,
      announcedIn: policy.digestChannel === null ? [] : channelList(policy.digestChannel),
      ...{ askedOf: policy.compliance, policy: policy.hash },
    },
  }
  const along: Effect[] = isNewest ? [{ kind: 'announce-checkpoint', week: facts.week }] : []
  await appendTo(context, { week: facts.week, seq: 0 }, made, along)
}

/** Once, by everybody of compliance as it is now. */
async function remind(context: Context, timeZone: string): Promise<void> {
  const streams = await openStreams(context.db, {
    ...{ prefix: digestStream(''), startedBy: 'digest.made' },
    notEndedBy: ['digest.acknowledged', 'digest.reminded'],
  })
  for (const stream of streams) {
    const week = weekOfDigest(stream)
    const state = week === null ? null : await loadDigest(context, context.db, week)
    if (state === null || state.acknowledged !== null || state.reminded !== null) continue
    if (context.clock.now() < reminderDue(state, timeZone)) continue
    const to = context.policy.current().compliance
    await appendTo(context, state, { type: 'digest.reminded', data: { to } })
  }
}

function reminderDue({ madeAt }: DigestState, timeZone: string): number {
  return startOfDay(workingDaysAfter(dayAt(madeAt, timeZone), WORKING_DAYS), timeZone) + NINE_MS
}

/** Nothing when another replica was first: what it wrote is as good. */
async function appendTo(
  context: Context,
  { week, seq }: Pick<DigestState, 'week' | 'seq'>,
  fact: DigestEvent,
  along: readonly Effect[] = [],
): Promise<void> {
  const stream = digestStream(week)
  try {
    await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx: Tx) => {
      await context.record.append(tx, stream, seq, [toDraft(fact)], context.clock.now())
      await context.enqueue(tx, [{ kind: 'announce', stream }, ...along])
    })
  } catch (error) {
    if (error instanceof StreamConflict) return
    throw error
  }
  context.committed()
}

/** Reads a week off the record. */
export type ReadFacts = (week: Period) => Promise<DigestFacts>
