import { afterAll, beforeAll, expect, it } from 'vitest'
import { changedStewards } from '../../src/domain/changed-stewards.ts'
import { decideOpening } from '../../src/domain/decide-sighting.ts'
import type { DigestList } from '../../src/domain/digest-lists.ts'
import { DAY, HOUR, MINUTE } from '../../src/domain/duration.ts'
import { type FindingKind, findingKindOf } from '../../src/domain/finding-kinds.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { readPeriod } from '../../src/domain/period.ts'
import type { Draft } from '../../src/record/compose.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { digestReport } from '../../src/report/digest-report.ts'
import { type Digest, type DigestRow, readDigest } from '../../src/report/read-digest.ts'
import { listFindings } from '../../src/workflow/find-findings.ts'
import { toDraft } from '../../src/workflow/grant-store.ts'
import { openingFact } from '../../src/workflow/open-evidence.ts'
import { active, approved, askedFor, ending, removed } from '../cards/grant-story.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import { asVandal, createRecordDatabase, createTestSigner, type RecordDatabase } from '../record/record-fixture.ts'
import { testPolicy } from '../support/policy.ts'

/** Monday of 2026-W47, midnight in Berlin. */
const MONDAY = Date.parse('2026-11-15T23:00:00Z')
const NOW = MONDAY + 7 * DAY + 9 * HOUR

let db: RecordDatabase
beforeAll(async () => {
  db = await createRecordDatabase()
})
afterAll(() => db.drop())

const put = (stream: string, at: number, ...facts: (GrantEvent | Draft)[]) =>
  db.app.begin((tx) =>
    db.record.append(
      tx,
      stream,
      null,
      facts.map((fact) => toDraft(fact as GrantEvent)),
      at,
    ),
  )
const due = (at: number): GrantEvent[] => [
  { type: 'grant.ending', data: { cause: 'expired', by: null, due: at } },
  ...ending.slice(1),
]
async function read(said = '2026-W47', shown = 10, each?: (rows: readonly DigestRow[]) => void): Promise<Digest> {
  const period = readPeriod(said, NOW, 'Europe/Berlin')
  if ('refused' in period) throw new Error('no period')
  const witnessed = createWitnessed(createTestSigner().vkey, [createFakeWitness()])
  const around = { db: db.app, record: db.record, witnessed }
  return readDigest(around, period, { now: NOW, shown, findings, ...(each && { each: async (rows) => each(rows) }) })
}
const findings = ({ from, until }: { from: number; until: number }) =>
  listFindings({ record: db.record }, db.app, { from, to: until })
const counted = ({ counts }: Digest) =>
  Object.fromEntries(Object.entries(counts.counts).filter(([, count]) => count > 0))
const about = {
  name: 'digest.html',
  build: { version: '1', commit: 'c', lockFile: 'l' },
  runBy: 'carla',
  names: String,
}

it('a week in which nothing happened says so', async () => {
  const empty = await read('2026-W40')
  expect(counted(empty)).toEqual({})
  expect(empty.conclusion.line).toMatch(/^An empty period: nothing was asked, given, ended or changed/)
  expect(digestReport(empty, 'html', about).content).toContain('An empty period')
})

