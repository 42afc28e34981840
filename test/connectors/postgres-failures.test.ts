import { readFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPostgresConnector } from '../../src/connectors/postgres/connector.ts'
import { type Connector, ConnectorError } from '../../src/ports/connector.ts'
import { type DemoServer, inOneHour, newGrant, passwordOf, patience, startDemoServer } from './postgres-fixture.ts'
import { startWire, type Wire } from './wire.ts'

let server: DemoServer
let wire: Wire
let connector: Connector
/** Through the same wire; these wait for nothing, for tests in which nothing comes. */
let hasty: Connector
let hastier: Connector

beforeAll(async () => {
  server = await startDemoServer({ log_statement: 'all', log_error_verbosity: 'verbose' })
  wire = await startWire(server.cluster.port)
  const url = Object.assign(new URL(server.url), { port: String(wire.port) }).href
  connector = server.connect({ url })
  hasty = server.connect({ url, patience: { ...patience, replyMs: 200 } })
  hastier = server.connect({ url, patience: { ...patience, connectMs: 200 } })
})
afterAll(async () => {
  await server?.close()
  await wire?.close()
})

const steps = ['disable', 'terminateSessions', 'remove'] as const

test.each([
  ['jit.provision', 'provision'],
  ['jit.set_verifier', 'provision'],
  ['jit.set_verifier', 'issueSecret'],
  ['jit.set_expiry', 'moveExpiry'],
  ['jit.mark_disabled', 'disable'],
  ['jit.disable', 'disable'],
  ['jit.kill', 'terminateSessions'],
  ['jit.plan_purge', 'remove'],
  ['jit.purge(', 'remove'],
] as const)(
  'an answer to %s that is lost leaves %s indeterminate, and the same again completes it',
  async (call, method) => {
    const grant = newGrant()
    const until = inOneHour()
    const run = (name: typeof method) => connector[name](grant, until)
    if (method !== 'provision') await run('provision')
    const before = steps.slice(0, Math.max(0, steps.indexOf(method as 'disable')))
    for (const step of before) await run(step)

    wire.loseAnswerTo(call)
    await expect(run(method)).rejects.toMatchObject({ name: 'ConnectorError', code: 'Indeterminate' })
    await run(method)

    for (const step of steps) await run(step)
    expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
  },
)

test('a server that takes the question and says nothing is unreachable, and nothing is removed', async () => {
  const grant = newGrant()
  await connector.provision(grant, inOneHour())
  wire.set('mute')
  await expect(hastier.disable(grant)).rejects.toMatchObject({ code: 'Unreachable' })
  expect((await hastier.verifyRemoved(grant)).verdict).toBe('indeterminate')
  wire.set('pass')
  expect((await connector.verifyRemoved(grant)).verdict).toBe('still-present')
})

test('a step that the server takes and does not answer is indeterminate', async () => {
  const grant = newGrant()
  await connector.provision(grant, inOneHour())
  wire.silenceAt('jit.mark_disabled')
  await expect(hasty.disable(grant)).rejects.toMatchObject({ code: 'Indeterminate' })
  wire.set('pass')
  for (const step of steps) await connector[step](grant)
  expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
})

test('a target that crashes between any two steps goes on where it was', async () => {
  const direct = server.connect()
  for (const down of [0, 1, 2, 3]) {
    const grant = newGrant()
    await direct.provision(grant, inOneHour())
    const person = server.client({ user: grant.account, password: passwordOf(await direct.issueSecret(grant)) })
    await person`select 1`
    for (const step of steps.slice(0, down)) await direct[step](grant)
    await server.cluster.crash()
    for (const step of steps)
      await expect(direct[step](grant)).rejects.toMatchObject({
        code: expect.stringMatching(/Unreachable|Indeterminate/),
      })
    expect((await direct.verifyRemoved(grant)).verdict).toBe('indeterminate')
    await server.cluster.start()
    for (const step of steps.slice(down)) await direct[step](grant)
    expect((await direct.verifyRemoved(grant)).verdict).toBe('removed')
  }
})

