import { afterAll, beforeAll, expect, it } from 'vitest'
import { announceFinding } from '../../src/cards/finding-announcements.ts'
import { createDesk } from '../../src/chat/desk.ts'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import { findingStream } from '../../src/domain/finding-event.ts'
import { orphanStream } from '../../src/domain/orphan-event.ts'
import type { Answer, Desk, FindingAction } from '../../src/ports/chat.ts'
import type { Alarm } from '../../src/workflow/context.ts'
import { findOpenFindings, listFindings } from '../../src/workflow/find-findings.ts'
import { loadFinding } from '../../src/workflow/finding-store.ts'
import { mindFindings } from '../../src/workflow/mind-findings.ts'
import { openFinding } from '../../src/workflow/open-finding.ts'
import { retestByRecord } from '../../src/workflow/retest-findings.ts'
import { testPolicy, testTarget } from '../support/policy.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const START = Date.UTC(2026, 10, 23, 9)
let test: TestContext
let desk: Desk
beforeAll(async () => {
  test = await createTestContext(START)
  test.setPolicy({ ...testPolicy({ targets: { 'prod-db': testTarget({ owners: ['olga', 'dirk'] }) } }) })
  desk = createDesk(test.context, (error) => {
    throw error
  })
  await test.happen('G-000001', {
    type: 'request.asked',
    data: {
      ...{ by: 'ana', for: 'dirk', target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs: HOUR },
      ...{ reason: 'why', pendingUntil: START + HOUR, policy: 'p', approvers: [], rules: [], channel: 'access' },
    },
  })
})
afterAll(() => test.database.drop())

let acts = 0
const act = (as: string) => ({ key: `act ${acts++}`, account: { platform: 'local', tenant: 'local', id: as } })
const words = (answer: Answer) =>
  JSON.stringify(answer, (_key, value: unknown) => {
    const span = value as { kind?: string; text?: string; name?: string } | null
    return span?.kind === undefined ? value : (span.text ?? span.name ?? value)
  }).replaceAll('","', '')
const say = async (as: string, text: string) => words(await desk.command(act(as), text, null))
const press = async (as: string, action: FindingAction, id: string) =>
  words(await desk.press(act(as), { action, request: id, revision: 1 }))
const submit = async (as: string, form: string, id: string, values: Record<string, string>) =>
  words(await desk.submit(act(as), { form, context: { request: id }, values }))
const state = async (id: string) => (await loadFinding(test.context, test.context.db, id))?.state
const types = async (id: string) =>
  ((await loadFinding(test.context, test.context.db, id))?.events ?? []).map(({ type }) => type)

async function found(what: string, grant: string | null = null): Promise<string> {
  const alarm: Alarm = { what, detail: `${what} was seen`, grant }
  await test.context.db.begin((tx) => openFinding(test.context, tx, alarm, test.clock.now()))
  const { open } = await findOpenFindings(test.context, test.context.db)
  return open.find(({ cause, subject }) => cause === what && subject.id === (grant ?? ''))?.id ?? ''
}

it('is taken, fixed, looked at by another, and closed by another than whom it is about', async () => {
  const id = await found('never-heard-of', 'G-000001')
  expect(await say('bo', 'findings')).toContain('You may not see or settle this finding')
  expect(await say('olga', 'findings')).toContain(id)
  expect(await say('bo', `findings ${id}`)).toContain('You may not see or settle')
  expect(await say('olga', `findings ${id.toLowerCase()}`)).toContain('Fixed…')
  expect(await press('olga', 'take-finding', id)).toContain('Yours.')
  expect(await press('carla', 'close-finding', id)).toContain('Nobody has said yet what was done')
  expect(await press('olga', 'fix-finding', id)).toContain('Fixed: F-')
  expect(await submit('olga', 'fix-finding', id, { done: '' })).toContain('at least 3')
  expect(await submit('olga', 'fix-finding', id, { done: 'dropped the login' })).toContain('Noted.')
  expect(await press('carla', 'close-finding', id)).toContain('Nobody has looked since the fix')
  expect(await press('olga', 'retest-finding', id)).toContain('You made the fix')
  expect(await press('dirk', 'retest-finding', id)).toContain('about your own access')
  expect(await press('carla', 'retest-finding', id)).toContain('Retest: F-')
  expect(await submit('carla', 'retest-finding', id, { passed: 'no', saw: 'still one login' })).toContain('Still there')
  await submit('olga', 'fix-finding', id, { done: 'dropped the other' })
  expect(await submit('carla', 'retest-finding', id, { passed: 'yes', saw: 'no login left' })).toContain('Gone.')
  expect(await press('olga', 'close-finding', id)).toContain('You made the fix')
  expect(await press('dirk', 'close-finding', id)).toContain('about your own access')
  expect(await press('carla', 'close-finding', id)).toContain('Closed.')
  expect(await press('carla', 'close-finding', id)).toContain('It is closed: Carla did it')
  expect(await state(id)).toMatchObject({ status: 'closed', closed: true, ended: { by: 'carla' } })
  const { db, record } = test.context
  expect(await record.endOf(db, `after:${findingStream(id)}`)).toBe(1)
  // What people write is not in the body of any event.
  const bodies = await db<{ body: string }[]>`select body from event where starts_with(stream, 'finding:')`
  expect(JSON.stringify(bodies)).not.toMatch(/dropped|login left/)
})