it('counts what happened inside the week alone, and each number is the length of its list', async () => {
  // Asked on Sunday, approved on Monday: the approval is of this week, and took a quarter of an hour.
  await put('grant:G-000001', MONDAY - 10 * MINUTE, askedFor())
  await put('grant:G-000001', MONDAY + 5 * MINUTE, ...approved)
  await put('grant:G-000001', MONDAY + 6 * MINUTE, ...active)
  await put('grant:G-000001', MONDAY + 2 * HOUR, ...due(MONDAY + 2 * HOUR))
  await put('grant:G-000001', MONDAY + 2 * HOUR + 900, removed)
  // Its logins stopped a minute late.
  await put('grant:G-000002', MONDAY + DAY, askedFor())
  await put('grant:G-000002', MONDAY + DAY + 5 * MINUTE, ...approved)
  await put('grant:G-000002', MONDAY + DAY + 6 * MINUTE, ...active)
  await put('grant:G-000002', MONDAY + DAY + HOUR + MINUTE, ...due(MONDAY + DAY + HOUR), removed)
  // It ended on time in the last second of the week, and was seen to be gone in the next one.
  await put('grant:G-000003', MONDAY + 2 * DAY, askedFor(), ...approved, ...active)
  await put('grant:G-000003', MONDAY + 7 * DAY - 1, ...due(MONDAY + 7 * DAY - 1))
  await put('grant:G-000003', MONDAY + 7 * DAY + 5, removed)
  // Never seen to be gone, and stuck.
  await put('grant:G-000004', MONDAY + 3 * DAY, askedFor(), ...approved, ...active, ...due(MONDAY + 3 * DAY))
  await put('grant:G-000004', MONDAY + 3 * DAY + HOUR, {
    type: 'grant.stuck',
    data: { step: 'remove', code: 'unreachable', message: 'no answer', escalatedTo: ['carla'] },
  })
  await put('person:ana', MONDAY + 4 * DAY, {
    type: 'act.refused',
    data: { by: 'ana', act: 'approve', code: 'own-request', facts: {}, said: '' },
  })
  // Not of this week.
  await put('grant:G-000005', MONDAY - 1, askedFor())
  await put('grant:G-000006', MONDAY + 7 * DAY, askedFor())

  const lists = new Map<DigestList, number>()
  const found = await read('2026-W47', 10, (rows) => {
    for (const { list } of rows) lists.set(list, (lists.get(list) ?? 0) + 1)
  })
  expect(counted(found)).toEqual({
    ...{ asked: 3, approved: 4, granted: 4, ended: 4, 'on-time': 2, late: 1, unproved: 1, stuck: 1, refused: 1 },
  })
  expect(Object.fromEntries(lists)).toEqual(counted(found))
  expect(found.counts.approveMs).toBe(2.5 * MINUTE)
  expect(found.counts.days.map(({ asked }) => asked)).toEqual([0, 1, 1, 1, 0, 0, 0])
  expect(found.conclusion).toMatchObject({ standing: 'broken' })
  expect(found.conclusion.line).toBe('To look at: 1 stuck, 1 ended late, 1 not seen gone. 3 asked, 4 given, 4 ended')
  expect(found.rows.get('late')).toMatchObject([{ stream: 'grant:G-000002', whose: 'ana', what: 'prod-db:write' }])

  const { content, manifest } = digestReport(found, 'html', about)
  for (const [list, count] of Object.entries(counted(found))) {
    expect(content).toContain(`<a href="#list-${list}">${count}</a>`)
    const [, section = ''] = content.split(`<section id="list-${list}">`)
    expect(section.split('</section>')[0]?.match(/<tr><td>/g)).toHaveLength(count)
  }
  expect(manifest).toMatchObject({ rows: found.events, period: { zone: 'Europe/Berlin' }, runBy: 'carla' })
})

it('names what evidence was taken out of, in the form of today and in that of before', async () => {
  const before: Draft = { type: 'evidence.opened', data: { by: 'carla', grant: 'F-7K3QF0', via: 'chat' } }
  const now = openingFact('dirk', 'freeze:prod-db')
  await db.app.begin((tx) => db.record.append(tx, 'system', null, [before, now], Date.parse('2026-07-08T09:00:00Z')))
  const { rows } = await read('2026-W28')
  expect(rows.get('opened')).toMatchObject([
    { note: 'evidence on F-7K3QF0', by: ['carla'] },
    { note: 'evidence on freeze:prod-db', by: ['dirk'] },
  ])
})

