import type { Db, Tx } from '../db/transaction.ts'

/** One attempt at an effect. The number of the attempt tells it from a later one by another worker. */
export interface Attempt {
  readonly kind: string
  readonly id: string
  /** From 1. */
  readonly number: number
}

export interface Waiting {
  readonly delayMs: number
  /** Whether somebody was told that it is stuck. */
  readonly reported: boolean
  /** False when the attempt was only broken off. */
  readonly counts: boolean
}

/** Whether this attempt still holds the effect. */
export async function holds(db: Db, { kind, id, number }: Attempt): Promise<boolean> {
  const rows = await db`
    select 1 from pgboss.job_common
    where name = ${kind} and id = ${id} and state = 'active' and retry_count = ${number - 1}`
  return rows.length > 0
}

/**
 * Takes away effects that are done. One that another worker has taken over meanwhile stays with it.
 * @param attempts of one kind
 */
export async function finish(db: Db, attempts: readonly Attempt[]): Promise<void> {
  await db`
    delete from pgboss.job_common as job
    using unnest(${attempts.map(({ id }) => id)}::uuid[], ${attempts.map(({ number }) => number - 1)}::int[])
      as done (id, retry_count)
    where job.name = ${attempts[0]?.kind ?? ''} and job.id = done.id
      and job.state = 'active' and job.retry_count = done.retry_count`
}

/**
 * Puts the effect back to wait for its next attempt, under a new id, so that nothing late can touch it.
 * A newer effect of the same key that waits already takes over the count, the pause and what was reported.
 *
 * @returns false when another worker has it; then nothing was changed
 */
export async function putBack(db: Db | Tx, attempt: Attempt, { delayMs, reported, counts }: Waiting): Promise<boolean> {
  const rows = await db`
    with mine as (
      delete from pgboss.job_common
      where name = ${attempt.kind} and id = ${attempt.id} and state = 'active' and retry_count = ${attempt.number - 1}
      returning *
    )
    insert into pgboss.job_common as waiting (
      name, singleton_key, group_id, data, priority,
      start_after, created_on, keep_until, policy,
      retry_limit, retry_count, retry_delay, expire_seconds, deletion_seconds, heartbeat_seconds
    )
    select
      name, singleton_key, group_id, data || jsonb_build_object('reported', ${reported}::boolean), priority,
      clock_timestamp() + ${delayMs}::double precision * interval '1 millisecond', created_on, keep_until, policy,
      retry_limit, ${counts ? attempt.number : attempt.number - 1}::int, retry_delay,
      expire_seconds, deletion_seconds, heartbeat_seconds
    from mine
    on conflict (name, coalesce(singleton_key, '')) where state = 'created' and policy = 'short'
    do update set
      data = excluded.data || waiting.data,
      priority = greatest(waiting.priority, excluded.priority),
      start_after = greatest(waiting.start_after, excluded.start_after),
      created_on = least(waiting.created_on, excluded.created_on),
      retry_count = greatest(waiting.retry_count, excluded.retry_count)
    returning 1`
  return rows.length > 0
}

/**
 * Ends the attempts. The row stays for a week, for people who look.
 * @returns false when another worker has it; then nothing was changed
 */
export async function giveUp(tx: Tx, attempt: Attempt): Promise<boolean> {
  const rows = await tx`
    update pgboss.job_common
    set state = 'failed', completed_on = clock_timestamp(), deletion_seconds = 604800
    where name = ${attempt.kind} and id = ${attempt.id} and state = 'active' and retry_count = ${attempt.number - 1}
    returning 1`
  return rows.length > 0
}
