import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { carelessSettings, startScratchCluster } from '../support/cluster.ts'
import { type House, idOn, openHouse, until } from '../support/house.ts'
import { installedServers } from '../support/installed-servers.ts'
import { readMetrics } from '../support/read-metrics.ts'

/*
 * Countersign's own database on every PostgreSQL that is here: the one that npm brings, always, and what the machine
 * has of 15 and newer (.ci/run sees to it that there is one).
 */
const servers = [{ major: 18, binaries: undefined }, ...installedServers()]

let house: House
const closers: (() => Promise<void>)[] = []
beforeAll(async () => {
  house = await openHouse()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => house.close())

test.each(servers)(
  'migrates, decides, seals, takes away and measures on PostgreSQL $major',
  async ({ major, binaries }) => {
    const cluster = await startScratchCluster({ settings: carelessSettings, ...(binaries && { installed: binaries }) })
    closers.push(() => cluster.remove())
    const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'test', max: 1 })
    await admin`create database countersign`
    await closeDb(admin)
    const db = openDb(cluster.urlFor('countersign'), { applicationName: 'test', max: 2 })
    closers.push(() => closeDb(db))
    const [{ version } = { version: 0 }] = await db<{ version: number }[]>`
      select current_setting('server_version_num')::int / 10000 as version`
    expect(version).toBe(major)

    const replica = await house.startReplica({
      DATABASE_URL: cluster.urlFor('countersign'),
      LOG_ORIGIN: `test.example/on-${major}-${cluster.port}`,
    })
    const id = idOn(await replica.command('ana', 'prod-db 1h fix the ledger'))
    await replica.press('marcus', 'approve', id)
    const statusIs = (wanted: string) => async () => {
      const [row] = await db<{ status: string }[]>`select status from grant_state where id = ${id}`
      return row?.status === wanted
    }
    await until('it is active', statusIs('active'))
    await replica.press('ana', 'done', id)
    await until('it is proved', statusIs('removed'))
    await until('all is sealed', async () => (await db`select from event_pending`).length === 0)
    await expect(db`update event set at = 0`).rejects.toMatchObject({ code: '23000' })
    const read = readMetrics(await (await fetch(`${replica.url}/metrics`)).text())
    expect(read('house_read')).toBe(1)
    expect(read('ready', { check: 'schema' })).toBe(1)
    expect(read('ready', { check: 'record' })).toBe(1)
    expect(replica.log.filter((line) => /"level":"error"/.test(line))).toEqual([])
    await replica.stop()
  },
  90_000,
)
