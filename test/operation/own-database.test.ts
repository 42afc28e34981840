import { afterEach, expect, test } from 'vitest'
import { copyAndRestore } from '../support/copy-and-restore.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { MAJORS } from '../support/postgres-versions.ts'
import { readMetrics } from '../support/read-metrics.ts'

/*
 * Countersign's own database, and a target beside it, on every PostgreSQL that it works with.
 */
let house: House
afterEach(() => house.close())

test.each(MAJORS)(
  'migrates, decides, seals, gives, takes away, measures and goes on after a restore on PostgreSQL %i',
  async (major) => {
    house = await openHouse({ major })
    const [{ version } = { version: 0 }] = await house.db<{ version: number }[]>`
      select current_setting('server_version_num')::int / 10000 as version`
    expect(version).toBe(major)

    const before = await house.startReplica()
    const first = await give(before, 'ana')
    const second = await give(before, 'bo')
    await end(before, 'ana', first)
    await until('all is sealed', async () => (await house.db`select from event_pending`).length === 0)
    await expect(house.db`update event set at = 0`).rejects.toMatchObject({ code: '23000' })
    const read = readMetrics(await (await fetch(`${before.url}/metrics`)).text())
    expect(read('house_read')).toBe(1)
    expect(read('ready', { check: 'schema' })).toBe(1)
    expect(read('ready', { check: 'record' })).toBe(1)
    await before.stop()

    await copyAndRestore(house.cluster)
    const after = await house.startReplica()
    await end(after, 'bo', second)
    expect(await house.db`select from event where type = 'system.alarm'`).toHaveLength(0)
    expect([...before.log, ...after.log].filter((line) => /"level":"error"/.test(line))).toEqual([])
    await after.stop()
  },
)

test('a server that is too old is refused at the start, before anything is changed on it', async () => {
  house = await openHouse()
  // Says that it is PostgreSQL 14 to whoever asks it in this database.
  await house.db.unsafe(`create schema pretence; create function pretence.current_setting(text) returns text language sql
    as $$ select case $1 when 'server_version_num' then '140023' when 'server_version' then '14.23'
      else pg_catalog.current_setting($1) end $$;
    alter database countersign set search_path = pretence, pg_catalog, public`)
  await expect(house.startReplica()).rejects.toThrow(
    'DATABASE_URL points at PostgreSQL 14.23, which is too old. Use PostgreSQL 15 or newer. Nothing was changed.',
  )
  expect(await house.db`select from pg_namespace where nspname in ('drizzle', 'pgboss')`).toHaveLength(0)
})

async function give(replica: Replica, as: string): Promise<string> {
  const id = idOn(await replica.command(as, 'prod-db 1h fix the ledger'))
  await replica.press('marcus', 'approve', id)
  await until('it is active', async () => (await statusOf(id)) === 'active')
  return id
}

async function end(replica: Replica, as: string, id: string): Promise<void> {
  await replica.press(as, 'done', id)
  await until('it is proved', async () => (await statusOf(id)) === 'removed')
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}
