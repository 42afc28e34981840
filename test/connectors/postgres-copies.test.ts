import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newPassword, scramVerifier } from '../../src/connectors/postgres/scram.ts'
import type { Connector, TargetGrant } from '../../src/ports/connector.ts'
import { type DemoServer, inOneHour, newGrant, passwordOf, startDemoServer } from './postgres-fixture.ts'

/*
 * PostgreSQL 15, where whoever is a member of a role may SET ROLE to it: the account gets copies of the role's
 * privileges instead.
 */
let server: DemoServer
let connector: Connector
let dba: Sql

beforeAll(async () => {
  server = await startDemoServer()
  connector = server.connect()
  dba = server.dba()
})
afterAll(() => server?.close())

async function provisioned(grants = 'ledger_write'): Promise<{ grant: TargetGrant; person: Sql }> {
  const grant = newGrant(grants)
  await connector.provision(grant, inOneHour())
  const password = passwordOf(await connector.issueSecret(grant))
  return { grant, person: server.client({ user: grant.account, password }) }
}

/** Another login of the server, with a session of its own. */
async function colleague(name: string): Promise<Sql> {
  const password = newPassword()
  await dba.unsafe(`create role ${name} login password '${await scramVerifier(password)}'`)
  return server.client({ user: name, password })
}

async function end(grant: TargetGrant) {
  await connector.disable(grant)
  await connector.terminateSessions(grant)
  return connector.remove(grant)
}

const removed = { verdict: 'removed', residuals: [] }

test('a membership would leave a function behind that goes on writing when the account is dropped', async () => {
  await dba.unsafe(`create schema shared; grant usage, create on schema shared to ledger_write;
    create role member_of_old login password '${await scramVerifier('mine')}' in role ledger_write`)
  const member = server.client({ user: 'member_of_old', password: 'mine' })
  await member.unsafe(`set role ledger_write; create function shared.later() returns void language sql security definer
    as $$ update public.payments set status = 'refunded' where reference = 'INV-2031' $$`)
  await member.end()
  await dba.unsafe('drop owned by member_of_old; drop role member_of_old; grant usage on schema shared to public')
  const carol = await colleague('carol')
  await carol`select shared.later()`
  expect(await dba`select status from payments where reference = 'INV-2031'`).toEqual([{ status: 'refunded' }])
  await carol.end()
  await dba.unsafe('drop schema shared cascade; drop role carol')
})

test('the account is in no role and holds what the role holds, of every kind, without the right to pass it on', async () => {
  await dba.unsafe(`create schema "Odd ""one"; create sequence "Odd ""one".numbers; create type mood as enum ('calm');
    create function secret_rate(integer) returns integer language sql as 'select 7';
    revoke execute on function secret_rate(integer) from public;
    create role analysts; create role auditors in role analysts;
    grant usage on schema "Odd ""one" to analysts; grant usage, select on sequence "Odd ""one".numbers to auditors;
    grant update (status), select (status, reference) on payments to auditors with grant option;
    grant execute on function secret_rate(integer) to auditors; grant usage on type mood to auditors;
    grant temporary on database prod_db to auditors; insert into jit.allowed_role values ('auditors')`)
  await dba.unsafe(`select lo_create(515151); grant select on large object 515151 to auditors`)
  const { grant, person } = await provisioned('auditors')
  expect(await person`select rolname from pg_roles where pg_has_role(oid, 'MEMBER')`).toEqual([
    { rolname: grant.account },
  ])
  expect(await dba`select from pg_auth_members where member = ${grant.account}::regrole`).toHaveLength(0)
  const held = (role: string) => dba`
    select phrase from jit.privileges(jit.roles_in(${role}::regrole)) order by phrase`
  expect((await held(grant.account)).length).toBeGreaterThan(9)
  expect(await held(grant.account)).toEqual(await held('auditors'))
  expect(await dba`select from jit.privileges(array[${grant.account}::regrole::oid]) where grantable`).toHaveLength(0)
  expect(await person`select nextval('"Odd ""one".numbers')::int as n, secret_rate(1) as rate`).toEqual([
    { n: 1, rate: 7 },
  ])
  await expect(person`select amount_cents from payments`).rejects.toMatchObject({ code: '42501' })
  await end(grant)
  expect(await connector.verifyRemoved(grant)).toMatchObject(removed)
  expect(await dba`select from jit.copied_privilege where account = ${grant.account}`).toHaveLength(0)
  await dba.unsafe(`delete from jit.allowed_role where role_name = 'auditors'; drop owned by auditors, analysts;
    drop role auditors, analysts; drop schema "Odd ""one" cascade; drop type mood; drop function secret_rate(integer)`)
})

