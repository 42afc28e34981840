import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activityStream, collectionStream, unexplainedStream } from '../../src/domain/activity-event.ts'
import { DAY, MINUTE, SECOND } from '../../src/domain/duration.ts'
import { type GrantEvent, grantStream } from '../../src/domain/grant-event.ts'
import { RetryLater } from '../../src/effects/effect.ts'
import type { ActivityPiece, ActivityReading, UsedAccount } from '../../src/ports/activity.ts'
import { type Connector, ConnectorError } from '../../src/ports/connector.ts'
import { collectActivity } from '../../src/workflow/collect-activity.ts'
import type { Context } from '../../src/workflow/context.ts'
import { createFinishActivity } from '../../src/workflow/finish-activity.ts'
import { sweep } from '../../src/workflow/sweep.ts'
import { activityEnded } from '../../src/workflow/wanted-announcements.ts'
import { active, approved, askedFor, ending, removed } from '../cards/grant-story.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const START = Date.UTC(2026, 10, 23, 9)
const ACCOUNT = 'jit_7k3qf0'
let house: TestContext
/** What the log holds, piece by piece; a cursor is the place of the next. */
let log: (Partial<ActivityPiece> | ActivityReading | Error)[]
let target: string
let number = 0

beforeAll(async () => {
  house = await createTestContext(START)
})
afterAll(() => house?.database.drop())
beforeEach(() => {
  log = []
  number += 1
  target = `db-${number}`
})

function context(more: Partial<Context> = {}): Context {
  const activity = {
    read: async (cursor: string | null): Promise<ActivityReading> => {
      const at = Number(cursor ?? 0)
      const next = log[at]
      if (next instanceof Error) throw next
      if (next !== undefined && 'why' in next) return next
      const isLast = at >= log.length
      const one = {
        state: 'on',
        cursor: String(isLast ? at : at + 1),
        atEnd: at >= log.length - 1,
        gap: null,
        aheadMs: null,
      } as const
      const logged = { connections: true, disconnections: true, audit: false }
      return { ...one, logged, unlogged: [], used: [], place: { file: 'a.json', from: at, to: at + 1 }, ...next }
    },
  }
  return { ...house.context, connectorOf: () => ({ activity }) as unknown as Connector, ...more }
}

function used(more: Partial<UsedAccount> = {}): UsedAccount {
  const at = house.clock.now()
  return {
    ...{ account: ACCOUNT, grantId: grantOf(), lines: 3, bytes: 900, sha256: 'ab'.repeat(32), firstAt: at, lastAt: at },
    ...{
      statements: 2,
      commands: { SELECT: 2 },
      errors: 0,
      audited: 0,
      refusedLogins: 0,
      scrubbed: 0,
      cut: 0,
      missing: 0,
    },
    sessions: [
      { id: '6b02.1', address: '10.1.2.3:5', firstAt: at, lastAt: at, statements: 2, began: true, ended: true },
    ],
    ...{ moreSessions: 0, text: ['09:00 6b02.1 statement: select 1'] },
    ...more,
  }
}

const grantOf = () => `G-7K3Q${String(number).padStart(2, '0')}`

async function give(...more: GrantEvent[]): Promise<string> {
  await house.happen(grantOf(), askedFor({ target, durationMs: MINUTE }), ...approved, ...active, ...more)
  await house.clock.advance(SECOND)
  return grantOf()
}

async function typesOf(stream: string): Promise<string[]> {
  return (await house.context.record.readStream(house.context.db, stream)).map(({ type }) => type)
}

test('what was done is on record once, though two look at the same time, and the words of it are not in clear', async () => {
  const id = await give()
  await collectActivity(context(), target, null)
  log = [{ used: [used()] }, { used: [used({ statements: 1 })] }]
  await Promise.all([collectActivity(context(), target, null), collectActivity(context(), target, null)])
  await collectActivity(context(), target, null)
  const events = await house.context.record.readStream(house.context.db, activityStream(id))
  expect(events.map(({ data }) => [data.statements, data.person, data.from])).toEqual([
    [2, 'ana', 0],
    [1, 'ana', 1],
  ])
  expect(events[0]?.body).not.toMatch(/select 1|10\.1\.2/)
  expect(events[0]?.texts).toEqual({ addresses: '6b02.1 10.1.2.3:5', text: '09:00 6b02.1 statement: select 1' })
  expect(await typesOf(collectionStream(target))).toEqual(['collection.began'])
})

