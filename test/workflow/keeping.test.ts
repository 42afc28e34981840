import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY } from '../../src/domain/duration.ts'
import { erasureStream } from '../../src/domain/erasure-event.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { KEEPING_STREAM } from '../../src/domain/keeping-event.ts'
import type { Hold } from '../../src/domain/keeping-state.ts'
import type { Act } from '../../src/ports/chat.ts'
import { verifyEvidence } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { conclude } from '../../src/report/conclude.ts'
import { carryOutErasure } from '../../src/workflow/carry-out-erasure.ts'
import type { Context } from '../../src/workflow/context.ts'
import { decideOnKeeping, eraseTextsOf } from '../../src/workflow/erase-person.ts'
import { findTexts } from '../../src/workflow/find-texts.ts'
import { toDraft } from '../../src/workflow/grant-store.ts'
import { collectEvidence } from '../../src/workflow/open-evidence.ts'
import { liftHold, placeHold } from '../../src/workflow/place-hold.ts'
import { createFakeWitness, type FakeWitness } from '../record/fake-witness.ts'
import { AT, createReplica, createTestSigner, type Replica } from '../record/record-fixture.ts'
import { testPolicy, testTarget } from '../support/policy.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/*
 * Two persons hold and erase on a real record, sealed and witnessed, over years of the test's clock. `reports` touches
 * no financial reporting, `prod-db` does.
 */
const signer = createTestSigner()
let house: TestContext
let replica: Replica
let witness: FakeWitness
let context: Context
let acts = 0

beforeEach(async () => {
  house = await createTestContext(AT)
  house.setPolicy({
    keepers: ['dirk'],
    targets: {
      'prod-db': testTarget(),
      reports: testTarget({ name: 'reports', financialReporting: false }),
    },
  })
  witness = createFakeWitness()
  replica = createReplica(house.database, { signer, clock: house.clock, witnesses: [witness] })
  replica.sealer.start()
  context = { ...house.context, witnessed: replica.witnessed }
})
afterEach(async () => {
  await replica.stop()
  await house.database.drop()
})

