import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import postgres, { type Sql } from 'postgres'
import { expect } from 'vitest'
import type { Db, Tx } from '../../src/db/transaction.ts'
import { enqueue } from '../../src/effects/enqueue.ts'
import { canonicalJson, leafHash } from '../../src/record/verify.ts'
import { type House, idOn, openHouse, type Person, type Replica, until } from '../support/house.ts'

const ENGINEERS = 40

/** A house where many may ask, so that many grants can live at once: `e1` to `e40`, whom Marcus manages. */
export async function openCrowdedHouse(options: { settings?: Record<string, string> } = {}): Promise<House> {
  const policy = await readFile(path.join(import.meta.dirname, '../support/policy.yaml'), 'utf8')
  const engineers = Array.from({ length: ENGINEERS }, (_, n) => {
    const id = `e${n + 1}`
    return `  ${id}: { name: Engineer ${n + 1}, title: Engineer, manager: marcus, accounts: [{ local: ${id} }] }\n`
  })
  return openHouse({ ...options, policy: policy.replace('people:\n', `people:\n${engineers.join('')}`) })
}

export async function ask(at: Person, who: string, words: string): Promise<string> {
  return idOn(await at.command(who, `prod-db ${words}`))
}

/** Asks, signs and waits until the access is there. */
export async function give(house: House, at: Person, who: string, duration: string): Promise<string> {
  const id = await ask(at, who, `${duration} fix the ledger`)
  await at.press('marcus', 'approve', id)
  await until(`${id} is active`, async () => (await typesOf(house, id)).includes('grant.active'))
  return id
}

/** Presses the button, follows the link, and reads the page as a person would. */
export async function reveal(at: Replica, who: string, id: string): Promise<Revealed> {
  const link = JSON.stringify(await at.press(who, 'connect', id))
  const url = /"url":"([^"]+)"/.exec(link)?.[1]
  if (url === undefined) throw new Error(`no link in ${link}`)
  const response = await fetch(url, { method: 'POST' })
  const page = await response.text()
  const password = /<details>.*?<code[^>]*>([^<]+)<\/code>/s.exec(page)?.[1]
  if (password === undefined) throw new Error(`no password on the page, which answered ${response.status}`)
  return { url, token: url.split('/').at(-1) ?? '', password, page }
}

/** A person's own connection, with the password that they were shown. */
export async function connect(house: House, at: Replica, who: string, id: string, options = {}): Promise<Sql> {
  const { password } = await reveal(at, who, id)
  return client(house, accountOf(id), password, options)
}

export function client(house: House, account: string, password: string, options: Record<string, unknown> = {}): Sql {
  const { database = 'prod_db', ...rest } = options
  return postgres(house.cluster.urlFor(String(database), account, password), {
    ...{ max: 1, fetch_types: false, connect_timeout: 5, backoff: () => 0, onnotice: () => undefined },
    ...rest,
  })
}

export function accountOf(id: string): string {
  return `jit_${id.toLowerCase().replace('-', '_')}`
}

/** Our accounts on the target. */
export async function accounts(house: House): Promise<string[]> {
  const rows = await house.targetDb<{ name: string }[]>`
    select rolname as name from pg_roles where starts_with(rolname, 'jit_') order by 1`
  return rows.map(({ name }) => name)
}

/** Sessions of an account, found by its OID: the name goes first. */
export async function sessions(house: House, oid: number): Promise<number> {
  const rows = await house.targetDb`select from pg_stat_activity where usesysid = ${oid}::oid`
  return rows.length
}

export async function oidOf(house: House, id: string): Promise<number> {
  const [row] = await house.targetDb<{ oid: number }[]>`
    select oid::bigint as oid from pg_roles where rolname = ${accountOf(id)}`
  if (row === undefined) throw new Error(`${id} has no account`)
  return row.oid
}

export async function gone(house: House, id: string): Promise<void> {
  await until(`${accountOf(id)} is gone`, async () => !(await accounts(house)).includes(accountOf(id)))
}

