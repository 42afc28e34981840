import { randomBytes, randomUUID } from 'node:crypto'
import type { Sql, TransactionSql } from 'postgres'

/*
 * The floors: the rows that the product writes, by hand, in the product's own tables, with every statement of a
 * transaction on its way before the first is answered. Nothing is read, decided, hashed or checked.
 */

/** What an ask writes: act key, request, stream head, 2 events, 2 pending, 1 job. */
export async function askBarely(sql: Sql, now: number): Promise<void> {
  const id = randomUUID()
  const stream = `grant:${id}`
  const [first, second] = [randomBytes(32), randomBytes(32)]
  await sql.begin((tx) => [
    tx`insert into act (key, at, answer) values (${id}, ${now}, ${ANSWER})`,
    tx`insert into grant_state (id, seq, status, by_identity, for_identity, target, entitlement, asked_at, next_due_at, open_for)
       values (${id}, 2, 'pending', ${id}, ${id}, 't0', 'e0', ${now}, ${now + 1e9}, ${id})`,
    tx`insert into stream_head (stream, seq, hash) values (${stream}, 2, ${second})`,
    tx`insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac) values
       (${stream}, 1, 'request.asked', 1, ${now}, ${BODY}, null, ${first}, ${first}),
       (${stream}, 2, 'request.held', 1, ${now}, ${BODY}, ${first}, ${second}, ${second})`,
    tx`insert into event_pending (leaf_hash, at) values (${first}, ${now}), (${second}, ${now})`,
    insertJob(tx, stream),
  ])
}

/** What a step of an ending writes: 1 event, 1 pending, the stream head, the folded state, 1 job. */
export async function stepBarely(sql: Sql, { id, seq, type, now }: BareStep): Promise<void> {
  const stream = `grant:${id}`
  const hash = randomBytes(32)
  await sql.begin((tx) => [
    tx`update stream_head set seq = ${seq}, hash = ${hash} where stream = ${stream}`,
    tx`insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac)
       values (${stream}, ${seq}, ${type}, 1, ${now}, ${BODY}, ${hash}, ${hash}, ${hash})`,
    tx`insert into event_pending (leaf_hash, at) values (${hash}, ${now})`,
    tx`update grant_state set seq = ${seq}, status = 'ending', next_due_at = null where id = ${id}`,
    insertJob(tx, stream),
  ])
}

function insertJob(tx: Sql | TransactionSql, key: string) {
  return tx`
    insert into pgboss.job_common (name, singleton_key, group_id, data, policy, keep_until)
    values ('announce', ${key}, ${key}, '{}', 'short', 'infinity')
    on conflict (name, coalesce(singleton_key, '')) where state = 'created' and policy = 'short'
    do update set data = excluded.data`
}

/** As long as a request's body is on average. */
const BODY = JSON.stringify({ words: 'x'.repeat(640) })
const ANSWER = randomBytes(400)

export interface BareStep {
  readonly id: string
  readonly seq: number
  readonly type: string
  readonly now: number
}
