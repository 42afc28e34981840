import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { ACTIVITY_CRASH_POINTS, CRASH_POINTS, KEEPING_CRASH_POINTS } from '../../src/workflow/context.ts'
import { until } from '../support/house.ts'
import { type Crew, openCrew } from './crew.ts'
import { type Plot, plantOrphan, type Told, tellStory } from './tell-story.ts'

type CrashPoint = (typeof CRASH_POINTS)[number]

/** The story that leads past each point; what is erased and pruned has its own, in `keeping.test.ts`. */
const PLOTS: Readonly<Record<CrashPoint, Plot>> = {
  'ask:before-commit': 'expires',
  'ask:after-commit': 'expires',
  'sign:before-commit': 'expires',
  'sign:after-commit': 'expires',
  'enrol:before-commit': 'passkey',
  'enrol:after-commit': 'passkey',
  'passkey:before-commit': 'passkey',
  'passkey:after-commit': 'passkey',
  'seal:after-tree': 'expires',
  'seal:after-witness': 'expires',
  'provision:before-providing': 'expires',
  'provision:after-providing': 'expires',
  'provision:after-target': 'expires',
  'provision:after-active': 'expires',
  'connect:after-commit': 'done',
  'connect:after-shown': 'done',
  'connect:after-secret': 'done',
  'extend:before-asked': 'extended',
  'extend:after-asked': 'extended',
  'extend:before-target': 'extended',
  'extend:after-target': 'extended',
  'extend:after-commit': 'extended',
  'end:before-commit': 'done',
  'end:after-commit': 'done',
  'order:before-commit': 'revoked',
  'order:after-commit': 'revoked',
  'revoke-all:after-reached': 'revoked',
  'revoke-all:after-each': 'revoked',
  'revoke-all:before-done': 'revoked',
  'revoke-all:after-done': 'revoked',
  'due:after-commit': 'expires',
  'revoke:after-disable': 'expires',
  'revoke:after-disabled': 'expires',
  'revoke:after-terminate': 'expires',
  'revoke:after-sessions-ended': 'expires',
  'revoke:after-remove': 'expires',
  'revoke:after-access-removed': 'expires',
  'revoke:after-look': 'expires',
  'revoke:after-removed': 'expires',
  'announce:before-post': 'expires',
  'announce:after-post': 'expires',
  'announce:after-recorded': 'expires',
  'announce:after-update': 'expires',
  'announce:after-announced': 'expires',
  'leave:after-commit': 'left',
  'leave:after-each': 'left',
  'leave:before-ended': 'left',
  'leave:after-ended': 'left',
  'leave:after-seen-gone': 'left',
  'sweep:after-mended': 'swept',
  'sweep:after-orphan-found': 'orphan',
  'sweep:after-orphan-removed': 'orphan',
  'target:after-step': 'done',
}

/** Later arrivals at a point that a story passes several times: each change in the target, each kind of message. */
const CASES: readonly (readonly [CrashPoint, number, Plot])[] = [
  ...CRASH_POINTS.map((point) => [point, 1, PLOTS[point]] as const),
  ...[2, 3, 4, 5, 6, 7, 8].map((arrival) => ['target:after-step', arrival, 'done'] as const),
  ...(['seal:after-tree', 'seal:after-witness', 'announce:after-post', 'announce:after-update'] as const).map(
    (point) => [point, 3, 'expires'] as const,
  ),
  ['revoke-all:after-each', 2, 'revoked'],
  // The second person's half.
  ['enrol:after-commit', 2, 'passkey'],
  // What was posted is out of date when it is posted again, and nothing changes after.
  ['announce:after-post', 1, 'denied'],
]

const GIVEN = 'request.asked request.signed request.approved grant.providing grant.active'
const LONGER = 'extension.asked extension.signed extension.approved grant.extended'
const TAKEN = 'grant.ending grant.disabled grant.sessions-ended grant.access-removed grant.removed closed'
/** Every event of a story, once and in order, but for those that tell who looked. */
const EVENTS: Readonly<Record<Exclude<Plot, 'orphan'>, string>> = {
  expires: `${GIVEN} ${TAKEN}`,
  done: `${GIVEN} ${TAKEN}`,
  swept: `${GIVEN} ${TAKEN}`,
  revoked: `${GIVEN} ${TAKEN}`,
  left: `${GIVEN} ${TAKEN}`,
  extended: `${GIVEN} ${LONGER} ${TAKEN}`,
  passkey: `${GIVEN.replace('request.signed', 'passkey.challenged request.signed')} ${TAKEN}`,
  denied: 'request.asked request.denied closed',
}

