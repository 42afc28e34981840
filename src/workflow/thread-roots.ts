import type { Db, Tx } from '../db/transaction.ts'
import { HOUR } from '../domain/duration.ts'
import type { ThreadAt } from '../domain/thread-event.ts'
import type { MessageRef } from '../ports/chat.ts'

/**
 * Whose card it is that something was written under.
 * @param root null where the platform does not say: then it is known by the message, or not at all
 * @returns the stream that the card shows, with the root; null for what is not under one of ours
 */
export async function findThread(
  db: Db | Tx,
  { platform, channel, root, message }: Omit<ThreadAt, 'root'> & { root: string | null; message: string },
): Promise<{ stream: string; root: string } | null> {
  const [row] = await db<{ stream: string; root: string }[]>`
    select stream, message as root from notice
    where platform = ${platform} and channel = ${channel} and message = ${root}
    union all
    select stream, root from thread_root where platform = ${platform} and channel = ${channel} and root = ${root}
    union all
    select stream, root from thread_line
    where platform = ${platform} and channel = ${channel} and message = ${message} and not differs
    limit 1`
  return row ?? null
}

/** Whoever writes to the record of one thread does it one after the other. @param stream of the thread */
export async function lockThread(tx: Tx, stream: string): Promise<void> {
  await tx`insert into identity_lock (id) values (${stream}) on conflict (id) do update set id = excluded.id`
}

/** A card is about to be known as posted: from then on its thread is read back. Twice is harmless. */
export async function rememberRoot(db: Db, stream: string, root: MessageRef, now: number): Promise<void> {
  await db`
    insert into thread_root (platform, channel, root, stream, posted_at, next_at, read_so_far)
    values (${root.platform}, ${root.channel}, ${root.id}, ${stream}, ${now}, ${now + FIRST_READ_MS}, 0)
    on conflict do nothing`
}

/** Before that there is little to find that was not heard. */
const FIRST_READ_MS = HOUR

/** A thread that is read back. */
export interface ThreadRoot extends ThreadAt {
  readonly stream: string
  /** Epoch ms. */
  readonly postedAt: number
  /** Where a reading that was broken off goes on. */
  readonly readTo: string | null
  readonly readSoFar: number
  readonly found: number | null
}

/** So many a round, the newest and those of what is open first, and the one that has waited longest. */
const NEWEST = 4

export async function findDueRoots(db: Db, platforms: readonly string[], now: number): Promise<ThreadRoot[]> {
  const rows = await db<(Omit<ThreadRoot, 'postedAt' | 'readTo' | 'readSoFar'> & RootRow)[]>`
    with due as (
      select t.*, g.open_for is not null as open
      from thread_root t left join grant_state g on t.stream = 'grant:' || g.id
      where t.next_at <= ${now} and t.platform = any(${[...platforms]}::text[])
    )
    (select * from due order by open desc, posted_at desc limit ${NEWEST})
    union (select * from due order by next_at limit 1)`
  return rows.map(({ platform, channel, root, stream, found, ...row }) => ({
    ...{ platform, channel, root, stream, found },
    ...{ postedAt: row.posted_at, readTo: row.read_to, readSoFar: row.read_so_far },
  }))
}

interface RootRow {
  readonly posted_at: number
  readonly read_to: string | null
  readonly read_so_far: number
}

/** @param nextAt null: it is not there any more, and is never read again */
export async function keepReading(
  db: Db | Tx,
  { platform, channel, root }: ThreadAt,
  { nextAt, readTo, readSoFar, found }: Reading,
): Promise<void> {
  await db`
    update thread_root set next_at = ${nextAt}, read_to = ${readTo}, read_so_far = ${readSoFar}, found = ${found}
    where platform = ${platform} and channel = ${channel} and root = ${root}`
}

interface Reading extends Pick<ThreadRoot, 'readTo' | 'readSoFar' | 'found'> {
  readonly nextAt: number | null
}
