import type { Db, Tx } from '../db/transaction.ts'
import { canonicalJson } from './verify.ts'

/**
 * The private texts that are still there and are about a person or written by them: in streams named so, in streams that
 * carry the id of a grant of theirs, and of events of the given types whose `by` they are. Reads events, no state table.
 * @param about.streams the person's own
 * @param about.asked the type of the events that begin a grant, with the person as `by` or `for`
 * @param about.types of which events of theirs may lie elsewhere
 */
export async function findPrivateTexts(db: Db | Tx, about: AboutPerson): Promise<PrivateTexts[]> {
  const { person, streams, asked, types } = about
  const by = `"by":${canonicalJson(person)}`
  const beneficiary = `"for":${canonicalJson(person)}`
  const rows = await db<(PrivateTexts & { body: string; isNamed: boolean })[]>`
    with asked as (
      select substring(a.stream from ${GRANT_ID}) as id, a.body from event a
      where a.type = ${asked} and (strpos(a.body, ${by}) > 0 or strpos(a.body, ${beneficiary}) > 0)
    ),
    -- Text inside the body may look like a member: what counts is the member itself.
    theirs as (select id from asked where ${person} in (body::jsonb #>> '{data,by}', body::jsonb #>> '{data,for}')),
    named as (
      select h.stream from stream_head h
      where h.stream = any(${[...streams]}::text[]) or substring(h.stream from ${GRANT_ID}) in (select id from theirs)
    ),
    found as (
      select e.leaf_hash, true as is_named from event e where e.stream in (select stream from named)
      union all
      select e.leaf_hash, false from event e where e.type = any(${[...types]}::text[]) and strpos(e.body, ${by}) > 0
    )
    select e.stream, e.seq, e.body, bool_or(f.is_named) as "isNamed", array_agg(distinct p.path order by p.path) as paths,
      max(l.leaf_index) as "leafIndex"
    from found f join private_text p on p.leaf_hash = f.leaf_hash join event e on e.leaf_hash = f.leaf_hash
    left join leaf l on l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log)
    group by e.stream, e.seq, e.body, e.at order by e.at, e.stream, e.seq`
  return rows.flatMap(({ body, isNamed, ...text }) => {
    return isNamed || JSON.parse(body).data?.by === person ? [text] : []
  })
}

/** As a stream's name carries it. */
const GRANT_ID = 'G-[0-9A-HJKMNP-TV-Z]{6}'

/** The streams whose events say that texts of these streams were erased. */
export async function findErasures(db: Db | Tx, streams: readonly string[]): Promise<string[]> {
  const named = streams.map((stream) => `"stream":${canonicalJson(stream)}`)
  const rows = await db<{ stream: string }[]>`
    select distinct e.stream from event e, unnest(${named}::text[]) as n (named)
    where e.type = 'texts.erased' and strpos(e.body, n.named) > 0 order by e.stream`
  return rows.map(({ stream }) => stream)
}

/**
 * Removes private texts with their salts, so that the hash in the body says nothing of them any more. The database
 * removes what an event `texts.erased` names, and nothing else. @param saidBy leaf hash of that event, hex
 * @returns how many were there
 */
export async function eraseTexts(tx: Tx, saidBy: string): Promise<number> {
  const [row] = await tx<{ erased: number }[]>`select erase_texts(decode(${saidBy}, 'hex'))::int as erased`
  return row?.erased ?? 0
}

/** The private texts of one event. */
export interface PrivateTexts {
  readonly stream: string
  readonly seq: number
  readonly paths: readonly string[]
  /** Null while it is not sealed. */
  readonly leafIndex: number | null
}

export interface AboutPerson {
  readonly person: string
  readonly streams: readonly string[]
  readonly asked: string
  readonly types: readonly string[]
}
