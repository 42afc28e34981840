import postgres, { type Sql } from 'postgres'
import { scramVerifier } from './postgres/scram.ts'
import { setupDatabaseSql, setupSql } from './postgres/set-up.ts'

const DATABASE = 'prod_db'
const NAMES = { bot: 'countersign_bot', quarantine: 'countersign_quarantine' }

/**
 * Makes the demo's target on a server: `prod_db`, a payments ledger, with the roles `ledger_read` and
 * `ledger_write`, set up for Countersign as a DBA would. Safe to run at every start.
 * @param superuserUrl any database of the server, as a superuser
 * @returns the address for the connector
 */
export async function createDemoTarget(superuserUrl: string, botPassword: string): Promise<DemoTarget> {
  const inDatabase = async (database: string, run: (sql: Sql) => Promise<unknown>) => {
    const sql = postgres(at(superuserUrl, database), { max: 1, fetch_types: false, onnotice: () => undefined })
    try {
      await run(sql)
    } finally {
      await sql.end({ timeout: 5 })
    }
  }
  for (const database of ['template1', 'postgres']) {
    await inDatabase(database, (sql) => sql.unsafe(setupDatabaseSql(NAMES)))
  }
  await inDatabase('postgres', async (sql) => {
    const [found] = await sql`select from pg_database where datname = ${DATABASE}`
    if (!found) await sql.unsafe(`create database ${DATABASE}`)
  })
  await inDatabase(DATABASE, async (sql) => {
    await sql.unsafe(LEDGER)
    await sql.unsafe(setupSql({ ...NAMES, allowedRoles: ['ledger_read', 'ledger_write'] }))
    await sql.unsafe(`alter role ${NAMES.bot} with login password '${await scramVerifier(botPassword)}'`)
  })
  const url = new URL(at(superuserUrl, DATABASE))
  url.username = NAMES.bot
  url.password = botPassword
  return { database: DATABASE, url: url.href }
}

function at(url: string, database: string): string {
  return Object.assign(new URL(url), { pathname: `/${database}` }).href
}

const LEDGER = `
  begin;
  do $do$ begin
    if not exists (select from pg_roles where rolname = 'ledger_read') then create role ledger_read nologin; end if;
    if not exists (select from pg_roles where rolname = 'ledger_write') then create role ledger_write nologin; end if;
  end $do$;
  comment on role ledger_read is 'Reads the payments ledger';
  comment on role ledger_write is 'Corrects payments in the ledger';
  create table if not exists customers (
    id integer primary key,
    name text not null,
    country text not null
  );
  create table if not exists payments (
    id bigint generated always as identity primary key,
    customer_id integer not null references customers,
    amount_cents bigint not null check (amount_cents > 0),
    currency text not null,
    status text not null check (status in ('pending', 'settled', 'stuck', 'refunded')),
    reference text not null unique
  );
  insert into customers values
    (1, 'Northwind Bakery', 'DK'), (2, 'Harbour Cycles', 'NL'), (3, 'Lumen Print', 'DE'), (4, 'Orchard Dental', 'IE')
  on conflict do nothing;
  insert into payments (customer_id, amount_cents, currency, status, reference) values
    (1, 12950, 'DKK', 'settled', 'INV-2041'), (1, 8400, 'DKK', 'settled', 'INV-2057'),
    (2, 239900, 'EUR', 'stuck', 'INV-2060'), (2, 4550, 'EUR', 'refunded', 'INV-2044'),
    (3, 61200, 'EUR', 'settled', 'INV-2039'), (3, 61200, 'EUR', 'pending', 'INV-2063'),
    (4, 18000, 'EUR', 'stuck', 'INV-2062'), (4, 18000, 'EUR', 'settled', 'INV-2031')
  on conflict do nothing;
  grant select on customers, payments to ledger_read, ledger_write;
  grant insert, update on payments to ledger_write;
  commit;
`

export interface DemoTarget {
  readonly database: string
  /** As the bot: holds its password. */
  readonly url: string
}
