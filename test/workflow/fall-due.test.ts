import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { type Connector, ConnectorError } from '../../src/ports/connector.ts'
import type { Context } from '../../src/workflow/context.ts'
import { createFallDue, type FallDue } from '../../src/workflow/fall-due.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { mendGrant } from '../../src/workflow/mend-grant.ts'
import { AT, active, approved, askedFor, END } from '../cards/grant-story.ts'
import { until } from '../support/effects.ts'
import { createTestContext, type TestContext } from './test-context.ts'

let world: TestContext
let grants = 0
let steps: string[]
/** What a call of a target waits for, or fails with. */
let hold: (step: string, target: string) => Promise<void>
/** What the target is seen to hold. */
let shown: unknown[] = []

beforeAll(async () => {
  world = await createTestContext(AT)
})
afterAll(() => world.database.drop())
beforeEach(() => {
  steps = []
  hold = async () => undefined
})

it('a target that hangs holds up its own removals alone', async () => {
  let letGo = () => {}
  const hanging = new Promise<void>((resolve) => {
    letGo = resolve
  })
  hold = (_step, target) => (target === 'hangs' ? hanging : Promise.resolve())
  for (let n = 0; n < 40; n++) await give('hangs')
  const good = await give('answers')
  const fallDue = startFallDue()
  await fallDue.run(END)
  await until(async () => (await statusOf(good)) === 'removed', 'the removal on the target that answers')
  letGo()
  await fallDue.idle()
})

it('what tells of a storm of removals waits for its end, or for a moment', async () => {
  let letGo = () => {}
  const hanging = new Promise<void>((resolve) => {
    letGo = resolve
  })
  hold = () => hanging
  for (let n = 0; n < 40; n++) await give('hangs')
  const fallDue = startFallDue()
  await fallDue.calm(60_000)
  await fallDue.run(END)
  let calm = false
  const told = fallDue.calm(60_000).then(() => {
    calm = true
  })
  await fallDue.calm(1)
  expect(calm).toBe(false)
  letGo()
  await told
  await fallDue.idle()
})

it('everybody is shut out before anything is cleared away', async () => {
  const ids: string[] = []
  for (let n = 0; n < 100; n++) ids.push(await give('one'))
  const fallDue = startFallDue()
  await fallDue.run(END)
  await until(async () => (await countRemoved(ids)) === 100, 'all removed')
  expect(steps).toHaveLength(400)
  expect(steps.lastIndexOf('disable')).toBeLessThan(100 + 32)
  await fallDue.idle()
})

it('each step is an event of its own, and what time has decided is written once', async () => {
  const id = await give('one')
  const fallDue = startFallDue()
  await Promise.all([fallDue.run(END), startFallDue().run(END)])
  await until(async () => (await statusOf(id)) === 'removed', 'the removal')
  await fallDue.idle()
  expect(await endingOf(id)).toEqual([
    'grant.ending',
    'grant.disabled',
    'grant.sessions-ended',
    'grant.access-removed',
    'grant.removed',
    'closed',
  ])
})

it('a net that looks at the same grants meanwhile finds no row changed by hand', async () => {
  const ids: string[] = []
  for (let n = 0; n < 10; n++) ids.push(await give('one'))
  const fallDue = startFallDue()
  let looking = true
  const looks = Promise.all(
    ids.map(async (id) => {
      while (looking) await mendGrant(world.context, id)
    }),
  )
  await until(async () => {
    await world.clock.set(world.clock.now() + 100)
    await fallDue.run(world.clock.now())
    return (await countRemoved(ids)) === 10
  }, 'all removed')
  looking = false
  await looks
  await fallDue.idle()
  expect(world.alarms.map(({ what }) => what)).not.toContain('state-differs-from-record')
})

