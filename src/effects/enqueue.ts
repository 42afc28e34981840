import type { Tx } from '../db/transaction.ts'
import type { Effect } from './effect.ts'

/**
 * Keeps effects in the transaction that decided them: one statement, however many.
 *
 * This is pg-boss's table and its `short` policy (one waiting job a key), but not its `send`, which
 * does nothing when a job waits already: a worker could then start that job before this transaction
 * commits, see the old state, and nobody would come again. Updating the waiting job locks it, so a
 * worker passes over it until the commit.
 *
 * A worker that is silent for 4 s is taken for dead: the job has its own `heartbeat_seconds`, because the
 * least that pg-boss would set is 10. Nothing that waits is ever too old (`keep_until`).
 *
 * Times in pg-boss's table are the database's, because pg-boss compares them with the database's now.
 *
 * After the commit call `kick` with the kinds, or the effects are found by the next look at the table.
 *
 * @param now epoch milliseconds, the moment that `delayUntil` is counted from
 */
export async function enqueue(tx: Tx, effects: Effect | readonly Effect[], now: number): Promise<void> {
  const rows = [effects].flat().map(({ kind, key, data, delayUntil = now, priority = 0 }) => {
    if (key === '') throw new TypeError(`an effect of kind ${kind} needs a key`)
    return { kind, key, data, priority, delayMs: Math.max(0, delayUntil - now) }
  })
  if (rows.length === 0) return
  // The last of equals wins, as it would in statements of their own: one statement cannot update a row twice.
  const distinct = new Map(rows.map((row) => [`${row.kind} ${row.key}`, row]))
  // Always in the same order, so that two transactions with the same keys wait for each other but never deadlock.
  await tx`
    insert into pgboss.job_common as waiting (
      name, singleton_key, group_id, data, priority, start_after, keep_until, policy,
      retry_limit, retry_delay, expire_seconds, deletion_seconds, heartbeat_seconds
    )
    select
      kind, key, key, jsonb_build_object('data', data), priority,
      clock_timestamp() + "delayMs" * interval '1 millisecond', 'infinity', 'short',
      2147483647, 1, 86000, 60, 4
    from jsonb_to_recordset(${JSON.stringify([...distinct.values()])}::text::jsonb)
      as effect (kind text, key text, data jsonb, priority int, "delayMs" double precision)
    order by kind, key
    on conflict (name, coalesce(singleton_key, '')) where state = 'created' and policy = 'short'
    do update set
      data = waiting.data || excluded.data,
      priority = greatest(waiting.priority, excluded.priority),
      -- After a failure the back-off stands: the outside is not asked sooner because we have more to say.
      start_after = case
        when waiting.retry_count > 0 then waiting.start_after
        else least(waiting.start_after, excluded.start_after)
      end`
}
