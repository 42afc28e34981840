import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyFile, newSigningKey } from '../../src/record/key-files.ts'
import { copyAndRestore } from '../support/copy-and-restore.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/*
 * docs/backup-and-restore.md where no other test shows it: a copy that lost nothing, and a signing key that is not there.
 */
let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

async function give(replica: Replica, as: string): Promise<string> {
  const id = idOn(await replica.command(as, 'prod-db 1h fix the ledger'))
  await replica.press('marcus', 'approve', id)
  await until('it is active', async () => (await statusOf(id)) === 'active')
  return id
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}

test('a copy that lost nothing goes on as if nothing had been', async () => {
  const before = await house.startReplica()
  const id = await give(before, 'ana')
  await before.stop()
  await copyAndRestore(house.cluster)
  const after = await house.startReplica()
  await after.press('ana', 'done', id)
  await until('it is proved', async () => (await statusOf(id)) === 'removed')
  const next = await give(after, 'bo')
  await after.press('bo', 'done', next)
  await until('the next one too', async () => (await statusOf(next)) === 'removed')
  expect(await house.db`select from event where type = 'system.alarm'`).toHaveLength(0)
  await after.stop()
})

test('without its signing key it ends what there is, gives nothing, and says why; with it, it goes on', async () => {
  const before = await house.startReplica()
  const id = await give(before, 'ana')
  await before.stop()

  await createKeyFile(house.file('another.pem'), newSigningKey())
  const keyless = await house.startReplica({ SIGNING_KEY_FILE: house.file('another.pem') })
  await until('it says why', async () => keyless.log.some((line) => line.includes('record-forked')))
  await keyless.press('ana', 'done', id)
  await until('it is ended', async () => (await statusOf(id)) === 'removed')
  const waiting = idOn(await keyless.command('bo', 'prod-db 1h fix the ledger'))
  await keyless.press('marcus', 'approve', waiting)
  await until('it was tried', async () => {
    const [row] = await house.db`
      select from pgboss.job_common where name = 'provision' and data::text like ${`%${waiting}%`} and retry_count > 0`
    return row !== undefined
  })
  expect(await house.targetDb`select from pg_roles where rolname like 'jit\\_%'`).toHaveLength(0)
  await keyless.stop()

  const after = await house.startReplica()
  await until('it is given now', async () => (await statusOf(waiting)) === 'active')
  await after.stop()
})