it('tells which build, setting and policy are others than before', async () => {
  const start = (commit: string, settings: Record<string, unknown>): Draft => ({
    type: 'system.started',
    data: { ...{ version: '1.0.0', commit, lockFile: 'f'.repeat(8), schema: '9', policy: 'p', host: 'one' }, settings },
  })
  await put('system', Date.parse('2026-10-01T09:00:00Z'), start('aaa', { port: 1, witnesses: ['file'] }))
  const at = Date.parse('2026-10-07T09:00:00Z')
  await put('system', at, start('aaa', { port: 1, witnesses: ['file'] }))
  await put(
    'system',
    at,
    start('bbb', { port: 1, witnesses: ['file', 's3'] }),
    start('bbb', { port: 1, witnesses: ['file', 's3'] }),
  )
  const found = await read('2026-W41')
  expect(counted(found)).toEqual({ builds: 1, settings: 1 })
  expect(found.rows.get('builds')?.[0]?.note).toContain('commit bbb')
  expect(found.rows.get('settings')?.[0]?.note).toBe('witnesses on one')
  expect(found.conclusion.line).toContain('2 changes')
})

it('does not count what nobody with the key wrote, and says that it is there', async () => {
  await put('grant:G-000009', Date.parse('2026-09-02T09:00:00Z'), askedFor())
  await asVandal(db.admin, async (sql) => {
    await sql`update event set body = replace(body, 'ana', 'eve') where stream = 'grant:G-000009'`
  })
  const found = await read('2026-W36')
  expect(counted(found)).toEqual({ 'not-as-recorded': 1 })
  expect(found.conclusion.line).toMatch(/^To look at: 1 event not as recorded/)
})

it('tells what was held, erased and pruned, and whom a policy gives power', async () => {
  const at = Date.parse('2026-09-16T09:00:00Z')
  const by = ['carla', 'dirk']
  await put(
    'keeping',
    at,
    { type: 'hold.placed', data: { hold: 'H-000001', by } },
    { type: 'erasure.ordered', data: { erasure: 'E-000001', by } },
  )
  await put('erasure:E-000001', at, { type: 'texts.erased', data: { erasure: 'E-000001', by, texts: [] } })
  await put('thread:grant:G-000010', at, { type: 'texts.erased', data: { redaction: 'T-7K3QF2M9', by, texts: [] } })
  await put('pruned', at, { type: 'record.pruned', data: { streams: [], leaves: '', events: 12, cutoff: 1 } })
  const found = await read('2026-W38')
  expect(counted(found)).toEqual({ keeping: 4 })
  expect(
    found.rows
      .get('keeping')
      ?.map(({ note }) => note)
      .sort(),
  ).toEqual([...['12 events pruned', 'E-000001 ordered', 'H-000001 placed', 'the text of T-7K3QF2M9 erased']])
  expect(found.conclusion.line).toContain('4 changes')
  const after = testPolicy({ keepers: ['dirk'], mayFreeze: ['bo'], compliance: ['ana'] })
  expect(changedStewards(testPolicy(), after)).toEqual(['compliance: +ana −carla', 'mayFreeze: +bo', 'keepers: +dirk'])
})

it('a finding whose record was changed counts as open, in every week, whoever changed it so that it says closed', async () => {
  const sighting = {
    cause: 'grant-stuck',
    kind: findingKindOf('grant-stuck') as FindingKind,
    detail: 'remove',
    target: 'prod-db',
    persons: [],
  }
  const [opened] = decideOpening({ ...sighting, subject: { kind: 'house', id: '' } }, testPolicy(), 1, null)
  await put('finding:F-7K3QF0', Date.parse('2026-08-05T09:00:00Z'), opened as unknown as Draft)
  expect(counted(await read('2026-W33'))).toEqual({ 'open-findings': 1 })
  await asVandal(db.admin, async (sql) => {
    await sql`update event set body = replace(body, 'remove', 'forget') where stream = 'finding:F-7K3QF0'`
  })
  const found = await read('2026-W33')
  expect(counted(found)).toEqual({ 'open-findings': 1 })
  expect(found.rows.get('open-findings')).toMatchObject([{ stream: 'finding:F-7K3QF0', note: 'changed on record' }])
  expect(found.conclusion.line).toMatch(/^To look at: 1 open finding/)
})