test.each(['collect:before-commit', 'collect:after-commit'])(
  'whoever dies at %s loses nothing and counts nothing twice',
  async (point) => {
    const id = await give()
    log = [{ used: [used()] }]
    const reached = async (at: string) => {
      if (at === point) throw new Error('died')
    }
    await expect(collectActivity(context({ reached }), target, null)).rejects.toThrow('died')
    await collectActivity(context(), target, null)
    expect(await typesOf(activityStream(id))).toEqual(['activity.collected'])
  },
)

describe('of two replicas that read the same piece at the same time one puts it on record', () => {
  /** Whoever reads waits, with what was read in hand, until somebody else has read all of it and put it on record. */
  function overtaken(): Context {
    const { connectorOf } = context()
    let isFirst = true
    const read: NonNullable<Connector['activity']>['read'] = async (cursor, since) => {
      const reading = await connectorOf(target)?.activity?.read(cursor, since)
      if (isFirst) {
        isFirst = false
        await collectActivity(context(), target, null)
      }
      return reading ?? { state: 'off', why: 'no reader' }
    }
    return context({ connectorOf: () => ({ activity: { read } }) as unknown as Connector })
  }
  const placesOf = async (id: string) =>
    (await house.context.record.readStream(house.context.db, activityStream(id))).map(({ data }) => data.from)

  test('the first piece of all', async () => {
    const id = await give()
    log = [{ used: [used()] }, { used: [used()] }]
    await collectActivity(overtaken(), target, null)
    expect(await placesOf(id)).toEqual([0, 1])
    expect(await typesOf(collectionStream(target))).toEqual(['collection.began'])
  })

  test('one in the middle, and a gap before it', async () => {
    const id = await give()
    await collectActivity(context(), target, null)
    log = [{ used: [used()] }, { gap: 'the file a.json is gone', used: [used()] }, { used: [used()] }]
    await collectActivity(overtaken(), target, null)
    expect(await placesOf(id)).toEqual([0, 1, 2])
    expect(await typesOf(collectionStream(target))).toEqual(['collection.began', 'collection.gap'])
  })

  test('that there is nothing to read any more', async () => {
    await collectActivity(context(), target, null)
    log = [{ state: 'off', why: 'logging_collector is off there' }]
    await collectActivity(overtaken(), target, null)
    expect(await typesOf(collectionStream(target))).toEqual(['collection.began', 'collection.off'])
  })

  test('the end of a grant that is read while another replica reads on', async () => {
    const id = await give()
    await collectActivity(context(), target, null)
    await house.happen(id, ...ending, removed)
    number += 50
    const other = await give()
    await house.clock.advance(2 * SECOND)
    const reached = async (at: string) => {
      if (at !== 'collect:before-ended' || log.length > 0) return
      log = [{ used: [used()] }]
      await collectActivity(context(), target, null)
    }
    const finish = createFinishActivity(context({ reached }))
    await expect(finish(id)).rejects.toBeInstanceOf(RetryLater)
    await finish(id)
    await collectActivity(context(), target, null)
    expect(await placesOf(other)).toEqual([0])
    expect((await activityEnded(house.context, id))?.outcome).toBe('complete')
  })
})

test('after the removal the log is read once more, and the thread says what it came to', async () => {
  const id = await give()
  log = [{ used: [used()] }]
  await collectActivity(context(), target, null)
  await house.happen(id, ...ending, removed)
  expect(house.enqueued).toContainEqual(expect.objectContaining({ kind: 'finish-activity', grant: id }))
  await house.clock.advance(2 * SECOND)
  log.push({ used: [used({ statements: 39, sessions: [] })] })
  const finish = createFinishActivity(context())
  await finish(id)
  await finish(id)
  expect(await typesOf(activityStream(id))).toEqual([
    'activity.collected',
    'activity.collected',
    'activity.ended',
    'closed',
  ])
  expect(await activityEnded(house.context, id)).toMatchObject({ outcome: 'complete', sessions: 1, statements: 41 })
})