describe('erasing what is personal of somebody', () => {
  it('takes two, leaves what is open or within retention, and says of each why', async () => {
    await ended('G-00000A', 'reports', 'ana')
    await ended('G-00000B', 'prod-db', 'ana')
    await ended('G-00000C', 'reports', 'bo')
    await house.happen('G-00000D', asked('reports', 'ana'))
    await sealed()
    expect(await say('olga', (act) => eraseTextsOf(context, act, words('her right')))).toContain('You may not decide')
    const id = idOn(await say('carla', (act) => eraseTextsOf(context, act, words('her right'))))
    expect(await say('carla', (act) => decideOnKeeping(context, act, id, 'confirm'))).toContain('you are the first')
    expect(await say('dirk', (act) => decideOnKeeping(context, act, id, 'confirm'))).toContain('Confirmed')
    expect(house.enqueued).toContainEqual({ kind: 'erase', erasure: id })
    await carryOutErasure(context, id)
    await carryOutErasure(context, id)

    expect(await textsLeft()).toEqual(['grant:G-00000B', 'grant:G-00000C', 'grant:G-00000D', KEEPING_STREAM])
    const done = (await read(erasureStream(id))).find(({ type }) => type === 'erasure.done')
    expect(done?.data).toEqual({
      ...{ erasure: id, texts: 1, more: 0 },
      kept: [
        { stream: 'grant:G-00000B', because: 'retention', until: Date.UTC(2033, 10, 23, 9) },
        { stream: 'grant:G-00000D', because: 'open', until: null },
      ],
    })
    expect((await read(KEEPING_STREAM)).map(({ type }) => type)).toEqual([
      ...['erasure.asked', 'erasure.ordered', 'erasure.carried-out'],
    ])
  })

  it('breaks no proof, and nothing of the text is left to guess from', async () => {
    await ended('G-00000A', 'reports', 'ana')
    await sealed()
    const id = await erase()
    const [event] = await read('grant:G-00000A')
    expect(event?.data.reason).toEqual({ salted: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(
      await house.database.admin`select from private_text where leaf_hash = decode(${event?.hash ?? ''}, 'hex')`,
    ).toHaveLength(0)
    await sealed()
    const { file } = await collectEvidence(context, 'G-00000A', { patienceMs: 1, policies: false })
    const verdict = verifyEvidence(JSON.stringify(file), { vkey: replica.witnessed.vkey })
    expect(verdict).toMatchObject({ verdict: 'verified' })
    expect(conclude(verdict)?.notProved).toContain(
      `the reason in grant:G-00000A #1: erased on 2026-11-23T09:00:00.000Z by carla and dirk (${id})`,
    )
    expect(file.reveals).toEqual([])
    const verify = () => verifyLog(context.db, house.database.keys.macKey, replica.witnessed)
    expect(await verify()).toMatchObject({ ok: true })
    // Put back from a copy.
    const leaf = Buffer.from(event?.hash ?? '', 'hex')
    await house.database.admin`insert into private_text values (${leaf}, 'reason', ${leaf}, ${leaf})`
    expect((await verify()).differences).toMatchObject([
      { what: 'text-added', where: 'grant:G-00000A #1, reason, leaf 0' },
    ])
  })

  it('goes on where it was killed, and erases nothing that came under a hold meanwhile', async () => {
    for (let n = 0; n < 201; n++) await ended(`G-000${String(n).padStart(3, '0')}`, 'reports', 'ana')
    await sealed()
    const id = await order()
    const dying = { ...context, reached: () => Promise.reject(new Error('killed')) }
    await expect(carryOutErasure(dying, id)).rejects.toThrow('killed')
    const left = await textsLeft()
    expect(left).toEqual(['grant:G-000200', KEEPING_STREAM])
    await hold('@ana')
    await carryOutErasure(context, id)
    expect(await textsLeft()).toEqual(left)
    expect((await read(erasureStream(id))).map(({ type }) => type)).toEqual(['texts.erased', 'erasure.done', 'closed'])
  })

  it('two processes at once: every text goes once, and is named once', async () => {
    for (let n = 0; n < 3; n++) await ended(`G-00000${n}`, 'reports', 'ana')
    await sealed()
    const id = await order()
    await Promise.all([1, 2, 3].map(() => carryOutErasure(context, id)))
    const said = await read(erasureStream(id))
    expect(said.map(({ type }) => type)).toEqual(['texts.erased', 'erasure.done', 'closed'])
    expect(said[1]?.data).toMatchObject({ texts: 3, kept: [] })
    expect((await read(KEEPING_STREAM)).map(({ type }) => type)).toEqual([
      ...['erasure.asked', 'erasure.ordered', 'erasure.carried-out'],
    ])
  })

  it('waits for the witnesses: what they have not seen is not touched', async () => {
    witness.isReachable = false
    await ended('G-00000A', 'reports', 'ana')
    const id = await order()
    await expect(carryOutErasure(context, id)).rejects.toThrow()
    expect(await textsLeft()).toContain('grant:G-00000A')
    witness.isReachable = true
    await sealed()
    await carryOutErasure(context, id)
    expect(await textsLeft()).toEqual([KEEPING_STREAM])
  })
})

describe('a hold', () => {
  it('refuses an erasure that it is about, is listed, and lets it through once two have lifted it', async () => {
    await ended('G-00000A', 'reports', 'ana')
    await sealed()
    const id = await hold('G-00000A')
    const ask = () => say('carla', (act) => eraseTextsOf(context, act, words('her right')))
    expect(await ask()).toContain(`It is held by ${id}`)
    expect(await say('dirk', (act) => placeHold(context, act, { subject: '', reason: '' }))).toContain('case 12')
    expect(await say('dirk', (act) => liftHold(context, act, id))).toContain('One of two')
    expect(await ask()).toContain('It is held by')
    expect(await say('carla', (act) => liftHold(context, act, id))).toContain('Lifted')
    expect(await ask()).toContain('One of two')
  })

  it('keeps what is about its target or person wherever it stands: under a finding or a freeze, or signed in the grant of another', async () => {
    const policy = testPolicy().hash
    const by = { by: 'ana', as: ['owner'], policy, assurance: 'click-only' } as const
    const about = { subject: { kind: 'target', id: 'reports' }, target: 'reports', detail: 'seen', cause: 'drift' }
    const facts = { ...about, persons: ['bo'], severity: 'high', financial: false, owners: [], due: 0, after: null }
    await write('finding:F-00000A', ['finding.opened', { ...facts, policy }], ['finding.fixed', { ...by, done: 'a' }])
    await write('finding:F-00000A', ['finding.closed', by], ['closed', { count: 4 }])
    await write('freeze:reports', ['freeze.set', { ...by, channels: [], reason: 'b' }])
    await write('freeze:reports', ['freeze.lifted', { by: ['bo', 'olga'], policy, assurance: 'click-only' }])
    const denied: GrantEvent = {
      type: 'request.denied',
      data: { by: 'ana', reason: 'c', policy, assurance: 'click-only' },
    }
    await house.happen('G-00000A', asked('wiki', 'bo'), denied)
    await sealed()
    const [grant, finding, freeze] = ['grant:G-00000A', 'finding:F-00000A', 'freeze:reports']
    for (const [scope, held] of [
      [{ kind: 'target', id: 'reports' }, [finding, freeze]],
      [{ kind: 'person', id: 'bo' }, [finding, grant]],
      [{ kind: 'person', id: 'ana' }, [finding, freeze, grant]],
      [{ kind: 'grant', id: 'G-00000A' }, [grant]],
      [{ kind: 'target', id: 'prod-db' }, []],
    ] as const) {
      const holds = [{ id: 'H-00000A', scope } as unknown as Hold]
      const how = { holds, policy: context.policy.current(), now: house.clock.now() }
      const { kept, erasable } = await findTexts(context, context.db, 'ana', how)
      expect(kept.map(({ stream }) => stream).toSorted(), JSON.stringify(scope)).toEqual(held)
      expect(kept.length + erasable.length).toBe(3)
    }
  })

  it('cannot be taken out of the record: then nothing is erased at all', async () => {
    await ended('G-00000A', 'reports', 'ana')
    await sealed()
    const [id, held] = [await order(), await hold('@bo')]
    await house.database.admin.begin(async (sql) => {
      await sql`alter table event disable trigger all`
      await sql`delete from event where type = 'hold.placed' and strpos(body, ${held}) > 0`
    })
    await expect(carryOutErasure(context, id)).rejects.toMatchObject({ code: 'RECORD_TAMPERED' })
    expect(await textsLeft()).toContain('grant:G-00000A')
  })
})

it('a text that no event names is erased by nobody but whoever owns the tables, and is named', async () => {
  await ended('G-00000A', 'reports', 'ana')
  const { app } = house.database
  await expect(app`delete from private_text`).rejects.toThrow('permission denied')
  const [event] = await read('grant:G-00000A')
  await app`select erase_texts(decode(${event?.hash ?? ''}, 'hex'))`
  expect(await textsLeft()).toEqual(['grant:G-00000A'])
  await sealed()
  await house.database.admin`delete from private_text`
  const { differences } = await verifyLog(context.db, house.database.keys.macKey, replica.witnessed)
  expect(differences).toMatchObject([{ what: 'text-missing', where: 'grant:G-00000A #1, reason, leaf 0' }])
})

function asked(target: string, by: string): GrantEvent {
  return {
    type: 'request.asked',
    data: {
      ...{
        by,
        for: by,
        target,
        entitlement: 'read',
        grants: 'ledger_read',
        durationMs: DAY,
        reason: `secret of ${by}`,
      },
      ...{
        pendingUntil: house.clock.now() + DAY,
        policy: testPolicy().hash,
        approvers: [],
        rules: [],
        channel: 'access',
      },
    },
  }
}

async function ended(id: string, target: string, by: string): Promise<void> {
  await house.happen(id, asked(target, by), { type: 'request.cancelled', data: { by } })
}

async function write(stream: string, ...facts: [type: string, data: Record<string, unknown>][]): Promise<void> {
  const drafts = facts.map(([type, data]) => toDraft({ type, data } as unknown as GrantEvent))
  await context.db.begin((tx) => context.record.append(tx, stream, null, drafts, house.clock.now()))
}

async function hold(subject: string): Promise<string> {
  const id = idOn(await say('carla', (act) => placeHold(context, act, { subject, reason: 'case 12' })))
  expect(await say('dirk', (act) => placeHold(context, act, { subject: id, reason: '' }))).toContain('Held:')
  return id
}

async function order(): Promise<string> {
  const id = idOn(await say('carla', (act) => eraseTextsOf(context, act, words('her right'))))
  await say('dirk', (act) => eraseTextsOf(context, act, { subject: id, reason: '' }))
  return id
}

async function erase(): Promise<string> {
  const id = await order()
  await carryOutErasure(context, id)
  return id
}

const words = (reason: string) => ({ subject: '@ana', reason })
const read = (stream: string) => house.database.record.readStream(house.database.app, stream)
const idOn = (said: string) => /[HE]-[0-9A-Z]{6}/.exec(said)?.[0] ?? expect.fail(said)

async function textsLeft(): Promise<string[]> {
  const rows = await house.database.admin<{ stream: string }[]>`
    select distinct stream from event join private_text using (leaf_hash) order by stream`
  return rows.map(({ stream }) => stream)
}

async function sealed(): Promise<void> {
  replica.sealer.kick()
  const [row] = await house.database.admin<{ stream: string; seq: number }[]>`
    select e.stream, e.seq from event e join event_pending p using (leaf_hash) order by p.id desc limit 1`
  if (row) await replica.sealer.sealed(row.stream, row.seq, AbortSignal.timeout(10_000))
}

/** @returns what the person reads */
async function say(who: string, verb: (act: Act) => Promise<unknown>): Promise<string> {
  const act = { key: `act-${acts++}`, account: { platform: 'local', tenant: 'local', id: who }, channel: null }
  const answer = await verb(act as Act)
  return JSON.stringify(answer, (_key, value: unknown) => {
    const span = value as { kind?: string; text?: string; name?: string } | null
    return span?.kind === undefined ? value : (span.text ?? span.name ?? value)
  }).replaceAll('","', '')
}