test('two processes that end the same access at once both get there', async () => {
  const [one, two] = [server.connect(), server.connect()]
  for (let round = 0; round < 5; round++) {
    const grant = newGrant()
    await one.provision(grant, inOneHour())
    for (const step of steps) await Promise.all([one[step](grant), two[step](grant)])
    expect((await two.verifyRemoved(grant)).verdict).toBe('removed')
  }
})

test('an end that overtakes its own beginning wins', async () => {
  const [one, two] = [server.connect(), server.connect()]
  for (let round = 0; round < 5; round++) {
    const grant = newGrant()
    const [made] = await Promise.allSettled([one.provision(grant, inOneHour()), two.disable(grant)])
    for (const step of steps) await two[step](grant)
    expect((await two.verifyRemoved(grant)).verdict).toBe('removed')
    if (made.status === 'rejected') expect(made.reason).toBeInstanceOf(ConnectorError)
  }
})

test('a grant of another target, or with an account that is not its own, is refused before anything is asked', async () => {
  const grant = newGrant()
  for (const wrong of [
    { ...grant, target: 'staging' },
    { ...grant, account: 'postgres' },
  ]) {
    await expect(connector.disable(wrong)).rejects.toMatchObject({ code: 'Conflict' })
    await expect(connector.provision(wrong, inOneHour())).rejects.toMatchObject({ code: 'Conflict' })
  }
})

test('what the policy does not give is refused though the target lists it', async () => {
  const narrow = server.connect({ allow: ['ledger_read'] })
  expect((await narrow.describeEntitlements()).map(({ grants }) => grants)).toEqual(['ledger_read'])
  await expect(narrow.provision(newGrant('ledger_write'), inOneHour())).rejects.toMatchObject({
    code: 'PrivilegeMissing',
  })
})

test('a secret never enters the target or its log, only its verifier does', async () => {
  const grant = newGrant()
  await connector.provision(grant, inOneHour())
  const secret = passwordOf(await connector.issueSecret(grant))
  const log = await readFile(server.cluster.logFile, 'utf8')
  expect(log.includes(`$1 = '${grant.account}', $2 = '${grant.id}', $3 = 'SCRAM-SHA-256$`)).toBe(true)
  expect(log.includes(secret)).toBe(false)
})

test('no error shows a secret, however deep one looks', async () => {
  const secret = 'h0rse-battery'
  const clock = { now: () => 0, runAt: () => () => undefined }
  const port = server.cluster.port
  const failures: unknown[] = []
  for (const url of [
    `postgres://bot:${secret}@127.0.0.1:notaport/prod_db`,
    `mysql://bot:${secret}@127.0.0.1/prod_db`,
    `postgres://bot:${secret}@127.0.0.1`,
    `postgres://bot:${secret}@127.0.0.1:1/prod_db`,
    `postgres://bot:${secret}@127.0.0.1:${port}/prod_db`,
    `postgres://countersign_bot:${secret}@127.0.0.1:${port}/nowhere`,
  ]) {
    try {
      const broken = createPostgresConnector({ target: 'prod-db', url, clock, patience })
      const [fault] = await broken.checkPreconditions()
      failures.push(fault, await broken.verifyRemoved(newGrant()))
      await broken.provision(newGrant(), 0).catch((error: unknown) => failures.push(error))
      await broken.close()
    } catch (error) {
      expect(error).toBeInstanceOf(ConnectorError)
      failures.push(error)
    }
  }
  await connector.provision(newGrant('postgres'), 0).catch((error: unknown) => failures.push(error))
  expect(failures).toHaveLength(13)
  expect(inspect(failures, { depth: 20, showHidden: true })).not.toContain('SCRAM-SHA-256')
  expect(inspect(failures, { depth: 20, showHidden: true })).not.toContain(secret)
})