test('what was over before the login was handed out is our own look, and no use that anybody made of it', async () => {
  const id = await give()
  const events = await house.context.record.readStream(house.context.db, grantStream(id))
  const givenAt = Number(events.find(({ type }) => type === 'grant.active')?.data.activatedAt)
  const [one] = used().sessions
  if (one === undefined) throw new Error('no session')
  // The target's clock is a minute before ours.
  const sessions = [
    { ...one, id: 'look', lastAt: givenAt + MINUTE, statements: 1 },
    { ...one, id: 'use', lastAt: givenAt + MINUTE + 1, statements: 2 },
  ]
  log = [{ aheadMs: MINUTE, used: [used({ statements: 3, sessions })] }]
  await collectActivity(context(), target, null)
  await house.happen(id, ...ending, removed)
  await house.clock.advance(2 * SECOND)
  await createFinishActivity(context())(id)
  const looks = { sessions: 1, statements: 1 }
  expect(await activityEnded(house.context, id)).toMatchObject({ sessions: 1, statements: 2, looks })
})

test('an access of which all was read is complete; a gap in its time is named, one of another time is not', async () => {
  await collectActivity(context(), target, null)
  log = [{ gap: 'the file a.json is gone' }]
  await collectActivity(context(), target, null)
  await house.clock.advance(MINUTE)
  log.push({})
  await collectActivity(context(), target, null)
  const id = await give()
  log.push({ used: [used()] })
  await collectActivity(context(), target, null)
  await house.happen(id, ...ending, removed)
  await house.clock.advance(2 * SECOND)
  await createFinishActivity(context())(id)
  expect(await activityEnded(house.context, id)).toMatchObject({ outcome: 'complete', why: [] })

  number += 1
  const other = await give()
  log.push(
    { gap: 'the file b.json was cut short' },
    { state: 'off', why: 'log_destination there does not name jsonlog' },
  )
  await collectActivity(context(), target, null)
  await house.clock.advance(SECOND)
  await house.happen(other, ...ending, removed)
  await house.clock.advance(2 * SECOND)
  await createFinishActivity(context())(other)
  const ended = await activityEnded(house.context, other)
  expect(ended?.outcome).toBe('gaps')
  expect(ended?.why).toEqual([
    expect.stringMatching(/^from 2026\S+Z to 2026\S+Z: the file b\.json was cut short$/),
    expect.stringMatching(/^from 2026\S+Z to 2026\S+Z: log_destination there does not name jsonlog$/),
  ])
  expect(house.alarms.map(({ what }) => what)).toContain('activity-gap')
})

test('where a target keeps no such log, the activity is not collected, and the reason is on record once', async () => {
  const id = await give(...ending, removed)
  await house.clock.advance(2 * SECOND)
  const none = context({ connectorOf: () => ({}) as Connector })
  await createFinishActivity(none)(id)
  await collectActivity(none, target, null)
  expect(await activityEnded(house.context, id)).toMatchObject({
    ...{ outcome: 'not-collected', why: ['a target of this kind has no log that can be read'] },
  })
  expect(await typesOf(collectionStream(target))).toEqual(['collection.off'])
})

