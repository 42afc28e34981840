import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Connector, TargetGrant } from '../../src/ports/connector.ts'
import { type DemoServer, inOneHour, newGrant, startDemoServer } from './postgres-fixture.ts'

let server: DemoServer
let production: Connector
let staging: Connector

beforeAll(async () => {
  server = await startDemoServer()
  production = server.connect({ origin: 'access.example.com/log' })
  staging = server.connect({ origin: 'staging.example.com/log' })
})
afterAll(() => server?.close())

async function listed(by: Connector, { account }: TargetGrant) {
  return (await by.listGrants()).find((one) => one.account === account)
}

async function end(by: Connector, grant: TargetGrant): Promise<void> {
  await by.disable(grant)
  await by.terminateSessions(grant)
  await by.remove(grant)
  expect((await by.verifyRemoved(grant)).verdict).toBe('removed')
}

test('an account of another Countersign on the same server is not taken for ours, and its log is named', async () => {
  const grant = newGrant()
  await production.provision(grant, inOneHour())
  expect(await listed(production, grant)).toMatchObject({
    grantId: grant.id,
    notes: [expect.stringMatching(/^ledger/)],
  })
  expect(await listed(staging, grant)).toMatchObject({
    grantId: null,
    notes: [`grant ${grant.id} of another Countersign, access.example.com/log`, expect.stringMatching(/^ledger/)],
  })
  expect(await listed(server.connect(), grant)).toMatchObject({ grantId: null })
  await end(production, grant)
})

test('the origin is known without the row that a restore lost', async () => {
  const grant = newGrant()
  await production.provision(grant, inOneHour())
  await server.dba()`delete from jit.account where account = ${grant.account}`
  expect(await listed(production, grant)).toMatchObject({ grantId: grant.id })
  expect(await listed(staging, grant)).toMatchObject({ grantId: null })
  await end(production, grant)
})

test('an account from before the origin was written counts as ours', async () => {
  const grant = newGrant()
  await server.connect().provision(grant, inOneHour())
  expect(await listed(production, grant)).toMatchObject({ grantId: grant.id })
  await server.dba()`delete from jit.account where account = ${grant.account}`
  expect(await listed(production, grant)).toMatchObject({ grantId: grant.id })
  await end(production, grant)
})

test('a log that started anew ends what the old one gave, with or without its row', async () => {
  for (const lost of [false, true]) {
    const grant = newGrant()
    await production.provision(grant, inOneHour())
    if (lost) await server.dba()`delete from jit.account where account = ${grant.account}`
    await end(staging, grant)
  }
})

test('a role with the tag of a longer id is not ours', async () => {
  const grant = newGrant()
  const dba = server.dba()
  await dba.unsafe(
    `create role ${grant.account}; comment on role ${grant.account} is 'countersign grant ${grant.id}X of y'`,
  )
  await expect(production.disable(grant)).rejects.toMatchObject({ code: 'ForeignGrant' })
  await dba.unsafe(`drop role ${grant.account}`)
})
