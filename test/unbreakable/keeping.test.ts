import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { erasureStream } from '../../src/domain/erasure-event.ts'
import { addYears } from '../../src/domain/may-erase.ts'
import { PRUNED_STREAM } from '../../src/domain/pruning-event.ts'
import { enqueue } from '../../src/effects/enqueue.ts'
import type { CrashPoint } from '../../src/workflow/context.ts'
import { toEffect } from '../../src/workflow/to-effect.ts'
import { armCrash, armedCrashes } from '../support/crash-points.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { openRecordOf, type RecordOf } from './record-of.ts'

/*
 * Whole processes on a record that is eight years old, killed between two parts of what they prune and erase. One batch
 * takes a hundred grants, so a hundred and one are two.
 */
const GRANTS = 101
const FOLDER = 'armed'
let house: House
let record: RecordOf
const replicas: Replica[] = []

beforeAll(async () => {
  const text = await readFile(path.join(import.meta.dirname, '../support/policy.yaml'), 'utf8')
  const policy = text
    .replace('compliance: [carla]', 'compliance: [carla]\nkeepers: [dirk]')
    .replace('financialReporting: true', 'financialReporting: false')
  house = await openHouse({ policy })
  await mkdir(house.file(FOLDER))
  await migrate(house.environment.DATABASE_URL ?? '')
  record = await openRecordOf(house)
  const now = Date.now()
  const then = addYears(now, -8)
  for (let n = 0; n < GRANTS; n++) await append(`grant:G-000${String(n).padStart(3, '0')}`, then, oldGrant(then))
  // The last 256 leaves stay.
  const filler = Array.from({ length: 256 }, () => ({ type: 'system.started', data: {} }))
  await append('system', then, filler)
  await append('system', now, [{ type: 'record.checked', data: { ok: true } }])
  replicas.push(await start(), await start())
})
afterAll(() => house?.close())

it('kill -9 while pruning: the other goes on, and every event is named once', async () => {
  await record.quiet()
  await killOneAt('prune:after-batch', () =>
    house.db.begin((tx) => enqueue(tx, toEffect({ kind: 'keep-record' }), Date.now())),
  )
  await until('the rest is pruned', async () => (await grantsOfThen()) === 0)
  const said = await record.record.readStream(house.db, PRUNED_STREAM)
  expect(said.map(({ data }) => [(data.streams as string[]).length, data.events])).toEqual([
    [100, 300],
    [1, 3],
  ])
  expect(new Set(said.flatMap(({ data }) => data.streams)).size).toBe(GRANTS)
})

it('kill -9 while erasing: what two ordered is carried out once', async () => {
  replicas.push(await start())
  const [living] = replicas.filter(({ child }) => child.signalCode === null)
  if (living === undefined) throw new Error('nobody lives')
  const grant = idOn(await living.command('ana', 'prod-db 1h the reason of ana'))
  await living.command('ana', `cancel ${grant}`)
  await record.quiet()
  const asked = await living.command('carla', 'erase @ana her right')
  const id = /E-[0-9A-Z]{6}/.exec(JSON.stringify(asked))?.[0] ?? expect.fail(JSON.stringify(asked))
  await killOneAt('erase:after-batch', () => living.command('dirk', `erase ${id}`).catch(() => undefined))
  const events = () => record.record.readStream(house.db, erasureStream(id))
  await until('it is carried out', async () => (await events()).at(-1)?.type === 'closed')
  expect((await events()).map(({ type }) => type)).toEqual(['texts.erased', 'erasure.done', 'closed'])
  expect((await events())[1]?.data).toMatchObject({ erasure: id, texts: 1 })
  const left = await house.db`
    select from private_text join event using (leaf_hash) where stream = ${`grant:${grant}`}`
  expect(left).toHaveLength(0)
})

it('the record is whole afterwards, and says what went', async () => {
  await record.quiet()
  expect(await record.verify()).toMatchObject({ ok: true, differences: [], pruned: 3 * GRANTS })
})

async function killOneAt(point: CrashPoint, act: () => Promise<unknown>): Promise<void> {
  armCrash(house.file(FOLDER), point)
  const dead = () => replicas.filter(({ child }) => child.signalCode === 'SIGKILL').length
  const before = dead()
  await act()
  await until('somebody died', async () => dead() === before + 1)
  expect(armedCrashes(house.file(FOLDER))).toEqual([])
}

const start = () => house.startReplica({ CRASH_FOLDER: house.file(FOLDER) })

async function grantsOfThen(): Promise<number> {
  const [row] = await house.db<{ count: number }[]>`
    select count(*)::int as count from stream_head where starts_with(stream, 'grant:G-000')`
  return row?.count ?? 0
}

async function append(stream: string, at: number, facts: Parameters<RecordOf['record']['append']>[3]): Promise<void> {
  await house.db.begin((tx) => record.record.append(tx, stream, null, facts, at))
}

function oldGrant(at: number) {
  const asked = {
    ...{ by: 'bo', for: 'bo', target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs: 60_000 },
    ...{ pendingUntil: at, policy: 'p', approvers: [], rules: [], channel: 'access' },
  }
  return [
    { type: 'request.asked', data: asked, private: { reason: 'long ago' } },
    { type: 'request.cancelled', data: { by: 'bo' } },
    { type: 'closed', data: { count: 3 } },
  ]
}