test('a target that is away is asked again each minute, whatever became of the job, and after a week that is named', async () => {
  const id = await give()
  await collectActivity(context(), target, null)
  await house.happen(id, ...ending, removed)
  log = [new ConnectorError('Unreachable', 'could not be reached')]
  let asked = 0
  const finish = createFinishActivity(context({ connectorOf: () => counted(context(), () => (asked += 1)) }))
  const net = async () => {
    const before = house.enqueued.length
    await sweep(context())
    return house.enqueued.slice(before).filter((effect) => effect.kind === 'finish-activity' && effect.grant === id)
  }
  await finish(id)
  await finish(id)
  expect(asked).toBe(1)
  expect(await net()).toEqual([])
  await house.clock.advance(MINUTE)
  expect(await net()).toHaveLength(1)
  await finish(id)
  expect(asked).toBe(2)
  await house.clock.advance(7 * DAY)
  expect(await net()).toHaveLength(1)
  await finish(id)
  expect(await net()).toEqual([])
  expect(await activityEnded(house.context, id)).toMatchObject({
    ...{ outcome: 'gaps', why: ['the target could not be asked for a week'] },
  })
})

test('what somebody does under the login after the removal is an alarm, and in the evidence; a knock is not', async () => {
  const id = await give(...ending, removed)
  await house.clock.advance(2 * SECOND)
  await createFinishActivity(context())(id)
  const before = house.alarms.length
  log = [{ used: [used({ statements: 0, sessions: [], refusedLogins: 4 })] }]
  await collectActivity(context(), target, null)
  expect(house.alarms).toHaveLength(before)
  log.push({ used: [used()] })
  await collectActivity(context(), target, null)
  expect(house.alarms.slice(before)).toEqual([expect.objectContaining({ what: 'activity-after-removal', grant: id })])
  expect(await typesOf(`after:grant:${id}`)).toEqual(['activity.after-removal'])
})

test('a target whose clock is apart is judged by its own, and the evidence says how far', async () => {
  const before = house.alarms.length
  const id = await give()
  await collectActivity(context(), target, null)
  await house.happen(id, ...ending, removed)
  await house.clock.advance(SECOND)
  const [one] = used().sessions
  if (one === undefined) throw new Error('no session')
  const lastAt = house.clock.now() + MINUTE
  log = [{ used: [used({ sessions: [{ ...one, lastAt }] })], aheadMs: MINUTE }]
  await collectActivity(context(), target, null)
  expect(house.alarms).toHaveLength(before)
  const [event] = await house.context.record.readStream(house.context.db, activityStream(id))
  expect(event?.data.aheadMs).toBe(MINUTE)
  log.push({ used: [used({ sessions: [{ ...one, lastAt }] })], aheadMs: 0 })
  await collectActivity(context(), target, null)
  expect(house.alarms.slice(before)).toEqual([expect.objectContaining({ what: 'activity-after-removal', grant: id })])
})

test('a login of our form that no grant explains is an alarm; a grant of another target explains nothing', async () => {
  const before = house.alarms.length
  log = [{ used: [used({ account: 'jit_eve', grantId: null }), used()] }]
  await collectActivity(context(), target, null)
  const alarm = { what: 'activity-without-grant', grant: null }
  expect(house.alarms.slice(before)).toEqual([expect.objectContaining(alarm), expect.objectContaining(alarm)])
  expect(await typesOf(unexplainedStream(target))).toEqual(['activity.without-grant', 'activity.without-grant'])
})

test('many that end together are one reading, also of a log that grew faster than it was read', async () => {
  const id = await give(...ending, removed)
  number += 50
  const other = await give(...ending, removed)
  await house.clock.advance(2 * SECOND)
  log = Array.from({ length: 70 }, () => ({}))
  let readings = 0
  const counting = context({ connectorOf: () => counted(context(), () => (readings += 1)) })
  const finish = createFinishActivity(counting)
  await expect(finish(id)).rejects.toBeInstanceOf(RetryLater)
  await finish(id)
  await finish(other)
  expect(readings).toBe(70)
  expect((await activityEnded(house.context, other))?.outcome).toBe('complete')
})

function counted({ connectorOf }: Context, count: () => void): Connector {
  const activity = connectorOf(target)?.activity
  const read: NonNullable<Connector['activity']>['read'] = async (cursor, since) => {
    count()
    if (activity === undefined) throw new Error('no reader')
    return activity.read(cursor, since)
  }
  return { activity: { read } } as unknown as Connector
}