it('rests as an exception of two persons, and is open again on its day', async () => {
  const id = await found('lane-held', 'G-000001')
  const values = { duration: '10d', reason: 'a patch comes', control: 'we look daily' }
  expect(await submit('dirk', 'accept-finding', id, values)).toContain('about your own access')
  expect(await submit('olga', 'accept-finding', id, { ...values, duration: '400d' })).toContain('too long here')
  expect(await submit('olga', 'accept-finding', id, values)).toContain('One of two')
  expect(await press('olga', 'confirm-acceptance', id)).toContain('you are the first')
  expect(await press('carla', 'confirm-acceptance', id)).toContain('Accepted')
  expect(await say('carla', `findings ${id}`)).toContain('we look daily')
  await test.clock.advance(8 * DAY)
  await mindFindings(test.context)
  expect(await types(id)).toContain('finding.reminded')
  await test.clock.advance(2 * DAY)
  await mindFindings(test.context)
  await mindFindings(test.context)
  expect((await types(id)).filter((type) => type === 'finding.reopened')).toHaveLength(1)
  expect(await state(id)).toMatchObject({ status: 'open', acceptance: null })
})

it('reminds once for each point of its time, also after a down-time, and moves with a reason', async () => {
  const id = await found('sweep-fault')
  expect(await say('carla', `findings ${id} due 40d no hands`)).toContain('too long here')
  expect(await say('carla', `findings ${id} due 6d no hands`)).toContain('Moved.')
  await test.clock.advance(9 * DAY)
  await Promise.all([mindFindings(test.context), mindFindings(test.context)])
  await test.clock.advance(HOUR)
  await mindFindings(test.context)
  const loaded = await loadFinding(test.context, test.context.db, id)
  const reminded = loaded?.events.filter(({ type }) => type === 'finding.reminded') ?? []
  expect(reminded).toMatchObject([{ data: { because: 'overdue', to: ['carla'] } }])
  const told = announceFinding(id, loaded?.events ?? [], (one) => one)
  expect(told.find(({ key }) => key.endsWith(':card'))?.message).toMatchObject({ badge: 'overdue', tone: 'alarm' })
  expect(told.filter(({ key }) => key.includes(':reminder:')).map(({ to }) => to)).toEqual([
    { kind: 'person', identity: 'carla' },
  ])
})

it('is looked at by the machine, which closes nothing that financial reporting relies on', async () => {
  const { context } = test
  const id = await found('orphan-access', 'G-000001')
  const orphan = (type: string, data: object) =>
    context.db.begin((tx) =>
      context.record.append(tx, orphanStream('G-000001'), null, [{ type, data: { ...data }, private: {} }], START),
    )
  await orphan('orphan.found', { target: 'prod-db', account: 'x', grants: [], why: 'not-on-record' })
  await submit('olga', 'fix-finding', id, { done: 'waited for it' })
  expect(await press('olga', 'retest-finding', id)).toContain('Still there')
  await orphan('orphan.removed', { target: 'prod-db', account: 'x', checks: [], left: [] })
  await mindFindings(context)
  expect(await state(id)).toMatchObject({ status: 'open', retest: { by: null, passed: true } })
  await submit('olga', 'fix-finding', id, { done: 'it was a restore' })
  expect(await press('olga', 'retest-finding', id)).toContain('Gone.')
  expect(await state(id)).toMatchObject({ status: 'retested' })

  const differs = await found('record-differs')
  await submit('carla', 'fix-finding', differs, { done: 'put back the row' })
  expect(await press('olga', 'retest-finding', differs)).toContain('Reading the whole record')
  expect(test.enqueued).toContainEqual({ kind: 'check-record', whole: true })
  const seenAt = test.clock.now()
  await retestByRecord(context, { ok: true, readAt: seenAt - HOUR })
  expect(await state(differs)).toMatchObject({ status: 'fixed' })
  await retestByRecord(context, { ok: true, readAt: seenAt + 1 })
  expect(await state(differs)).toMatchObject({ status: 'retested', retest: { by: null } })
})

it('closes by itself what is gone and of no financial reporting, and opens what no process could', async () => {
  test.setPolicy({ targets: { 'prod-db': testTarget({ owners: ['olga', 'dirk'], financialReporting: false }) } })
  const { context } = test
  await test.clock.advance(HOUR)
  const from = test.clock.now()
  const id = await found('clock-fell-back')
  const raised = ['clock-fell-back', 'forged-pending'].map((what) => ({
    ...{ type: 'system.alarm', data: { what, detail: 'by a command', grant: null }, private: {} },
  }))
  await context.db.begin((tx) => context.record.append(tx, 'system', null, raised, from))
  await mindFindings(context)
  await mindFindings(context)
  expect(await types(id)).toEqual(['finding.opened', 'finding.retested', 'finding.closed', 'closed'])
  const { opened, closed } = await listFindings(context, context.db, { from, to: from + HOUR })
  expect(opened.map(({ cause }) => cause).toSorted()).toEqual(['clock-fell-back', 'forged-pending'])
  expect(closed.map((one) => one.id)).toEqual([id])
})
