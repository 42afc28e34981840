import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { DAY, MINUTE } from '../../src/domain/duration.ts'
import { openRecord } from '../../src/open-record.ts'
import { type House, openHouse, until } from '../support/house.ts'

// Whole processes, which a busy machine starts slowly.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const QUARTER = 15 * MINUTE
let house: House
beforeAll(async () => {
  const policy = await readFile('test/support/policy.yaml', 'utf8')
  house = await openHouse({
    policy: policy.replace('channel: access\n', 'channel: access\ncheckpointChannel: access\n'),
  })
})
afterAll(() => house.close())

/** The record began two weeks ago, with a refusal. */
async function beginEarlier(): Promise<void> {
  const reading = readConfig({ ...house.environment })
  if ('faults' in reading) throw new Error(reading.faults.join('\n'))
  const open = await openRecord(reading.config, { asItIs: true, onNotice: () => undefined })
  const data = { by: 'ana', act: 'approve', code: 'own-request', facts: {}, said: '' }
  await open.database.pools.app.begin((tx) =>
    open.record.append(tx, 'person:ana', null, [{ type: 'act.refused', data }], open.clock.now() - 14 * DAY),
  )
  await open.close()
}

/** Nobody has run since: what was due is caught up at the start. */
async function missTwoWeeks(): Promise<void> {
  await house.db`delete from schedule_slot where job = 'make-digests'`
  await house.db`insert into schedule_slot (job, slot, at) values ('make-digests', ${Date.now() - 14 * DAY}, 0)`
  // Of the checkpoints, only the digest's: those of the quarters to come count as told.
  const quarter = Math.ceil(Date.now() / QUARTER) * QUARTER
  await house.db`
    insert into schedule_slot (job, slot, at)
    select 'announce-checkpoint', slot, 0 from generate_series(${quarter}::bigint, ${quarter + 4 * QUARTER}::bigint, ${QUARTER}::bigint) slot
    on conflict do nothing`
}

const made = () => house.db<{ stream: string }[]>`select stream from event where type = 'digest.made'`
const told = async () => {
  const rows = await house.db<{ key: string }[]>`
    select key from local_chat_messages where key like 'digest:%' order by key`
  return rows.map(({ key }) => key)
}

const checkpointsTold = async () => {
  const rows = await house.db<{ key: string }[]>`
    select key from local_chat_messages where key like 'checkpoint:%:card'`
  return rows.map(({ key }) => key.slice('checkpoint:'.length, -':card'.length))
}

it('a digest whose processes are killed before and after they tell it is made once and told once', async () => {
  const calm = await house.startReplica()
  await until('the policy is announced', async () => {
    const [row] = await house.db`select from announced where stream = 'policy'`
    return row !== undefined
  })
  await calm.stop()
  await beginEarlier()
  await missTwoWeeks()
  // Each dies by SIGKILL, with the digest in hand.
  for (const CRASH_AT of ['announce:before-post', 'announce:after-post']) {
    const doomed = await house.startReplica({ CRASH_AT })
    await doomed.exited
    expect(await made()).toHaveLength(1)
  }
  const [one, other] = await Promise.all([house.startReplica(), house.startReplica()])
  const [{ stream }] = (await made()) as unknown as [{ stream: string }]
  await until('it is told', async () => {
    const [row] = await house.db`select from announced where stream = ${stream}`
    return row !== undefined
  })
  expect(await made()).toHaveLength(1)
  expect(await told()).toEqual([`${stream}:compliance:carla`])
  const week = stream.replace('digest:', '')
  await until('the checkpoint that goes with it is told', async () => (await checkpointsTold()).includes(week))
  expect((await checkpointsTold()).filter((cause) => cause === week)).toHaveLength(1)
  const { checks } = (await (await fetch(`${one.url}/readyz`)).json()) as { checks: { name: string; detail: string }[] }
  expect(checks.find(({ name }) => name === 'checkpoint notice')?.detail).toMatch(/^a notice, no witness: .*; told \d+/)
  await Promise.all([one.stop(), other.stop()])
})