test('a colleague to whom somebody lent the account has nothing left in their open session, and is named', async () => {
  const { grant } = await provisioned()
  const carol = await colleague('carol')
  await dba.unsafe(`grant ${grant.account} to carol`)
  await carol.unsafe(`set role ${grant.account}`)
  expect((await carol`update payments set status = 'stuck' where reference = 'INV-2060'`).count).toBe(1)
  await expect(carol`set role ledger_write`).rejects.toMatchObject({ code: '42501' })
  const { residuals } = await end(grant)
  expect(residuals.map(({ what }) => what)).toEqual([`carol held ${grant.account}, given by postgres`])
  await expect(carol`update payments set status = 'settled'`).rejects.toMatchObject({ code: '42501' })
  expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
  await carol.end()
  await dba.unsafe('drop role carol')
})

test.each([
  ['alter table customers owner to ledger_write', 'alter table customers owner to postgres', 'owns objects'],
  ['grant pg_read_all_data to ledger_write', 'revoke pg_read_all_data from ledger_write', 'brings pg_read_all_data'],
  ['alter role ledger_write superuser', 'alter role ledger_write nosuperuser', 'is a superuser'],
  [
    'create policy own on payments to ledger_write using (true)',
    'drop policy own on payments',
    'is named by row security policies',
  ],
  [
    'create role empty; insert into jit.allowed_role values ($$empty$$)',
    'delete from jit.allowed_role where role_name = $$empty$$; drop role empty',
    'holds no privilege in database prod_db',
  ],
])('what has no copy is not given, and is warned of: %s', async (give, take, what) => {
  await dba.unsafe(give)
  const grant = newGrant(what.startsWith('holds') ? 'empty' : 'ledger_write')
  try {
    expect((await connector.checkPreconditions()).map(({ message }) => message).join('\n')).toContain(
      `prod-db: ${grant.grants} ${what}`,
    )
    await expect(connector.provision(grant, inOneHour())).rejects.toMatchObject({
      code: 'PrivilegeExcessive',
      message: expect.stringContaining(`${grant.grants} ${what}`),
    })
    expect((await connector.listGrants()).map(({ account }) => account)).not.toContain(grant.account)
  } finally {
    await dba.unsafe(take)
  }
})

test.each([
  [
    'create role admin_of_old createrole',
    'drop role admin_of_old',
    'admin_of_old has CREATEROLE, with which it can give itself any role here and a password to any login',
  ],
  [
    'create schema reports; grant usage on schema reports to ledger_read',
    'drop schema reports',
    'ledger_read holds privileges in database postgres: before PostgreSQL 16 only those in database prod_db are given',
  ],
])('what is weaker than on 16 is warned of: %s', async (give, take, what) => {
  const where = give.includes('schema') ? server.dba('postgres') : dba
  await where.unsafe(give)
  const faults = await connector.checkPreconditions()
  await where.unsafe(take)
  expect(faults).toEqual([{ severity: 'warning', code: 'PrivilegeExcessive', message: `prod-db: ${what}.` }])
})

test('twenty at once on the same tables are all given and all taken away', async () => {
  const grants = Array.from({ length: 20 }, () => newGrant())
  const others = [connector, server.connect(), server.connect()]
  const by = (n: number) => others[n % others.length] ?? connector
  await Promise.all(grants.map((grant, n) => by(n).provision(grant, inOneHour())))
  await Promise.all(
    grants.map(async (grant, n) => {
      for (const step of ['disable', 'terminateSessions', 'remove'] as const) await by(n)[step](grant)
    }),
  )
  for (const grant of grants) expect(await connector.verifyRemoved(grant)).toMatchObject(removed)
})