describe('the list of crash points', () => {
  it('has every place of the source that can be crashed, each once, and a story for each', async () => {
    const src = path.join(import.meta.dirname, '../../src')
    const files = (await readdir(src, { recursive: true })).filter((name) => name.endsWith('.ts'))
    const sources = await Promise.all(files.map((name) => readFile(path.join(src, name), 'utf8')))
    const found = sources.flatMap((text) => [...text.matchAll(/reached\('([^']+)'\)/g)].map((match) => match[1]))
    expect(found.toSorted()).toEqual([...CRASH_POINTS, ...KEEPING_CRASH_POINTS, ...ACTIVITY_CRASH_POINTS].toSorted())
    expect(Object.keys(PLOTS).toSorted()).toEqual([...CRASH_POINTS].toSorted())
  })
})

describe.each([
  { size: 1, crews: 8, words: 'one process, started again' },
  { size: 3, crews: 7, words: 'three processes, of which two carry on' },
])('kill -9 with $words', ({ size, crews }) => {
  const free = createPool<Crew>()
  const all: Crew[] = []
  const crashed: string[] = []
  beforeAll(async () => {
    all.push(...(await Promise.all(Array.from({ length: crews }, () => openCrew(size)))))
    for (const crew of all) free.put(crew)
  })
  afterAll(async () => {
    await Promise.all(all.map((crew) => crew.close()))
  })

  it.concurrent.each(CASES)('at %s, arrival %i, %s', async (point, arrival, plot) => {
    const crew = await free.take()
    try {
      await crew.muster()
      await crew.record.quiet()
      crew.arm(point, arrival)
      if (plot === 'orphan') await expectOrphanGone(crew, await plantOrphan(crew))
      else {
        const told = await tellStory(crew, plot)
        await expectWhole(crew, plot, told)
        if (told.order !== null) await expectCarriedOut(crew, told)
        if (plot === 'left') await expectLeft(crew, told)
        if (plot === 'passkey') await expectEnrolled(crew, told)
      }
      expect(crew.armed(), 'somebody died there').toEqual([])
      expect(crew.deaths()).toBe(1)
      expect(crew.watch.faults()).toEqual([])
      crashed.push([point, arrival, plot].join())
    } finally {
      crew.disarm()
      free.put(crew)
    }
  })

  it('every point was reached, and every record is right', async () => {
    expect(crashed.toSorted()).toEqual(CASES.map((one) => one.join()).toSorted())
    for (const crew of all) {
      expect(await crew.record.verify()).toMatchObject({ ok: true, differences: [] })
      expect(await crew.house.targetDb`select rolname from pg_roles where rolname like 'jit\\_g\\_%'`).toEqual([])
      const alarms = await crew.house.db<{ body: string }[]>`select body from event where type = 'system.alarm'`
      // The net may find a target busy for a moment: it looks again within a minute.
      const planned = ['orphan-access', 'target-not-reconciled']
      const unplanned = alarms.map(({ body }) => JSON.parse(body).data).filter(({ what }) => !planned.includes(what))
      expect(unplanned).toEqual([])
    }
  })
})

/** Whoever asks first is served first. */
function createPool<T>(): { take(): Promise<T>; put(item: T): void } {
  const free: T[] = []
  const waiting: ((item: T) => void)[] = []
  return {
    take: () => {
      const item = free.shift()
      return item === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(item)
    },
    put(item) {
      const next = waiting.shift()
      if (next) next(item)
      else free.push(item)
    },
  }
}

async function expectWhole(crew: Crew, plot: Exclude<Plot, 'orphan'>, { id, waiting, said }: Told): Promise<void> {
  const { record, watch } = crew
  await record.quiet()

  const events = await record.eventsOf(id)
  const seldom = ['grant.waiting', 'grant.connection-shown', 'grant.end-near', 'act.refused']
  const types = events.map((event) => event.type).filter((type) => !seldom.includes(type))
  expect(types.join(' ')).toBe(EVENTS[plot])
  expect(await record.askedSince(events[0]?.at ?? 0)).toEqual(waiting === null ? [id] : [id, waiting])

  const account = accountName(id)
  if (plot === 'denied') expect(watch.timesMade(account)).toBe(0)
  else await expectRemoved(crew, id)
  const wanted = await record.toBeSaidOf(id)
  expect(Object.fromEntries(await record.saidOf(id))).toEqual(Object.fromEntries(wanted))

  for (const { answer, again } of said) {
    const once = JSON.stringify(answer)
    // A link is shown once: its repeat says so.
    expect(JSON.stringify(await again())).toEqual(
      /\/(reveal|passkey)\/[\w-]{43}/.test(once) ? expect.stringContaining('shown once already') : once,
    )
  }
  expect((await record.eventsOf(id)).length).toBe(events.length)
}

const ORDER = 'order.proposed order.confirmed order.reached order.carried-out closed'

/** Carried out once, though somebody died on the way; and said so. */
async function expectCarriedOut({ house, record }: Crew, { id, waiting, order }: Told): Promise<void> {
  const rows = await house.db<{ type: string; body: string }[]>`
    select type, body from event where stream = ${`order:${order}`} order by seq`
  const facts = rows.filter(({ type }) => type !== 'act.refused')
  expect(facts.map(({ type }) => type).join(' ')).toBe(ORDER)
  expect(JSON.parse(facts[3]?.body ?? '').data).toEqual({ ended: [id], cancelled: [waiting], stuck: [] })
  const back = (await record.eventsOf(waiting ?? '')).map(({ type }) => type)
  expect(back).toEqual(['request.asked', 'request.cancelled', 'closed'])
  const ending = (await record.eventsOf(id)).find(({ type }) => type === 'grant.ending')
  expect(ending?.data).toMatchObject({ cause: 'ordered', order })
}

/** Closed and ended once, and the moments of the leaving are on record once. */
async function expectLeft({ house, record }: Crew, { id, waiting }: Told): Promise<void> {
  const lapsed = (await record.eventsOf(waiting ?? '')).map(({ type }) => type)
  expect(lapsed).toEqual(['request.asked', 'request.lapsed', 'closed'])
  const ending = (await record.eventsOf(id)).find(({ type }) => type === 'grant.ending')
  expect(ending?.data).toMatchObject({ cause: 'left', by: null })
  const rows = await house.db<{ type: string; body: string }[]>`
    select type, body from event where stream like 'identity:%' order by seq`
  const last = rows.slice(rows.findLastIndex(({ type }) => type === 'identity.left'))
  const types = last.map(({ type }) => type)
  expect(types).toEqual(['identity.left', 'leaving.ended', 'leaving.seen-gone', 'identity.returned'])
  expect(JSON.parse(last[1]?.body ?? '').data).toMatchObject({ requests: [waiting], grants: [id], approvals: [] })
}

/** One passkey, offered and confirmed once, and the approval rests on it. */
async function expectEnrolled({ house, record }: Crew, { id }: Told): Promise<void> {
  const signed = (await record.eventsOf(id)).find(({ type }) => type === 'request.signed')
  const credential = signed !== undefined && 'assertion' in signed.data ? signed.data.assertion?.credential : undefined
  const rows = await house.db<{ type: string }[]>`
    select type from event where stream = 'passkey:marcus' and strpos(body, ${credential ?? 'none'}) > 0 order by seq`
  expect(rows.map(({ type }) => type)).toEqual(['passkey.offered', 'passkey.enrolled'])
}

async function expectRemoved({ house, watch }: Crew, id: string): Promise<void> {
  const account = accountName(id)
  expect(watch.timesMade(account)).toBe(1)
  const [row] = await house.targetDb`
    select grant_id, disabled_at_ms is not null as disabled, removed_at_ms is not null as removed,
      (select count(*) from pg_stat_activity where usesysid = role_oid)::int as sessions,
      (select count(*) from pg_roles where oid = role_oid or rolname = account)::int as roles
    from jit.account where account = ${account}`
  expect(row).toEqual({ grant_id: id, disabled: true, removed: true, sessions: 0, roles: 0 })
}

async function expectOrphanGone({ house }: Crew, id: string): Promise<void> {
  const account = accountName(id)
  const events = () => house.db`select type from event where stream = ${`orphan:${id}`} order by seq`
  await until(`${account} is on record as gone`, async () => (await events()).length > 1)
  expect(await events()).toEqual([{ type: 'orphan.found' }, { type: 'orphan.removed' }])
  expect(await house.targetDb`select 1 from pg_roles where rolname = ${account}`).toEqual([])
}
