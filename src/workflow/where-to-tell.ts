import type { Db, Tx } from '../db/transaction.ts'
import type { Context } from './context.ts'

/** Somebody who acted, and where. */
export interface Heard {
  readonly identity: string
  readonly platform: string
}

/**
 * Notes where people acted, in the transaction that records it. The last thing in it: nothing is waited for while the
 * rows are locked. Where there is one platform nobody has to ask.
 * @param heard each person once
 */
export async function noteHeard(context: Pick<Context, 'chats'>, tx: Tx, heard: readonly Heard[]): Promise<void> {
  if (context.chats.length < 2 || heard.length === 0) return
  await tx`
    insert into where_to_tell as w (identity, last_used)
    select h.identity, h.platform
    from unnest(${heard.map(({ identity }) => identity)}::text[], ${heard.map(({ platform }) => platform)}::text[])
      as h (identity, platform)
    where not exists (select from where_to_tell o where o.identity = h.identity and o.last_used = h.platform)
    order by h.identity
    on conflict (identity) do update set last_used = excluded.last_used`
}

/** Where people chose to be told, else where they were last, by identity; nothing of whom neither is known. */
export async function readWhereToTell(db: Db, people: readonly string[]): Promise<Map<string, string>> {
  const rows = await db<{ identity: string; platform: string }[]>`
    select identity, coalesce(chosen, last_used) as platform from where_to_tell
    where identity = any(${[...people]}::text[]) and coalesce(chosen, last_used) is not null`
  return new Map(rows.map(({ identity, platform }) => [identity, platform]))
}
