import { afterEach, beforeEach, expect, it } from 'vitest'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import { findingStream } from '../../src/domain/finding-event.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { POLICY_STREAM, SYSTEM_STREAM } from '../../src/domain/house-event.ts'
import { addYears } from '../../src/domain/may-erase.ts'
import { orderStream } from '../../src/domain/order-event.ts'
import { PRUNED_STREAM, prunedInWords } from '../../src/domain/pruning-event.ts'
import { RetryLater } from '../../src/effects/effect.ts'
import type { Act } from '../../src/ports/chat.ts'
import { holdOffPruning } from '../../src/record/pruned.ts'
import { readWitnessed } from '../../src/record/read-witnessed.ts'
import { createRecord } from '../../src/record/record.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import type { Progress } from '../../src/record/verify-progress.ts'
import type { Context } from '../../src/workflow/context.ts'
import { findOpenFindings } from '../../src/workflow/find-findings.ts'
import { appendToGrant, loadGrant } from '../../src/workflow/grant-store.ts'
import { findPruned } from '../../src/workflow/keeping-store.ts'
import { showStatus } from '../../src/workflow/look-up.ts'
import { mindFindings } from '../../src/workflow/mind-findings.ts'
import { openFinding } from '../../src/workflow/open-finding.ts'
import { placeHold } from '../../src/workflow/place-hold.ts'
import { keepRecord } from '../../src/workflow/prune-record.ts'
import { showEvidence } from '../../src/workflow/show-evidence.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import { AT, type append, asVandal, createReplica, createTestSigner, type Replica } from '../record/record-fixture.ts'
import { testPolicy } from '../support/policy.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/*
 * A record of eight years: grants that ended before the retention of seven, one that ended after, one that is open. What
 * it says of itself is checked after every pruning, as an auditor would.
 */
const LONG_AGO = addYears(AT, -8)
const signer = createTestSigner()
let house: TestContext
let replica: Replica
let context: Context

beforeEach(async () => {
  house = await createTestContext(AT)
  house.setPolicy({ keepers: ['dirk'] })
  replica = createReplica(house.database, { signer, clock: house.clock, witnesses: [createFakeWitness()] })
  context = { ...house.context, witnessed: replica.witnessed }
  await note(POLICY_STREAM, LONG_AGO, { type: 'policy.activated', data: { policy: 'p', by: null } })
  await note(SYSTEM_STREAM, LONG_AGO, { type: 'system.started', data: {} })
  await ended('G-00000A', LONG_AGO)
  await note('thread:grant:G-00000A', LONG_AGO, { type: 'thread.written', data: {}, private: { text: 'a word' } })
  await ended('G-00000B', LONG_AGO)
  // Countersign says something of itself every day.
  await note(SYSTEM_STREAM, addYears(AT, -6) - DAY, { type: 'system.started', data: {} })
  await ended('G-00000C', addYears(AT, -6))
  await happen('G-00000D', LONG_AGO, asked('bo', LONG_AGO))
  // The witnesses' open tile stays: what is old lies before it.
  await note(
    SYSTEM_STREAM,
    AT,
    ...Array.from({ length: 300 }, () => ({ type: 'system.alarm', data: {} })),
    checked(true),
  )
  replica.sealer.start()
  await replica.sealer.sealed(SYSTEM_STREAM, 303, AbortSignal.timeout(20_000))
})
afterEach(async () => {
  await replica.stop()
  await house.database.drop()
})