/** The events of a grant, whatever is in the tables. */
export async function eventsOf(house: House, id: string): Promise<Event[]> {
  return eventsOfStream(house.db, `grant:${id}`)
}

export async function eventsOfStream(db: Db, stream: string): Promise<Event[]> {
  const rows = await db<{ body: string }[]>`select body from event where stream = ${stream} order by seq`
  return rows.map(({ body }) => JSON.parse(body) as Event)
}

export async function typesOf(house: House, id: string): Promise<string[]> {
  return (await eventsOf(house, id)).map(({ type }) => type)
}

/** Waits until something of this name is on record or in the log, about this grant when one is given. */
export async function named(house: House, at: Replica, what: string, grant: string | null = null): Promise<void> {
  const onRecord = async () =>
    (await eventsOfStream(house.db, 'system')).some(
      ({ data }) => data.what === what && (grant === null || data.grant === grant),
    )
  const inLog = () =>
    at.log.some((line) => line.includes(`"what":"${what}"`) && (grant === null || line.includes(grant)))
  await until(`${what} is named${grant === null ? '' : ` for ${grant}`}`, async () => inLog() || (await onRecord()))
}

/** As a superuser whom no trigger stops. */
export async function vandalise(db: Db, work: (tx: Tx) => Promise<unknown>): Promise<void> {
  await db.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await work(tx)
  })
}

/** A job as the product makes them, that nobody decided. */
export async function insertJob(db: Db, kind: string, id: string): Promise<void> {
  const data = kind === 'announce' ? { stream: `grant:${id}` } : { grant: id }
  await db.begin((tx) => enqueue(tx, { kind, key: id, data }, Date.now()))
  await db`select pg_notify('countersign_effects', ${kind})`
}

/** Writes an event as well as one can who lacks the key, and makes everything around it fit. */
export async function forge(tx: Tx, stream: string, type: string, data: Record<string, unknown>): Promise<void> {
  const [head] = await tx<{ seq: number; hash: Buffer }[]>`select seq, hash from stream_head where stream = ${stream}`
  const [seq, at] = [(head?.seq ?? 0) + 1, Date.now()]
  const prev = head?.hash.toString('hex') ?? null
  const body = canonicalJson({ at, data, prev, seq, stream, type, v: 1 })
  const hash = leafHash(body)
  await tx`
    insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac)
    values (${stream}, ${seq}, ${type}, 1, ${at}, ${body}, ${head?.hash ?? null}, ${hash}, ${randomBytes(32)})`
  await tx`
    insert into stream_head (stream, seq, hash) values (${stream}, ${seq}, ${hash})
    on conflict (stream) do update set seq = excluded.seq, hash = excluded.hash`
  await tx`insert into event_pending (leaf_hash, at) values (${hash}, ${at})`
}

/** Deletes the events of a grant from `type` on, and puts back the head and the row as they were before. */
export async function cutTail(tx: Tx, id: string, type: string, status: string): Promise<void> {
  const stream = `grant:${id}`
  await tx`delete from event where stream = ${stream}
    and seq >= (select min(seq) from event where stream = ${stream} and type = ${type})`
  await tx`update stream_head h set (seq, hash) = (
      select e.seq, e.leaf_hash from event e where e.stream = h.stream order by e.seq desc limit 1)
    where stream = ${stream}`
  await tx`update grant_state set status = ${status}, seq = (select seq from stream_head where stream = ${stream})
    where id = ${id}`
}

/** What is done to others does not touch somebody who has an access, nor end it. */
export async function isUndisturbed(house: House, at: Replica, who: string, id: string): Promise<void> {
  const person = await connect(house, at, who, id)
  expect(await person`select count(*)::int as n from payments`).toMatchObject([{ n: expect.any(Number) }])
  await person.end()
  expect(await typesOf(house, id)).not.toContain('grant.ending')
}

export interface Event {
  readonly type: string
  readonly at: number
  readonly seq: number
  readonly data: Record<string, unknown>
}

export interface Revealed {
  readonly url: string
  readonly token: string
  readonly password: string
  readonly page: string
}
