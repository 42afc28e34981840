import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { countersign } from '../support/command-line.ts'
import { type House, openHouse, until } from '../support/house.ts'
import { readMetrics } from '../support/read-metrics.ts'

// Whole processes, which a busy machine starts slowly.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

/** As if the last night had been missed: it is caught up at the start. */
async function missANight(): Promise<void> {
  await house.db`delete from schedule_slot`
  await house.db`insert into schedule_slot (job, slot, at) values ('check-record', ${Date.now() - 2 * 86_400_000}, 0)`
}

const checks = () => house.db<{ body: string }[]>`select body from event where type = 'record.checked' order by seq`

it('checks the record by schedule, says so in readiness and metrics, and raises an alarm for a difference', async () => {
  expect((await countersign(['migrate'], house.environment)).code).toBe(0)
  await missANight()
  const first = await house.startReplica()
  await first.command('ana', 'prod-db 1m fix the ledger')
  await until('it was checked', async () => (await checks()).length === 1)
  const [event] = await checks()
  expect(JSON.parse(event?.body ?? '{}').data).toMatchObject({ ok: true, from: 0, differences: 0 })
  const look = async (url: string) => ((await (await fetch(`${url}/readyz`)).json()) as { checks: Check[] }).checks
  const verification = (all: Check[]) => all.find(({ name }) => name === 'verification')
  expect(verification(await look(first.url))).toMatchObject({ state: 'ok', detail: expect.stringMatching(/^whole; /) })
  const metrics = async (url: string) => readMetrics(await (await fetch(`${url}/metrics`)).text())
  expect((await metrics(first.url))('record_check_ok')).toBe(1)
  await first.stop()

  await house.db`alter table event disable trigger all`
  await house.db`update event set type = 'request.denied' where type = 'request.asked'`
  await house.db`alter table event enable trigger all`
  await missANight()
  const second = await house.startReplica()
  await until('it was checked again', async () => (await checks()).length === 2)
  await until('the alarm is on record', async () => {
    const alarms = await house.db<{ body: string }[]>`select body from event where type = 'system.alarm'`
    return alarms.some(({ body }) => /"detail":"column-changed: [^"]+ \(type\)".*"what":"record-differs"/.test(body))
  })
  expect(verification(await look(second.url))).toMatchObject({
    state: 'degraded',
    detail: expect.stringMatching(/^1 difference: verify --log; /),
  })
  const read = await metrics(second.url)
  expect(read('record_check_ok')).toBe(0)
  expect(read('alarms_total', { what: 'record-differs' })).toBe(1)
  await second.stop()
})

interface Check {
  readonly name: string
  readonly state: string
  readonly detail: string
}
