import { afterAll, beforeAll, expect, it } from 'vitest'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import { findingStream } from '../../src/domain/finding-event.ts'
import type { Alarm } from '../../src/workflow/context.ts'
import { findOpenFindings, listFindings } from '../../src/workflow/find-findings.ts'
import { mindFindings } from '../../src/workflow/mind-findings.ts'
import { namingTampering } from '../../src/workflow/name-tampering.ts'
import { openFinding } from '../../src/workflow/open-finding.ts'
import { createAlarms } from '../../src/workflow/raise-alarm.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const START = Date.UTC(2026, 10, 23, 9)
let test: TestContext
beforeAll(async () => {
  test = await createTestContext(START)
})
afterAll(() => test.database.drop())

/** As each process has them. */
function alarms() {
  const { context } = test
  return createAlarms({
    ...{ db: context.db, record: context.record, clock: context.clock, committed: () => undefined },
    log: () => undefined,
    find: Promise.resolve((tx, alarm, now) => openFinding(context, tx, alarm, now)),
  })
}
async function raise(...all: Alarm[]) {
  const one = alarms()
  for (const alarm of all) one.raise(alarm)
  await one.idle()
}
const open = async () => (await findOpenFindings(test.context, test.context.db)).open
const ofCause = async (cause: string) => (await open()).filter((one) => one.cause === cause)
const alarm = (what: string, detail = 'seen', grant: string | null = null): Alarm => ({ what, detail, grant })

it('is one for a cause and subject, whichever processes raise it and how often', async () => {
  const [one, two] = [alarms(), alarms()]
  for (const each of [one, two]) for (let n = 0; n < 5; n++) each.raise(alarm('record-differs', `at ${n}`))
  await Promise.all([one.idle(), two.idle()])
  const found = await ofCause('record-differs')
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({ severity: 'critical', financial: true, status: 'open', due: START + DAY })
  expect(found[0]?.details.toSorted()).toEqual(['at 0', 'at 1', 'at 2', 'at 3', 'at 4'])
  expect(found[0]?.owners).toEqual([{ id: 'carla', as: ['compliance'] }])
  expect(test.enqueued).toContainEqual({ kind: 'announce', stream: findingStream(found[0]?.id ?? '') })
})

it('keeps no secret that a target let slip: not on record, not in the finding, not when it is taken up later', async () => {
  const said = 'prod-db: refused, postgres://app:pa55word@db.prod/ledger, near "AKIAQ3EGRIJ2XK7ABCDE"'
  const logged: Alarm[] = []
  const { context } = test
  const unseen = createAlarms({
    ...{ db: context.db, record: context.record, clock: context.clock, committed: () => undefined },
    log: (each) => logged.push(each),
  })
  unseen.raise(alarm('revocation-fault', said))
  await unseen.idle()
  await mindFindings(context)
  await raise(alarm('due-fault', said))
  const kept = [...(await ofCause('revocation-fault')), ...(await ofCause('due-fault'))].flatMap(
    ({ details }) => details,
  )
  expect(kept).toEqual([expect.stringMatching(/^prod-db: refused, /), expect.stringMatching(/^prod-db: refused, /)])
  const rows = await context.db<{ body: string }[]>`
    select body from event where strpos(body, 'pa55word') > 0 or strpos(body, 'AKIA') > 0`
  expect(rows).toEqual([])
})

it('knows of a grant whose it is, where, and who sees to it', async () => {
  await test.happen('G-000001', {
    type: 'request.asked',
    data: {
      ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs: HOUR },
      ...{ reason: 'why', pendingUntil: START + HOUR, policy: 'p', approvers: [], rules: [], channel: 'access' },
    },
  })
  await raise(alarm('orphan-access', 'jit_x on prod-db', 'G-000001'), alarm('orphan-access', 'jit_y', 'G-000002'))
  const found = await ofCause('orphan-access')
  expect(found.find(({ subject }) => subject.id === 'G-000001')).toMatchObject({
    ...{ target: 'prod-db', persons: ['ana'], owners: [{ id: 'olga', as: ['owner'] }] },
  })
  expect(found.find(({ subject }) => subject.id === 'G-000002')).toMatchObject({ target: null, persons: [] })
})

it('is none where nobody has to answer for it, and bounded where everything alarms at once', async () => {
  const before = (await open()).length
  await raise(alarm('notice-undeliverable'))
  expect(await open()).toHaveLength(before)
  const id = (n: number) => `G-${String(n).padStart(6, '0')}`
  for (let n = 0; n < 40; n++) await raise(alarm('never-heard-of', `one ${n}`, id(n)))
  const found = await ofCause('never-heard-of')
  expect(found).toHaveLength(26)
  expect(found.filter(({ subject }) => subject.kind === 'house')).toMatchObject([{ severity: 'high' }])
})

it('goes on in a new one, which names the old, when the record of the open one was changed', async () => {
  const [old] = await ofCause('record-differs')
  const { admin } = test.database
  await admin`alter table event disable trigger all`
  await admin`update event set mac = '\\x00' where stream = ${findingStream(old?.id ?? '')} and seq = 1`
  await test.clock.advance(2 * HOUR)
  await raise(alarm('record-differs', 'again'))
  expect(await ofCause('record-differs')).toMatchObject([{ after: old?.id, details: ['again'] }])
  const { unreadable, opened } = await listFindings(test.context, test.context.db, { from: START, to: START + DAY })
  expect(unreadable).toEqual([old?.id])
  expect(opened.length).toBeGreaterThan(20)
})

it('is named within the hour when a forged row says that it is closed', async () => {
  const { context, database } = test
  const hidden = (await ofCause('never-heard-of')).find(({ subject }) => subject.kind === 'grant')
  const stream = findingStream(hidden?.id ?? '')
  await database.admin`
    insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac)
    select stream, seq + 1, 'closed', v, at, body, leaf_hash, sha256(mac), mac from event where stream = ${stream}`
  expect((await open()).map(({ id }) => id)).not.toContain(hidden?.id)
  const named: Alarm[] = []
  const record = namingTampering(context.record, (each) => named.push(each))
  await mindFindings({ ...context, record })
  expect(named).toContainEqual({ what: 'record-tampered', detail: expect.stringContaining(stream), grant: null })
})

it('puts the alarm on record though no finding can be opened', async () => {
  const { context } = test
  const logged: Alarm[] = []
  const one = createAlarms({
    ...{ db: context.db, record: context.record, clock: context.clock, committed: () => undefined },
    log: (each) => logged.push(each),
    find: Promise.resolve(async (tx) => void (await tx`select 1 / 0`)),
  })
  one.raise(alarm('queue-broken', 'no finding'))
  await one.idle()
  expect(logged.map(({ what }) => what)).toEqual(['queue-broken', 'finding-not-opened'])
  const events = await context.record.readStream(context.db, 'system')
  expect(events.at(-1)).toMatchObject({ type: 'system.alarm', data: { detail: 'no finding' } })
})