it('removes what is over with all that belongs to it, says so, and everything else still proves itself', async () => {
  const progress = await keepProgress()
  await loadGrant(context, context.db, 'G-00000A')
  await keepRecord(context)
  await keepRecord(context)
  expect(await grantsLeft()).toEqual(['G-00000C', 'G-00000D'])
  expect(await context.record.readStream(context.db, PRUNED_STREAM)).toMatchObject([
    {
      type: 'record.pruned',
      data: {
        ...{ origin: 'test.example/log', events: 7, leaves: '2-8', cutoff: addYears(AT, -7), retentionYears: 7 },
        ...{ policy: testPolicy().hash, streams: ['grant:G-00000A', 'thread:grant:G-00000A', 'grant:G-00000B'] },
      },
    },
  ])
  expect(await house.database.admin`select from private_text`).toHaveLength(2)
  // Who saw it sealed takes it for pruned, not for tampered with.
  expect(await loadGrant(context, context.db, 'G-00000A')).toBeNull()
  const gone = await findPruned(context, context.db, 'grant:G-00000A')
  expect(gone === null ? '' : prunedInWords(gone)).toBe(
    `It was pruned on 2026-11-23T09:00:00.000Z by the event pruned #1, after its retention of 7 years, under the policy ${testPolicy().hash.slice(0, 12)}. What remains are its leaf hashes, among the leaves 2-8 of test.example/log: what it said is gone, and every proof of the others still holds`,
  )
  expect(await findPruned(context, context.db, 'grant:G-00000C')).toBeNull()
  expect(await says('carla', 'G-00000A')).toMatch(
    /is not on record any more.*It was pruned on .* by the event pruned #1/,
  )
  expect(await says('carla', 'G-00000E')).toContain('There is no request or grant')
  const status = (id: string) => says('bo', id, showStatus)
  expect(await status('G-00000A')).toMatch(/It was pruned on .* after its retention of 7 years, under the policy /)
  expect(await status('G-00000E')).toContain('There is no request or grant')
  expect((await readWitnessed(context, context.db, POLICY_STREAM, 'last')).proved).toHaveLength(1)
  expect(await verify()).toMatchObject({ ok: true, differences: [], pruned: 7 })
  const again = await verify(progress)
  expect(again).toMatchObject({ ok: true })
  expect(again.resumed, 'what was read before the pruning is read again').toBeUndefined()
})

it('goes on where it was killed, and names every event once', async () => {
  const dying = { ...context, reached: () => Promise.reject(new Error('killed')) }
  await hold('G-00000A')
  await expect(keepRecord(dying)).rejects.toThrow('killed')
  expect(await grantsLeft()).toEqual(['G-00000A', 'G-00000C', 'G-00000D'])
  await house.clock.advance(8 * HOUR)
  await keepRecord(context)
  await keepRecord(context)
  expect(await grantsLeft()).toEqual(['G-00000C', 'G-00000D'])
  const said = await context.record.readStream(context.db, PRUNED_STREAM)
  expect(said.map(({ data }) => data.streams)).toEqual([
    ['grant:G-00000B'],
    ['grant:G-00000A', 'thread:grant:G-00000A'],
  ])
  expect(await verify()).toMatchObject({ ok: true })
})

it('leaves what is held, also by one who waits for a second', async () => {
  await hold('G-00000A')
  await keepRecord(context)
  expect(await grantsLeft()).toEqual(['G-00000A', 'G-00000C', 'G-00000D'])
})

it('leaves what an open finding or an order under way is about, and removes it once that is over', async () => {
  const looked = { what: 'orphan-access', detail: 'jit_x on prod-db', grant: 'G-00000A' }
  await context.db.begin((tx) => openFinding(context, tx, looked, AT))
  const order = orderStream('R-00000A')
  const by = { by: 'marcus', as: ['manager'], subject: { kind: 'person', id: 'ana' }, held: [], signers: [] }
  await note(order, AT, { type: 'order.proposed', data: by })
  await note(order, AT, { type: 'order.reached', data: { grants: ['G-00000B'] } })
  await keepRecord(context)
  expect(await grantsLeft()).toHaveLength(4)
  const [finding] = (await findOpenFindings(context, context.db)).open
  await note(findingStream(finding?.id ?? ''), AT, { type: 'closed', data: { count: 2 } })
  await keepRecord(context)
  expect(await grantsLeft()).toEqual(['G-00000B', 'G-00000C', 'G-00000D'])
  await note(order, AT, { type: 'closed', data: { count: 3 } })
  await keepRecord(context)
  expect(await grantsLeft()).toEqual(['G-00000C', 'G-00000D'])
})

