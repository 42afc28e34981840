import type { Db, Tx } from '../db/transaction.ts'
import type { Subject } from '../domain/stewards.ts'

/** The open grant of a person for one entitlement: the same ask while it is open returns it. */
export async function findOpenGrant(tx: Tx, who: string, target: string, entitlement: string): Promise<string | null> {
  const [row] = await tx<{ id: string }[]>`
    select id from grant_state
    where open_for = ${who} and target = ${target} and entitlement = ${entitlement} and status <> 'ending'
    order by asked_at desc limit 1`
  return row?.id ?? null
}

/** The open requests and grants of a person, the newest first. */
export async function findOpenGrantsOf(db: Db, who: string): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    select id from grant_state where open_for = ${who} order by asked_at desc limit 50`
  return rows.map((row) => row.id)
}

/** What a person has open, or what is open on a target. */
export async function findOpenOf(tx: Tx, { kind, id }: Subject): Promise<{ status: string; target: string }[]> {
  return await tx<{ status: string; target: string }[]>`
    select status, target from grant_state
    where open_for is not null
      and case when ${kind === 'target'} then target = ${id} else open_for = ${id} or by_identity = ${id} end`
}

/**
 * Grants for which time has decided something by `now`, the longest overdue first.
 * @param except ids that are seen to otherwise
 */
export async function findDue(db: Db, now: number, except: readonly string[]): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    select id from grant_state
    where next_due_at <= ${now} and id <> all(${[...except]}::text[]) order by next_due_at limit 5000`
  return rows.map((row) => row.id)
}

/** As `findDue`, a few of those that nobody else has in hand: until the transaction has ended, nobody else finds them. */
export async function lockDue(tx: Tx, now: number, except: readonly string[], most: number): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    select id from grant_state
    where next_due_at <= ${now} and id <> all(${[...except]}::text[])
    order by next_due_at limit ${most} for update skip locked`
  return rows.map((row) => row.id)
}

/** When the next grant falls due, epoch ms; 0 when one is ending, for that is due now. */
export async function findNextDue(db: Db, except: readonly string[]): Promise<number | null> {
  const [row] = await db<{ at: number | null }[]>`
    select case
      when exists (select from grant_state where status = 'ending' and id <> all(${[...except]}::text[])) then 0
      else (
        select min(next_due_at) from grant_state
        where next_due_at is not null and id <> all(${[...except]}::text[])
      )
    end as at`
  return row?.at ?? null
}

/** Rows that say that something is to come. */
export async function findRowsThatAsk(db: Db): Promise<string[]> {
  const rows = await db<{ id: string }[]>`
    select id from grant_state where next_due_at is not null or open_for is not null or status = 'ending'`
  return rows.map((row) => row.id)
}

/** Grants whose removal has begun and is not proved, with the target that their row names. */
export async function findEnding(db: Db): Promise<{ readonly id: string; readonly target: string }[]> {
  return await db<{ id: string; target: string }[]>`
    select id, target from grant_state where status = 'ending' order by id`
}
