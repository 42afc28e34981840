import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDemoTarget } from '../../src/connectors/demo-target.ts'
import { scramVerifier, unusableVerifier } from '../../src/connectors/postgres/scram.ts'
import type { Connector } from '../../src/ports/connector.ts'
import { type DemoServer, inOneHour, newGrant, startDemoServer } from './postgres-fixture.ts'

let server: DemoServer
let connector: Connector
let dba: Sql
let bot: Sql

beforeAll(async () => {
  server = await startDemoServer()
  connector = server.connect()
  dba = server.dba()
  bot = server.client({ user: 'countersign_bot', password: 'the-bot' })
})
afterAll(() => server?.close())

test.each([
  [
    'alter role countersign_bot createrole',
    'alter role countersign_bot nocreaterole',
    'countersign_bot has the attribute CREATEROLE',
  ],
  [
    'alter role countersign_bot superuser',
    'alter role countersign_bot nosuperuser',
    'countersign_bot has the attribute SUPERUSER',
  ],
  [
    'grant pg_read_all_data to countersign_bot',
    'revoke pg_read_all_data from countersign_bot',
    'countersign_bot is a member of pg_read_all_data',
  ],
  [
    'grant select on payments to countersign_bot',
    'revoke select on payments from countersign_bot',
    'countersign_bot holds a privilege on table public.payments',
  ],
  [
    'grant execute on function pg_read_file(text) to countersign_bot',
    'revoke execute on function pg_read_file(text) from countersign_bot',
    'countersign_bot holds a privilege on function pg_read_file(text)',
  ],
  [
    'grant insert on jit.allowed_role to countersign_bot',
    'revoke insert on jit.allowed_role from countersign_bot',
    'countersign_bot holds a privilege on table jit.allowed_role',
  ],
  [
    'create table mine (); alter table mine owner to countersign_bot',
    'drop table mine',
    'countersign_bot owns table public.mine',
  ],
  [
    'grant create on database prod_db to countersign_bot',
    'revoke create on database prod_db from countersign_bot',
    'countersign_bot may create schemas in database prod_db',
  ],
  [
    'grant execute on function jit.disable to public',
    'revoke execute on function jit.disable from public',
    'everybody may call jit.disable(text,text,text)',
  ],
  [
    'create role eve; grant countersign_target_owner to eve',
    'drop role eve',
    'eve is a member of countersign_target_owner',
  ],
  [
    'grant ledger_write to countersign_quarantine',
    'revoke ledger_write from countersign_quarantine',
    'countersign_quarantine is a member of ledger_write',
  ],
  [
    'grant select on payments to countersign_quarantine',
    'revoke select on payments from countersign_quarantine',
    'countersign_quarantine holds a privilege on table public.payments',
  ],
])('too much privilege blocks new grants, and revoking goes on: %s', async (give, take, what) => {
  const running = newGrant()
  await connector.provision(running, inOneHour())
  await dba.unsafe(give)
  try {
    const faults = await connector.checkPreconditions()
    expect(faults).toContainEqual({
      severity: 'blocking',
      code: 'PrivilegeExcessive',
      message: expect.stringContaining(what),
    })
    if (what.startsWith('countersign_bot')) {
      await expect(connector.provision(newGrant(), inOneHour())).rejects.toMatchObject({ code: 'PrivilegeExcessive' })
    }
    await connector.disable(running)
    await connector.terminateSessions(running)
    await connector.remove(running)
    expect((await connector.verifyRemoved(running)).verdict).toBe('removed')
  } finally {
    await dba.unsafe(take)
  }
  expect(await connector.checkPreconditions()).toEqual([])
})

test.each([
  [
    'revoke execute on function jit.kill from countersign_bot',
    'the function jit.kill(text,text,jsonb) may not be called by countersign_bot',
  ],
  ['drop function jit.purge', 'the function jit.purge(text,text,bigint) is absent'],
  [
    'alter function jit.disable owner to postgres',
    'jit.disable(text,text,text) is owned by postgres, who is not a NOLOGIN superuser',
  ],
  [
    'alter function jit.list() reset search_path',
    'the function jit.list() does not run as its owner with a search_path of its own',
  ],
  ['drop schema jit cascade', 'the function jit.allowed() is absent'],
])('too little privilege blocks new grants and names what to run: %s', async (take, what) => {
  await dba.unsafe(take)
  const faults = await connector.checkPreconditions()
  expect(faults).toContainEqual({
    severity: 'blocking',
    code: 'PrivilegeMissing',
    message: expect.stringContaining(what),
  })
  await expect(connector.provision(newGrant(), inOneHour())).rejects.toMatchObject({ code: 'PrivilegeMissing' })
  await createDemoTarget(server.cluster.urlFor('postgres'), 'the-bot')
  expect(await connector.checkPreconditions()).toEqual([])
})