it('waits for a finding that is being opened, and leaves what it is about', async () => {
  const looked = { what: 'orphan-access', detail: 'jit_x on prod-db', grant: 'G-00000A' }
  const [opened, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const opening = context.db.begin(async (tx) => {
    await openFinding(context, tx, looked, AT)
    opened.resolve()
    await commit.promise
  })
  await opened.promise
  let isDone = false
  const pruning = keepRecord(context).finally(() => {
    isDone = true
  })
  const waits = async () => {
    const { admin } = house.database
    const rows = await admin`
      select from pg_locks l join pg_database d on d.oid = l.database where not granted and datname = current_database()`
    return rows.length > 0
  }
  while (!isDone && !(await waits())) await house.database.admin`select pg_sleep(0.01)`
  commit.resolve()
  await Promise.all([opening, pruning])
  expect(await grantsLeft()).toEqual(['G-00000A', 'G-00000C', 'G-00000D'])
  // What is raised about one that is gone is a finding all the same.
  await context.db.begin((tx) => openFinding(context, tx, { ...looked, grant: 'G-00000B' }, AT))
  const { open } = await findOpenFindings(context, context.db)
  expect(open.map(({ subject }) => subject.id).toSorted()).toEqual(['G-00000A', 'G-00000B'])
})

it('two processes at once: each event is removed and named once, and what one cannot take it leaves', async () => {
  const other = { ...context, record: createRecord(house.database.keys) }
  const runs = await Promise.allSettled([context, other, context, other].map((one) => keepRecord(one)))
  for (const run of runs) if (run.status === 'rejected') expect(run.reason).toBeInstanceOf(RetryLater)
  expect(await grantsLeft()).toEqual(['G-00000C', 'G-00000D'])
  const said = await context.record.readStream(context.db, PRUNED_STREAM)
  expect(said.map(({ data }) => data.leaves)).toEqual(['2-8'])
  expect(await verify()).toMatchObject({ ok: true, pruned: 7 })
})

it('what is held up is one finding, says why, and is closed once it is gone', async () => {
  const minding = { ...context, alarm: () => undefined }
  const open = async () => (await findOpenFindings(context, context.db)).open
  const night = async () => {
    await keepRecord(context)
    for (const alarm of house.alarms.splice(0)) {
      await context.db.begin((tx) => openFinding(context, tx, alarm, house.clock.now()))
    }
    await mindFindings(minding)
    const [run] = (await context.record.readStream(context.db, SYSTEM_STREAM)).filter(isRun).slice(-1)
    return run?.data
  }
  await note(SYSTEM_STREAM, AT, checked(false))
  expect(await night()).toEqual({ pruned: 0, held: 0, due: 2, refused: 'record-not-checked' })
  await house.clock.advance(DAY)
  expect(await night()).toMatchObject({ due: 2 })
  const why = 'Nothing is pruned: the last check of the record found a difference, or is older than 8 days'
  expect(await open()).toMatchObject([{ cause: 'keeping-held-up', details: [why], subject: { kind: 'house' } }])
  await note(SYSTEM_STREAM, house.clock.now(), checked(true))
  await hold('G-00000B')
  expect(await night()).toEqual({ pruned: 1, held: 1, due: 0, refused: null })
  expect(await open()).toEqual([])
})

it('a grant of more events than a batch takes goes alone; one that was changed stays, and is said to', async () => {
  const many = Array.from({ length: 3_001 }, () => ({ type: 'thread.written', data: {} }))
  await note('thread:grant:G-00000A', LONG_AGO, ...many)
  await note(
    SYSTEM_STREAM,
    AT,
    ...Array.from({ length: 300 }, () => ({ type: 'system.alarm', data: {} })),
    checked(true),
  )
  await sealed(SYSTEM_STREAM, 604)
  await asVandal(house.database.admin, (sql) => sql`update event set mac = sha256(mac) where stream = 'grant:G-00000B'`)
  await keepRecord(context)
  expect(await grantsLeft()).toEqual(['G-00000B', 'G-00000C', 'G-00000D'])
  expect(house.alarms).toMatchObject([{ what: 'keeping-held-up', detail: expect.stringContaining('was changed') }])
})

it('removes nothing from a record in doubt, or while it is being checked', async () => {
  await note(SYSTEM_STREAM, AT, checked(false))
  await keepRecord(context)
  expect(await grantsLeft()).toHaveLength(4)
  await note(SYSTEM_STREAM, AT, checked(true))
  await house.database.admin.reserve().then(async (session) => {
    await holdOffPruning(session)
    await expect(keepRecord(context)).rejects.toBeInstanceOf(RetryLater)
    await session`select pg_advisory_unlock_all()`
    session.release()
  })
  expect(await grantsLeft()).toHaveLength(4)
})

it('an event that is deleted beside it is missed, and a false word of pruning explains nothing', async () => {
  await keepRecord(context)
  await sealed(PRUNED_STREAM, 1)
  await asVandal(house.database.admin, async (sql) => {
    await sql`delete from event where stream = 'grant:G-00000C' and seq = 2`
    const body = JSON.stringify({ data: { origin: 'test.example/log', leaves: '0-400' }, type: 'record.pruned' })
    await sql`
      insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac)
      values ('pruned:2', 1, 'record.pruned', 1, ${AT}, ${body}, null, sha256('\\x00'::bytea || convert_to(${body}, 'UTF8')),
        sha256('x'))`
  })
  const { differences } = await verify()
  expect(differences.map(({ what }) => what)).toEqual(expect.arrayContaining(['event-missing', 'mac-wrong']))
})

it('what is pruned too early is named, also where it was done with all keys', async () => {
  const [event] = await context.record.readStream(context.db, 'grant:G-00000C')
  const leaf = event?.leafIndex ?? 0
  const data = {
    ...{ origin: 'test.example/log', streams: ['grant:G-00000C'], leaves: `${leaf}-${leaf + 2}`, events: 3 },
    ...{ cutoff: addYears(AT, -7), retentionYears: 7, policy: 'p' },
  }
  await note(PRUNED_STREAM, AT, { type: 'record.pruned', data })
  await sealed(PRUNED_STREAM, 1)
  await asVandal(house.database.admin, async (sql) => {
    await sql`delete from event where stream = 'grant:G-00000C'`
    await sql`delete from stream_head where stream = 'grant:G-00000C'`
    await sql`delete from private_text where not exists (select from event e where e.leaf_hash = private_text.leaf_hash)`
  })
  expect((await verify()).differences).toMatchObject([
    { what: 'pruned-early', where: `pruned #1: leaf ${leaf + 2} was sealed after 2019-11-23T09:00:00.000Z` },
  ])
})

it('the database prunes for nobody what no event names, and not what is young', async () => {
  const { app } = house.database
  await expect(app`delete from event`).rejects.toThrow('permission denied')
  await expect(house.database.admin`delete from event`).rejects.toThrow('only added to')
  const data = { streams: ['grant:G-00000C'], cutoff: addYears(AT, -7), events: 3 }
  await expect(
    app.begin(async (tx) => {
      const [said] = await context.record.append(tx, PRUNED_STREAM, null, [{ type: 'record.pruned', data }], AT)
      await tx`select prune_streams(decode(${said?.hash ?? ''}, 'hex'))`
    }),
  ).rejects.toThrow('too young')
})

function asked(by: string, at: number): GrantEvent {
  return {
    type: 'request.asked',
    data: {
      ...{ by, for: by, target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs: DAY, reason: 'why' },
      ...{ pendingUntil: at + DAY, policy: testPolicy().hash, approvers: [], rules: [], channel: 'access' },
    },
  }
}

async function ended(id: string, at: number): Promise<void> {
  await happen(id, at, asked('ana', at), { type: 'request.cancelled', data: { by: 'ana' } })
}

async function happen(id: string, at: number, ...facts: GrantEvent[]): Promise<void> {
  await context.db.begin((tx) => appendToGrant(context, tx, id, null, facts, at))
}

const isRun = ({ type }: { readonly type: string }) => type === 'record.kept'

const checked = (ok: boolean) => ({ type: 'record.checked', data: { ok } })

async function hold(subject: string): Promise<void> {
  const act = { key: 'hold', account: { platform: 'local', tenant: 'local', id: 'carla' }, channel: null }
  await placeHold(context, act as Act, { subject, reason: 'case 12' })
}

async function says(who: string, id: string, ask = showEvidence): Promise<string> {
  const act = { key: `${who} ${ask.name} ${id}`, account: { platform: 'local', tenant: 'local', id: who } }
  return JSON.stringify(await ask(context, act, id))
}

async function note(stream: string, at: number, ...drafts: Parameters<typeof append>[3][]): Promise<void> {
  const all = drafts.map((draft) => (typeof draft === 'string' ? { type: draft, data: {} } : draft))
  await house.database.app.begin((tx) => house.database.record.append(tx, stream, null, all, at))
}

async function sealed(stream: string, seq: number): Promise<void> {
  replica.sealer.kick()
  await replica.sealer.sealed(stream, seq, AbortSignal.timeout(20_000))
}

async function verify(resume: Progress | null = null) {
  await sealed(SYSTEM_STREAM, 1)
  return verifyLog(context.db, house.database.keys.macKey, replica.witnessed, { range: 256, resume })
}

async function keepProgress(): Promise<Progress> {
  let kept: Progress | null = null
  await verifyLog(context.db, house.database.keys.macKey, replica.witnessed, {
    range: 256,
    onProgress: (progress) => {
      kept = progress
    },
  })
  return kept ?? expect.fail('the check kept nothing')
}

async function grantsLeft(): Promise<string[]> {
  const rows = await house.database.admin<{ id: string }[]>`
    select right(stream, 8) as id from event where type = 'request.asked' order by stream`
  return rows.map(({ id }) => id)
}
