import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

describe('the whole story on one process', () => {
  let house: House
  let replica: Replica
  beforeAll(async () => {
    house = await openHouse()
    replica = await house.startReplica()
  })
  afterAll(() => house.close())

  it('asks, approves, gives, shows how to connect, takes away on time and sees it gone', async () => {
    const asked = await replica.command('ana', 'prod-db 4s fix the ledger')
    const id = idOn(asked)
    const approved = await replica.press('marcus', 'approve', id)
    expect(JSON.stringify(approved)).toContain('Approved.')
    await until('it is active', async () => (await statusOf(house, id)) === 'active')
    await until('it is removed', async () => (await statusOf(house, id)) === 'removed')
    const roles = await house.targetDb`select rolname from pg_roles where rolname like 'jit\\_%'`
    expect(roles).toEqual([])
  })
})

async function statusOf(house: House, id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}
