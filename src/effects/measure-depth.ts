import type { Db } from '../db/transaction.ts'

/** What waits and what runs, by kind, over all replicas. Kinds with nothing of either are left out. */
export async function measureDepth(db: Db): Promise<Depth[]> {
  return db<Depth[]>`
    select
      name as kind,
      count(*) filter (where state < 'active')::int as waiting,
      count(*) filter (where state < 'active' and start_after <= clock_timestamp())::int as due,
      count(*) filter (where state = 'active')::int as running,
      count(*) filter (where state < 'completed' and data->>'reported' = 'true')::int as stuck,
      count(*) filter (where state = 'failed')::int as "givenUp",
      coalesce(
        extract(epoch from clock_timestamp() - min(start_after) filter (where state < 'active')) * 1000, 0
      )::double precision as "lateByMs"
    from pgboss.job_common
    where state in ('created', 'retry', 'active', 'failed')
    group by name
    order by name`
}

export interface Depth {
  kind: string
  waiting: number
  /** Of those that wait, how many could run now. */
  due: number
  running: number
  /** Reported as stuck and still tried. */
  stuck: number
  /** Not tried any longer, in the last week. */
  givenUp: number
  /** How long the oldest one that waits has been due; negative when none is yet. */
  lateByMs: number
}
