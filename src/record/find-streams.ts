import type { Db, Tx } from '../db/transaction.ts'

/**
 * The streams that have an event of type `startedBy` and none of `notEndedBy`, by name. Asks the events themselves, so
 * what a state table lost is still found.
 */
export async function openStreams(db: Db | Tx, { prefix = '', startedBy, notEndedBy }: OpenStreams): Promise<string[]> {
  const rows = await db<{ stream: string }[]>`
    select distinct s.stream from event s
    where s.type = ${startedBy} and starts_with(s.stream, ${prefix}) and not exists (
      select from event e where e.stream = s.stream and e.type = any(${[...notEndedBy]}::text[]))
    order by s.stream`
  return rows.map(({ stream }) => stream)
}

/** Whether anything was ever sealed here. */
export async function hasLeaves(db: Db | Tx): Promise<boolean> {
  return (await db`select from leaf limit 1`).length > 0
}

export interface OpenStreams {
  /** What the names of the streams begin with. */
  readonly prefix?: string
  readonly startedBy: string
  readonly notEndedBy: readonly string[]
}
