import { execFile } from 'node:child_process'
import { appendFile, chown, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { serverUser } from '../../src/db/embedded/server-user.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/*
 * A base backup of the running server, an archive of its log, and the server set back from them: to its end, and to a
 * moment before the last that a witness has seen. As docs/backup-and-restore.md says, by PostgreSQL's own means. The
 * target is on the same server and goes back with it: what becomes of an account that the lost end explained is shown in
 * test/unbreakable/restore.test.ts.
 */
const run = promisify(execFile)
let house: House
const folder = (name: string) => path.join(path.dirname(house.cluster.dataDir), name)

beforeAll(async () => {
  house = await openHouse({ settings: { wal_level: 'replica', archive_mode: 'on', archive_timeout: '60' } })
  await own(await mkdir(folder('archive'), { recursive: true }).then(() => folder('archive')))
  await asAdmin(async (admin) => {
    await admin.unsafe(`alter system set archive_command = 'cp %p ${folder('archive')}/%f'`)
    await admin`select pg_reload_conf()`
  })
})
afterAll(() => house.close())

test('nothing is lost by a restore to the end of the archive; one to a moment before shows, and the way on works', async () => {
  const before = await house.startReplica()
  const kept = await give(before, 'ana')
  await backUp()
  const ended = await give(before, 'ana', 'prod-db:write', ['marcus', 'olga'])
  await sealed(before)
  const moment = await asAdmin(async (admin) => {
    const [row] = await admin<{ now: string }[]>`select clock_timestamp()::text as now, pg_switch_wal()`
    return row?.now ?? ''
  })
  const lost = await give(before, 'bo')
  await sealed(before)
  await before.kill()
  await archived()

  await restore(null)
  expect(await openGrants()).toEqual([kept, ended, lost].sort())
  expect(await verifyLog()).toMatchObject({ code: 0, out: expect.stringContaining('VERIFIED') })

  await restore(moment)
  expect(await openGrants()).toEqual([kept, ended].sort())
  const verdict = await verifyLog()
  expect(verdict).toMatchObject({ code: 1, out: expect.stringContaining('witness-differs') })
  const held = await house.startReplica()
  await until('it says why', async () => held.log.some((line) => line.includes('record-forked')))
  await held.press('ana', 'done', ended)
  await until('an ending goes on', async () => (await statusOf(ended)) === 'removed')
  await held.stop()

  const next = { ...house.environment, LOG_ORIGIN: 'test.example/log-2' }
  const begun = await countersign(['record', 'new-origin', next.LOG_ORIGIN, '--as', 'carla'], next)
  expect(begun).toMatchObject({ code: 0 })
  const after = await house.startReplica({ LOG_ORIGIN: next.LOG_ORIGIN })
  await give(after, 'bo')
  await after.press('ana', 'done', kept)
  await until('what it explains ends on its way', async () => (await statusOf(kept)) === 'removed')
  expect(await countersign(['verify', '--log'], next)).toMatchObject({ code: 0 })
})

async function backUp(): Promise<void> {
  await asAdmin(async (admin) => {
    await admin`select pg_backup_start('base', true)`
    await asServer('cp', ['-Rp', house.cluster.dataDir, folder('base')])
    const [label] = await admin<{ labelfile: string }[]>`select labelfile from pg_backup_stop()`
    await writeFile(path.join(folder('base'), 'backup_label'), label?.labelfile ?? '')
  })
  for (const gone of ['postmaster.pid', 'postmaster.opts', 'pg_wal']) {
    await rm(path.join(folder('base'), gone), { recursive: true, force: true })
  }
  await own(await mkdir(path.join(folder('base'), 'pg_wal')).then(() => path.join(folder('base'), 'pg_wal')))
}

/** @param until a moment of the database's clock; null for the end of the archive */
async function restore(until: string | null): Promise<void> {
  await house.cluster.stop()
  await rename(house.cluster.dataDir, folder(`before-${until === null ? 'end' : 'moment'}`))
  await asServer('cp', ['-Rp', folder('base'), house.cluster.dataDir])
  const target = until === null ? '' : `recovery_target_time = '${until}'\nrecovery_target_timeline = 'current'\n`
  await appendFile(
    path.join(house.cluster.dataDir, 'postgresql.auto.conf'),
    `restore_command = 'cp ${folder('archive')}/%f %p'\nrecovery_target_action = 'promote'\n${target}archive_command = '/bin/true'\n`,
  )
  await writeFile(path.join(house.cluster.dataDir, 'recovery.signal'), '')
  for (const file of ['recovery.signal', 'backup_label']) await own(path.join(house.cluster.dataDir, file))
  await house.cluster.start()
  await asAdmin(async (admin) => {
    for (;;) {
      const [row] = await admin<{ recovering: boolean }[]>`select pg_is_in_recovery() as recovering`
      if (row?.recovering === false) return
      await admin`select pg_sleep(0.1)`
    }
  })
}

async function archived(): Promise<void> {
  await asAdmin(async (admin) => {
    const [row] = await admin<{ file: string }[]>`select pg_walfile_name(pg_switch_wal()) as file`
    await until('the archive has it', async () => {
      const [last] = await admin<{ file: string | null }[]>`select last_archived_wal as file from pg_stat_archiver`
      return (last?.file ?? '') >= (row?.file ?? '~')
    })
  })
}

async function sealed(replica: Replica): Promise<void> {
  await until('all is witnessed', async () => {
    const ready = (await (await fetch(`${replica.url}/readyz`)).json()) as { checks: { name: string }[] }
    const [row] = await house.db<{ waits: number; size: number; seen: number }[]>`
      select (select count(*) from event_pending)::int as waits, (select max(size) from checkpoint) as size,
        (select max(size) from witness_receipt) as seen`
    return ready.checks.length > 0 && row?.waits === 0 && row.size === row.seen
  })
}

async function give(replica: Replica, as: string, what = 'prod-db', approvers = ['marcus']): Promise<string> {
  const id = idOn(await replica.command(as, `${what} 1h fix the ledger`))
  for (const one of approvers) await replica.press(one, 'approve', id)
  await until('it is active', async () => (await statusOf(id)) === 'active')
  return id
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}

async function openGrants(): Promise<string[]> {
  const rows = await house.db<{ id: string }[]>`select id from grant_state where status = 'active' order by id`
  return rows.map(({ id }) => id)
}

const verifyLog = () => countersign(['verify', '--log'], house.environment)

async function asServer(command: string, args: string[]): Promise<void> {
  const user = await serverUser()
  await run(command, args, { cwd: '/', ...(user && { uid: user.uid, gid: user.gid }) })
}

async function own(file: string): Promise<void> {
  const user = await serverUser()
  if (user) await chown(file, user.uid, user.gid)
}

async function asAdmin<T>(work: (admin: ReturnType<typeof openDb>) => Promise<T>): Promise<T> {
  const admin = openDb(house.cluster.urlFor('postgres'), { applicationName: 'operator', max: 1, lifetime: 'process' })
  try {
    return await work(admin)
  } finally {
    await closeDb(admin)
  }
}