it('a queue that is broken holds up no ending, with others or alone', async () => {
  const ids = [await give('one'), await give('one')]
  const fault = Object.assign(new Error('relation "pgboss.job_common" does not exist'), { code: '42P01' })
  const fallDue = startFallDue({ enqueue: () => Promise.reject(fault) })
  await fallDue.run(END)
  await until(async () => (await Promise.all(ids.map(statusOf))).every((status) => status === 'removed'), 'all removed')
  await fallDue.idle()
  expect(world.alarms.map(({ what }) => what)).toContain('queue-broken')
})

it('what a target refuses is on record, and tried again from where it stands', async () => {
  const id = await give('one')
  let refusals = 1
  hold = async (step) => {
    if (step === 'remove' && refusals-- > 0) throw new ConnectorError('DependentObjects', 'a table is left')
  }
  const fallDue = startFallDue()
  await fallDue.run(END)
  await until(async () => (await endingOf(id)).includes('grant.attempt-failed'), 'the failure on record')
  await world.clock.set(END + 10_000)
  await fallDue.run(world.clock.now())
  await until(async () => (await statusOf(id)) === 'removed', 'the removal')
  await fallDue.idle()
  expect(steps).toEqual(['disable', 'terminate', 'remove', 'remove', 'verify'])
})

it('an ending whose steps cannot be recorded goes on all the same, and is recorded when that can be done again', async () => {
  const id = await give('one')
  const { db } = world.context
  let letGo = () => {}
  const locked = new Promise<void>((resolve) => {
    letGo = resolve
  })
  hold = (step) => (step === 'disable' ? locked : Promise.resolve())
  const fallDue = startFallDue()
  await fallDue.run(END)
  await until(async () => steps.includes('disable'), 'the first step')
  const holder = await db.reserve()
  await holder`begin`
  await holder`select from grant_state where id = ${id} for update`
  letGo()
  await world.clock.advance(11_000)
  shown = [{ grantId: id, account: 'jit', grants: [], nativeExpiry: null, liveSessions: 1 }]
  await until(async () => steps.includes('verify'), 'what is over is taken away')
  expect(await endingOf(id)).toEqual(['grant.ending'])
  await holder`rollback`
  holder.release()
  shown = []
  await until(async () => {
    await world.clock.set(world.clock.now() + 5_000)
    await fallDue.run(world.clock.now())
    return (await statusOf(id)) === 'removed'
  }, 'the removal on record')
  await fallDue.idle()
})

function startFallDue(overrides: Partial<Context> = {}): FallDue {
  return createFallDue({ ...world.context, connectorOf: connectorFor, knownTargets: () => ['one'], ...overrides })
}

function connectorFor(target: string): Connector {
  const seen = async (step: string) => {
    steps.push(step)
    await hold(step, target)
    return { summary: step, checks: [], residuals: [] }
  }
  return {
    listGrants: async () => shown,
    disable: () => seen('disable'),
    terminateSessions: () => seen('terminate'),
    remove: () => seen('remove'),
    verifyRemoved: async () => ({ verdict: 'removed', ...(await seen('verify')) }),
  } as unknown as Connector
}

/** Gives an access that has just ended. */
async function give(target: string): Promise<string> {
  const id = `G-${String(++grants).padStart(6, '0')}`
  const told: GrantEvent = { type: 'grant.end-near', data: { endsAt: END } }
  await world.happen(id, askedFor({ target, by: id, for: id }), ...approved, ...active, told)
  if (world.clock.now() < END) await world.clock.set(END)
  return id
}

async function countRemoved(ids: readonly string[]): Promise<number> {
  const rows = await world.context.db`
    select from grant_state where id = any(${[...ids]}::text[]) and status = 'removed'`
  return rows.length
}

async function statusOf(id: string): Promise<string | undefined> {
  return (await loadGrant(world.context, world.context.db, id))?.state.status
}

async function endingOf(id: string): Promise<string[]> {
  const loaded = await loadGrant(world.context, world.context.db, id)
  return (loaded?.events ?? []).slice(6).map(({ type }) => type)
}
