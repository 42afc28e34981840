import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Connector, TargetGrant } from '../../src/ports/connector.ts'
import { type DemoServer, inOneHour, newGrant, passwordOf, patience, startDemoServer } from './postgres-fixture.ts'

let server: DemoServer
let connector: Connector

beforeAll(async () => {
  server = await startDemoServer({ max_prepared_transactions: '5' })
  connector = server.connect()
})
afterAll(() => server?.close())

async function provisioned(): Promise<{ grant: TargetGrant; logIn: () => Sql }> {
  const grant = newGrant('ledger_write')
  await connector.provision(grant, inOneHour())
  const password = passwordOf(await connector.issueSecret(grant))
  // With it the person can come back after they have set "their own" password: it is the same.
  return { grant, logIn: () => server.client({ user: grant.account, password }) }
}

async function end(grant: TargetGrant): Promise<void> {
  await connector.disable(grant)
  await connector.terminateSessions(grant)
  await connector.remove(grant)
  expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
}

test.each([
  ['their password', `alter role current_user password 'x'`],
  ['their settings', `alter role current_user set work_mem = '8MB'`],
  ['a large object of theirs', `select lo_create(515151)`],
  ['a table of theirs', `create temp table own (); lock table own in access exclusive mode`],
  ['every table that they may change', `lock table payments in access exclusive mode`],
  ['a lock by number', `select pg_advisory_lock(1), pg_advisory_xact_lock(2)`],
  ['a grant of their own', `select lo_create(525252); grant select on large object 525252 to public`],
  ['the view of settings', `lock table pg_settings in access exclusive mode`],
])('a person who leaves a change of %s open does not hold up the end', async (_, change) => {
  const { grant, logIn } = await provisioned()
  const person = logIn()
  await person.unsafe(`begin; ${change}`)
  await end(grant)
})

test('clients that come back and lock their own password again are ended, five times of five', async () => {
  for (let round = 0; round < 5; round++) {
    const { grant, logIn } = await provisioned()
    const password = (await server.dba()`select rolpassword from pg_authid where rolname = ${grant.account}`)[0]
    let going = true
    const hammers = [1, 2, 3, 4].map(async () => {
      while (going) {
        const person = logIn()
        await person
          .unsafe(`begin; alter role current_user password '${password?.rolpassword}'; select pg_sleep(60)`)
          .catch(() => undefined)
        await person.end({ timeout: 0 })
      }
    })
    const locked = () =>
      server.dba()`select from pg_stat_activity where usename = ${grant.account} and query like 'begin; alter%'`
    while ((await locked()).length < 2) await new Promise(setImmediate)
    await end(grant).finally(() => {
      going = false
    })
    await Promise.all(hammers)
  }
})

test('clients that change their own password without pause do not outrun the end, five times of five', async () => {
  for (let round = 0; round < 5; round++) {
    const { grant, logIn } = await provisioned()
    const password = (await server.dba()`select rolpassword from pg_authid where rolname = ${grant.account}`)[0]
    let going = true
    const hammers = [1, 2, 3, 4].map(async () => {
      let person = logIn()
      while (going) {
        await person.unsafe(`alter role current_user password '${password?.rolpassword}'`).catch(async (error) => {
          if (error.code === 'XX000') return
          await person.end({ timeout: 0 })
          person = logIn()
        })
      }
    })
    await end(grant).finally(() => {
      going = false
    })
    await Promise.all(hammers)
  }
})

test('a step that only somebody else holds up ends nobody else’s session', async () => {
  const ours = await provisioned()
  const other = await provisioned()
  const dba = server.dba()
  await dba.unsafe(`begin; alter role ${ours.grant.account} connection limit 3`)
  const bystander = other.logIn()
  await bystander.unsafe('begin; select 1')
  const hasty = server.connect({ patience: { ...patience, lockMs: 300 } })
  await expect(hasty.disable(ours.grant)).rejects.toMatchObject({ code: 'Throttled' })
  expect(await bystander`select 2 as two`).toEqual([{ two: 2 }])
  await dba.unsafe('rollback')
  await end(ours.grant)
  expect(await bystander`select 2 as two`).toEqual([{ two: 2 }])
  await end(other.grant)
})

test('sessions cannot be called ended while the account can log in', async () => {
  const { grant } = await provisioned()
  const dba = server.dba()
  await connector.disable(grant)
  await dba.unsafe(`alter role ${grant.account} login`)
  await expect(connector.terminateSessions(grant)).rejects.toMatchObject({ code: 'Conflict' })
  await end(grant)
})

test('a prepared transaction that holds up the end is named, with what to do', async () => {
  const { grant, logIn } = await provisioned()
  const person = logIn()
  await person.unsafe(`begin; alter role current_user password 'x'; prepare transaction 'hold'`)
  const hasty = server.connect({ patience: { ...patience, lockMs: 100 } })
  await expect(hasty.disable(grant)).rejects.toMatchObject({
    code: 'Throttled',
    message: expect.stringContaining(`rollback prepared 'hold'`),
  })
  await server.dba().unsafe(`rollback prepared 'hold'`)
  await end(grant)
})

test('more large objects than one statement can take away are taken away all the same', async () => {
  const { grant, logIn } = await provisioned()
  const person = logIn()
  await person`select lo_create(0) from generate_series(1, 12000)`
  await connector.disable(grant)
  await connector.terminateSessions(grant)
  const { residuals } = await connector.remove(grant)
  // Five thousand by name, then two batches.
  expect(residuals.at(-1)?.what).toMatch(/^and 4952 more; SHA-256 of all 5002: /)
  expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
  const notes =
    await server.dba()`select what from jit.residual where account = ${grant.account} and what ~ '^large objects'`
  expect(notes.map(({ what }) => what)).toEqual([
    expect.stringMatching(
      /^large objects from \d+ to \d+, 5000 of them, SHA-256 .* now owned by countersign_quarantine$/,
    ),
    expect.stringMatching(
      /^large objects from \d+ to \d+, 2000 of them, SHA-256 .* now owned by countersign_quarantine$/,
    ),
  ])
})