test.each([
  [
    "insert into jit.allowed_role values ('ghost')",
    "delete from jit.allowed_role where role_name = 'ghost'",
    'ghost is on the list jit.allowed_role and does not exist',
  ],
  [
    'alter table customers owner to ledger_write',
    'alter table customers owner to postgres',
    'ledger_write owns 1 objects',
  ],
  [
    'grant pg_execute_server_program to ledger_write',
    'revoke pg_execute_server_program from ledger_write',
    'ledger_write brings pg_execute_server_program',
  ],
  [
    'grant ledger_read to ledger_write with admin option',
    'revoke ledger_read from ledger_write',
    'ledger_write may give ledger_read to others',
  ],
])('an entitlement that lets people leave something behind is warned of: %s', async (give, take, what) => {
  await dba.unsafe(give)
  const faults = await connector.checkPreconditions()
  await dba.unsafe(take)
  const ofAnyVersion = faults.filter(({ message }) => !message.includes('before PostgreSQL 16'))
  expect(ofAnyVersion).toEqual([
    { severity: 'warning', code: 'PrivilegeExcessive', message: expect.stringContaining(what) },
  ])
})

test('too much privilege in another database counts as well', async () => {
  const other = server.dba('postgres')
  await other.unsafe('create table notes (); grant select on notes to countersign_bot')
  expect(await connector.checkPreconditions()).toMatchObject([
    {
      severity: 'blocking',
      message: expect.stringContaining('prod-db/postgres: countersign_bot holds a privilege on table public.notes'),
    },
  ])
  await other.unsafe('drop table notes')
})

test('a clock of the target that is wrong is warned of', async () => {
  const late = server.connect({ clock: { now: () => Date.now() - 60_000, runAt: () => () => undefined } })
  expect(await late.checkPreconditions()).toMatchObject([
    { severity: 'warning', message: expect.stringMatching(/its clock is (59|60)\d{3} ms ahead of ours/) },
  ])
})

test('the bot itself can do nothing but call the functions', async () => {
  for (const attempt of [
    'select * from jit.account',
    "insert into jit.allowed_role values ('postgres')",
    'select * from payments',
    'create role x',
    'create schema x',
    'set role countersign_target_owner',
    "select jit.lock_account('jit_x', 'X', 0)",
    'select pg_terminate_backend(pid) from pg_stat_activity where usesysid = 10 and datname is not null',
  ]) {
    await expect(bot.unsafe(attempt), attempt).rejects.toMatchObject({ code: '42501' })
  }
})

test('the functions touch no other name, give nothing that is not listed, and take no plain password', async () => {
  const verifier = await unusableVerifier()
  const provision = (account: string, role: string, secret: string) =>
    bot`select jit.provision(${account}, 'G-1', null, ${role}, ${secret}, ${inOneHour()}::bigint, 5, 0::bigint)`
  for (const name of [
    'postgres',
    'countersign_target_owner',
    'ledger_read',
    'JIT_X',
    'jit_x"; drop role y',
    'jit_',
    'jit_a-b',
    '',
  ]) {
    await expect(provision(name, 'ledger_read', verifier)).rejects.toMatchObject({ code: 'JIT01' })
    await expect(bot`select jit.mark_disabled(${name}, 'G-1', 0::bigint)`).rejects.toMatchObject({ code: 'JIT01' })
    await expect(bot`select jit.disable(${name}, 'G-1', null)`).rejects.toMatchObject({ code: 'JIT01' })
    await expect(bot`select jit.kill(${name}, 'G-1', '[]'::jsonb)`).rejects.toMatchObject({ code: 'JIT01' })
    await expect(bot`select jit.purge(${name}, 'G-1', 0::bigint)`).rejects.toMatchObject({ code: 'JIT01' })
    await expect(bot`select jit.set_verifier(${name}, 'G-1', ${verifier}, 0::bigint)`).rejects.toMatchObject({
      code: 'JIT01',
    })
    await expect(bot`select jit.set_expiry(${name}, 'G-1', 0::bigint, 0::bigint)`).rejects.toMatchObject({
      code: 'JIT01',
    })
  }
  const [postgres] = await bot`select oid from pg_roles where rolname = 'postgres'`
  await expect(bot`select jit.purge_database('postgres', ${postgres?.oid}::oid, 0::bigint)`).rejects.toMatchObject({
    code: 'JIT04',
  })
  await expect(provision('jit_g_1', 'postgres', verifier)).rejects.toMatchObject({ code: 'JIT02' })
  await expect(provision('jit_g_1', 'pg_read_all_data', verifier)).rejects.toMatchObject({ code: 'JIT02' })
  for (const secret of ['secret', `md5${'0'.repeat(32)}`, `${await scramVerifier('x')}'; drop`]) {
    await expect(provision('jit_g_1', 'ledger_read', secret)).rejects.toMatchObject({ code: 'JIT01' })
  }
  expect(await dba`select from pg_roles where rolname in ('jit_g_1', 'jit_')`).toHaveLength(0)
})

test('a grant id cannot be used to reach the account of another', async () => {
  const grant = newGrant()
  await connector.provision(grant, inOneHour())
  for (const attempt of [
    bot`select jit.mark_disabled(${grant.account}, 'G-OTHER', 0::bigint)`,
    bot`select jit.disable(${grant.account}, 'G-OTHER', null)`,
    bot`select jit.kill(${grant.account}, 'G-OTHER', '[]'::jsonb)`,
  ]) {
    await expect(attempt).rejects.toMatchObject({ code: 'JIT03' })
  }
})
