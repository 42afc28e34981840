import { afterAll, beforeAll, expect, it } from 'vitest'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import type { Alarm } from '../../src/workflow/context.ts'
import { countFindings } from '../../src/workflow/count-findings.ts'
import { findOpenFindings } from '../../src/workflow/find-findings.ts'
import { mindFindings } from '../../src/workflow/mind-findings.ts'
import { openFinding } from '../../src/workflow/open-finding.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const START = Date.UTC(2026, 10, 23, 9)
let test: TestContext
let ids: string[]
beforeAll(async () => {
  test = await createTestContext(START)
  for (const what of ['grant-stuck', 'revocation-fault', 'person-ambiguous', 'card-deleted']) {
    await open({ what, detail: 'seen', grant: null })
  }
  ids = (await findOpenFindings(test.context, test.context.db)).open.map(({ id }) => id)
})
afterAll(() => test.database.drop())

const open = (alarm: Alarm) =>
  test.context.db.begin((tx) => openFinding(test.context, tx, alarm, test.clock.now())) as Promise<unknown>

/** Counts, and how many streams were read for it. */
async function count(now = test.clock.now()) {
  let read = 0
  const record: typeof test.context.record = {
    ...test.context.record,
    readStreams(db, streams) {
      read += streams.length
      return test.context.record.readStreams(db, streams)
    },
  }
  const { open, accepted, unreadable } = await countFindings({ record }, test.context.db, now)
  const of = (which: 'open' | 'overdue') => open.map((one) => one[which]).join(' ')
  return { open: of('open'), overdue: of('overdue'), accepted, unreadable, read }
}

it('counts what is open and overdue by severity, and reads no events for it', async () => {
  expect(await count()).toEqual({ open: '1 1 1 1', overdue: '0 0 0 0', accepted: 0, unreadable: 0, read: 0 })
  expect(await count(START + 3 * DAY)).toMatchObject({ overdue: '1 1 0 0', read: 0 })
})

it('reads those whose row is missing or behind, and the hourly look makes them anew without an alarm', async () => {
  const { database, context } = test
  await database.admin`delete from finding_state where id = ${ids[0] ?? ''}`
  await database.admin`update finding_state set seq = 0, status = 'closed' where id = ${ids[1] ?? ''}`
  expect(await count()).toMatchObject({ open: '1 1 1 1', read: 2 })
  await mindFindings(context)
  expect(await count()).toMatchObject({ open: '1 1 1 1', read: 0 })
  expect(test.alarms.filter(({ what }) => what === 'state-differs-from-record')).toEqual([])
})

it('a row that somebody changed hides a finding from the count for an hour, not from the list, and is named and mended', async () => {
  const { database, context, alarms } = test
  await database.admin`update finding_state set status = 'closed' where id = ${ids[0] ?? ''}`
  expect(await count()).toMatchObject({ open: '0 1 1 1' })
  expect((await findOpenFindings(context, context.db)).open.map(({ id }) => id)).toContain(ids[0])
  await test.clock.advance(HOUR)
  await mindFindings(context)
  expect(await count()).toMatchObject({ open: '1 1 1 1', read: 0 })
  expect(alarms).toContainEqual({
    ...{ what: 'state-differs-from-record', grant: null },
    detail: expect.stringContaining(ids[0] ?? 'none'),
  })
})

it('counts apart what was changed on record, from the next look on', async () => {
  const { database, context } = test
  await database.admin`alter table event disable trigger all`
  await database.admin`update event set body = replace(body, 'seen', 'same') where stream = ${`finding:${ids[3]}`}`
  await mindFindings(context).catch(() => undefined)
  expect(await count()).toMatchObject({ open: '1 1 1 0', unreadable: 1, read: 0 })
})
