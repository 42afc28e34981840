import type { Db } from '../src/db/transaction.ts'

/** The server must keep this, so that a commit's own time can be read, and not when somebody meant to commit. */
export const COMMIT_TIMES = { track_commit_timestamp: 'on' }

/** Times are read from the commits themselves: who waits for the last one need not look often, and keeps a processor free. */
export const LOOK_EVERY_MS = 250

/** When events of a type were committed, epoch ms, by stream. */
export async function commitTimes(sql: Db, type: string, streams: readonly string[]): Promise<Map<string, number>> {
  const rows = await sql<{ stream: string; ms: number }[]>`
    select stream, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8 as ms
    from event where type = ${type} and stream = any(${[...streams]}::text[])`
  return new Map(rows.map(({ stream, ms }) => [stream, ms]))
}

/** Of each stream, what is on record from the ending on, in order; without attempts that failed and were made again. */
export async function endingOf(sql: Db, streams: readonly string[]): Promise<string[]> {
  const rows = await sql<{ types: string }[]>`
    select string_agg(type, ' ' order by seq) as types from event
    where stream = any(${[...streams]}::text[]) and seq > 6 and type <> 'grant.attempt-failed' group by stream`
  return rows.map(({ types }) => types)
}

export const WHOLE_ENDING = 'grant.ending grant.disabled grant.sessions-ended grant.access-removed grant.removed closed'
