import { afterAll, beforeAll, expect, it } from 'vitest'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/*
 * The clock of the database falls back by an hour between two starts: what is on record is of a time that is still to
 * come. Seen from the other side, the newest checkpoint is an hour ahead.
 */
let house: House
let replica: Replica
let given: string
let asked: string

const AN_HOUR_MS = 3_600_000

beforeAll(async () => {
  house = await openHouse()
  replica = await house.startReplica()
  given = idOn(await replica.command('ana', 'prod-db 5m fix the ledger INC-42'))
  await replica.press('marcus', 'approve', given)
  await until('it is active', async () => (await statusOf(given)) === 'active')
  asked = idOn(await replica.command('bo', 'prod-db 5m fix the ledger INC-42'))
  await until('it is sealed', async () => (await readiness(replica, 'record')).detail.includes(' 0 waiting'))
  await replica.stop()
  await moveCheckpoints(AN_HOUR_MS)
  replica = await house.startReplica()
})
afterAll(() => house.close())

it('decides nothing, and says why and by how much', async () => {
  for (const answer of [
    await replica.command('ana', 'prod-db 5m once more INC-43'),
    await replica.press('marcus', 'approve', asked),
  ]) {
    expect(JSON.stringify(answer)).toMatch(/the clock of the database fell back by (1h|59m)/)
  }
  expect(await statusOf(asked)).toBe('pending')
})

it('tells readiness and, once, the record', async () => {
  expect(await readiness(replica, 'clock')).toMatchObject({ state: 'degraded' })
  expect((await readiness(replica, 'clock')).detail).toMatch(/^fell back by (1h|59m)/)
  expect((await readiness(replica, 'policy')).state).toBe('ok')
  await until('it is on record', async () => (await alarms()).length > 0)
  expect(await alarms()).toHaveLength(1)
})

it('ends what is to end', async () => {
  await replica.press('ana', 'done', given)
  await until('it is removed', async () => (await statusOf(given)) === 'removed')
})

it('decides again once time has caught up', async () => {
  await replica.stop()
  await moveCheckpoints(-AN_HOUR_MS)
  replica = await house.startReplica()
  await replica.press('marcus', 'approve', asked)
  await until('it is active', async () => (await statusOf(asked)) === 'active')
  expect((await readiness(replica, 'clock')).detail).toBe('goes on')
})

async function moveCheckpoints(byMs: number): Promise<void> {
  await house.db.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`update checkpoint set at = at + ${byMs}`
  })
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}

async function alarms(): Promise<readonly unknown[]> {
  return house.db`select from event where type = 'system.alarm' and body like '%clock-fell-back%'`
}

async function readiness(of: Replica, name: string): Promise<{ state: string; detail: string }> {
  const { checks } = (await (await fetch(`${of.url}/readyz`)).json()) as {
    checks: { name: string; state: string; detail: string }[]
  }
  const found = checks.find((check) => check.name === name)
  if (found === undefined) throw new Error(`no check ${name}`)
  return found
}
