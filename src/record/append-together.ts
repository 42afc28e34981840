import type { Tx } from '../db/transaction.ts'
import { type Append, lastPlace } from './append.ts'
import { composeEvents, type RecordKeys } from './compose.ts'
import type { HeadCache } from './head-cache.ts'

/**
 * Appends to many streams in one statement, each where its caller folded it. One that somebody else is writing to, or
 * has written to, is left out and holds up no other; the head row is the guard against a fork, as for one stream.
 * @param appends each of another stream
 * @returns the streams that were written
 */
export async function appendTogether(
  keys: RecordKeys,
  heads: HeadCache,
  tx: Tx,
  appends: readonly Append[],
): Promise<Set<string>> {
  const written = appends.flatMap(({ stream, expectedSeq, drafts, at }) => {
    const after = expectedSeq === 0 ? { stream, seq: 0, hash: null } : heads.get(stream)
    if (after === undefined || after.seq !== expectedSeq) return []
    const events = composeEvents(keys, after, drafts, at)
    return [{ seq: after.seq, hash: after.hash, last: lastPlace(stream, events), events }]
  })
  if (written.length === 0) return new Set()
  const events = written.flatMap((one) => one.events)
  const texts = events.flatMap(({ event, privateTexts }) => {
    return privateTexts.map((text) => ({ stream: event.stream, of: event.hash, ...text }))
  })
  const rows = await tx<{ stream: string }[]>`
    with wanted as (
      select n.stream, n.seq, decode(n.hash, 'hex') as hash, n.last_seq, decode(n.last_hash, 'hex') as last_hash
      from unnest(
        ${written.map(({ last }) => last.stream)}::text[],
        ${written.map(({ seq }) => seq)}::bigint[],
        ${written.map(({ hash }) => hash)}::text[],
        ${written.map(({ last }) => last.seq)}::bigint[],
        ${written.map(({ last }) => last.hash)}::text[]
      ) as n (stream, seq, hash, last_seq, last_hash)
    ),
    free as (
      select h.stream, w.last_seq, w.last_hash
      from wanted w join stream_head h on h.stream = w.stream and h.seq = w.seq and h.hash = w.hash
      for update of h skip locked
    ),
    moved as (
      update stream_head h set seq = free.last_seq, hash = free.last_hash
      from free where h.stream = free.stream returning h.stream
    ),
    begun as (
      insert into stream_head (stream, seq, hash)
      select stream, last_seq, last_hash from wanted where seq = 0 order by stream
      on conflict do nothing returning stream
    ),
    head as (select stream from moved union all select stream from begun),
    added as (
      insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac)
      select n.stream, n.seq, n.type, n.v, n.at, n.body, decode(n.prev, 'hex'), decode(n.leaf_hash, 'hex'), decode(n.mac, 'hex')
      from unnest(
        ${events.map(({ event }) => event.stream)}::text[],
        ${events.map(({ event }) => event.seq)}::bigint[],
        ${events.map(({ event }) => event.type)}::text[],
        ${events.map(({ event }) => event.v)}::bigint[],
        ${events.map(({ event }) => event.at)}::bigint[],
        ${events.map(({ event }) => event.body)}::text[],
        ${events.map(({ event }) => event.prev)}::text[],
        ${events.map(({ event }) => event.hash)}::text[],
        ${events.map(({ mac }) => mac)}::text[]
      ) as n (stream, seq, type, v, at, body, prev, leaf_hash, mac)
      join head on head.stream = n.stream
      order by n.stream, n.seq
      returning leaf_hash, at, stream, seq
    ),
    queued as (insert into event_pending (leaf_hash, at) select leaf_hash, at from added order by stream, seq),
    kept as (
      insert into private_text (leaf_hash, path, salt, sealed)
      select decode(t.leaf_hash, 'hex'), t.path, decode(t.salt, 'hex'), decode(t.sealed, 'hex')
      from unnest(
        ${texts.map((text) => text.stream)}::text[],
        ${texts.map((text) => text.of)}::text[],
        ${texts.map((text) => text.path)}::text[],
        ${texts.map((text) => text.salt.toString('hex'))}::text[],
        ${texts.map((text) => text.sealed.toString('hex'))}::text[]
      ) as t (stream, leaf_hash, path, salt, sealed)
      join head on head.stream = t.stream
    )
    select stream from head`
  const done = new Set(rows.map(({ stream }) => stream))
  for (const { last } of written) if (done.has(last.stream)) heads.set(last)
  return done
}
