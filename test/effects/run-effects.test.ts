import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import {
  type EffectContext,
  type EffectData,
  type Handler,
  LeaveToOthers,
  RetryLater,
} from '../../src/effects/effect.ts'
import { createEffects } from '../../src/effects/run-effects.ts'
import { createEffectsDatabase, type EffectsDatabase, until, type Worker } from '../support/effects.ts'
import { createTestLog } from '../support/log.ts'
import { startUnknownServer } from '../support/unknown-server.ts'

let database: EffectsDatabase
const workers: Worker[] = []

beforeAll(async () => {
  database = await createEffectsDatabase()
})
afterAll(() => database.drop())
beforeEach(() => database.db`delete from pgboss.job`)
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()))
})

const quick = { firstMs: 10, maxMs: 20 }

async function work(...given: Parameters<EffectsDatabase['work']>): Promise<Worker> {
  const worker = await database.work(...given)
  workers.push(worker)
  return worker
}

const forever = (run: Handler['run']): Handler => ({ retry: 'forever', backOff: quick, run })

async function nothingLeft(): Promise<boolean> {
  const [row] = await database.db`select count(*)::int as n from pgboss.job where state < 'completed'`
  return row?.n === 0
}

test('an effect is run with its data and key, and is then over', async () => {
  const seen: [EffectData, string, number][] = []
  const worker = await work({ post: forever(async (data, { key, attempt }) => void seen.push([data, key, attempt])) })
  await database.add({ kind: 'post', key: 'G-1', data: { grant: 'G-1' } })
  worker.kick(['post'])
  await until(nothingLeft)
  expect(seen).toEqual([[{ grant: 'G-1' }, 'G-1', 1]])
})

test('an effect added while its handler runs leads to another run, after the first', async () => {
  const finish = Promise.withResolvers<void>()
  const seen: string[] = []
  const worker = await work({
    post: forever(async ({ revision }) => {
      seen.push(`start ${revision}`)
      if (revision === 1) await finish.promise
      seen.push(`end ${revision}`)
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: { revision: 1 } })
  worker.kick(['post'])
  await until(() => seen.length === 1)
  await database.add({ kind: 'post', key: 'a', data: { revision: 2 } })
  await database.add(
    { kind: 'post', key: 'a', data: { revision: 3 } },
    { kind: 'post', key: 'b', data: { revision: 9 } },
  )
  worker.kick(['post'])
  await until(() => seen.includes('end 9'))
  finish.resolve()
  await until(nothingLeft)
  expect(seen.filter((line) => !line.endsWith('9'))).toEqual(['start 1', 'end 1', 'start 3', 'end 3'])
})

test('1,000 effects are each run once, by two processes together', async () => {
  const runs = new Map<string, number>()
  const count = forever(async (_, { key }) => void runs.set(key, (runs.get(key) ?? 0) + 1))
  const [worker] = [await work({ post: count }), await work({ post: count })]
  await database.add(...Array.from({ length: 1_000 }, (_, n) => ({ kind: 'post', key: `k${n}`, data: { n } })))
  worker.kick(['post'])
  await until(nothingLeft)
  expect(runs.size).toBe(1_000)
  expect([...runs.values()].filter((times) => times !== 1)).toEqual([])
})

test('what a process leaves to others is taken by one that can do it, though it looks less often', async () => {
  const doneBy: string[] = []
  let left = 0
  const unable = await work({
    post: forever(async () => {
      left += 1
      throw new LeaveToOthers(200)
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: {} })
  unable.kick(['post'])
  await until(() => left === 1)
  await work({ post: forever(async () => void doneBy.push('able')) })
  await until(nothingLeft)
  expect(doneBy).toEqual(['able'])
})

test('a failed attempt is made again until it works', async () => {
  const attempts: number[] = []
  const worker = await work({
    post: forever(async (_, { attempt }) => {
      attempts.push(attempt)
      if (attempt < 4) throw new Error('not yet')
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: {} })
  worker.kick(['post'])
  await until(nothingLeft)
  expect(attempts).toEqual([1, 2, 3, 4])
  expect(worker.stuck).toEqual([])
})

test('what has to wait after a failure takes in newer effects of its key, and still waits', async () => {
  const seen: EffectData[] = []
  const worker = await work({
    post: forever(async (data, { attempt }) => {
      seen.push(data)
      if (attempt === 1) throw new RetryLater(60_000)
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: { revision: 1 } })
  worker.kick(['post'])
  const waits = () => database.db`
    select data->'data' as data, group_id, start_after > clock_timestamp() + interval '50 seconds' as late
    from pgboss.job where state = 'created' and retry_count = 1`
  await until(async () => (await waits()).length === 1)
  await database.add({ kind: 'post', key: 'a', data: { revision: 2 } })
  expect(await waits()).toEqual([{ data: { revision: 2 }, group_id: 'a', late: true }])
  expect(seen).toEqual([{ revision: 1 }])
})

test('a newer effect that waits takes over the count of attempts of the one that failed', async () => {
  const attempts: [unknown, number][] = []
  const fail = Promise.withResolvers<void>()
  const worker = await work({
    post: forever(async ({ revision }, { attempt }) => {
      attempts.push([revision, attempt])
      if (attempt === 1) await fail.promise
      if (attempt < 3) throw new Error('no')
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: { revision: 1 } })
  worker.kick(['post'])
  await until(() => attempts.length === 1)
  await database.add({ kind: 'post', key: 'a', data: { revision: 2 } })
  fail.resolve()
  await until(nothingLeft)
  expect(attempts).toEqual([
    [1, 1],
    [2, 2],
    [2, 3],
  ])
})

test('any error that says when to come back is honoured', async () => {
  const worker = await work({
    post: forever(async () => {
      throw Object.assign(new Error('busy'), { code: 'throttled', retryAfterMs: 120_000 })
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: {} })
  worker.kick(['post'])
  const inSeconds = () => database.db`
    select extract(epoch from start_after - clock_timestamp())::int as s from pgboss.job where retry_count = 1`
  await until(async () => (await inSeconds()).length === 1)
  const [row] = await inSeconds()
  expect(row?.s).toBeGreaterThanOrEqual(118)
  expect(row?.s).toBeLessThanOrEqual(133)
})

test('after its last attempt an effect is given up, and reported once in the same transaction', async () => {
  let attempts = 0
  const worker = await work({
    post: {
      retry: { times: 3 },
      backOff: quick,
      run: async () => {
        attempts++
        throw new Error('secret-in-message')
      },
    },
  })
  await database.add({ kind: 'post', key: 'a', data: { grant: 'G-1' } })
  worker.kick(['post'])
  await until(nothingLeft)
  expect(attempts).toBe(3)
  expect(worker.stuck).toMatchObject([{ kind: 'post', key: 'a', data: { grant: 'G-1' }, attempts: 3, givenUp: true }])
  expect(await worker.depth()).toMatchObject([{ kind: 'post', waiting: 0, givenUp: 1 }])
  expect(JSON.stringify(worker.lines)).not.toContain('secret-in-message')
  const rows = await database.db`select * from pgboss.job`
  expect(JSON.stringify(rows)).not.toContain('secret-in-message')
})

test('an effect that is tried forever is reported as stuck once, and goes on', async () => {
  let attempts = 0
  const worker = await work(
    {
      end: forever(async () => {
        attempts++
        if (attempts < 9) throw new Error('still there')
      }),
    },
    { reportAfter: 3 },
  )
  await database.add({ kind: 'end', key: 'a', data: {} })
  worker.kick(['end'])
  await until(nothingLeft)
  expect(attempts).toBe(9)
  expect(worker.stuck).toMatchObject([{ kind: 'end', attempts: 3, givenUp: false }])
})

test('a report that fails leaves the effect to be settled again, and is made in the end', async () => {
  let reports = 0
  const worker = await work(
    {
      post: {
        retry: { times: 1 },
        run: async () => {
          throw new Error('no')
        },
      },
    },
    {
      onStuck: async () => {
        reports++
        if (reports === 1) throw new Error('the channel is unknown')
      },
    },
  )
  await database.add({ kind: 'post', key: 'a', data: {} })
  worker.kick(['post'])
  await until(nothingLeft)
  expect(reports).toBe(2)
})

test('an attempt that takes too long is told to stop, and made again', async () => {
  const signals: EffectContext[] = []
  const worker = await work({
    post: {
      ...forever(async (_, context) => {
        signals.push(context)
        if (context.attempt === 1) await new Promise(() => undefined)
      }),
      budgetMs: 30,
    },
  })
  await database.add({ kind: 'post', key: 'a', data: {} })
  worker.kick(['post'])
  await until(nothingLeft)
  expect(signals.map(({ attempt, signal }) => [attempt, signal.aborted])).toEqual([
    [1, true],
    [2, false],
  ])
  expect(await signals[0]?.stillMine()).toBe(false)
})

test('a handler can ask whether the effect is still its own', async () => {
  const answers: boolean[] = []
  const worker = await work({
    post: forever(async (_, { stillMine, attempt }) => {
      answers.push(await stillMine())
      if (attempt > 1) return
      // Another replica took this one for dead.
      await database.db`update pgboss.job set retry_count = retry_count + 1`
      answers.push(await stillMine())
      throw new Error('too late')
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: {} })
  worker.kick(['post'])
  await until(() => worker.lines.some(({ msg }) => String(msg).includes('taken it over')))
  expect(answers).toEqual([true, false])
})

test('a kind without a handler here is left to the replica that has one', async () => {
  const seen: string[] = []
  const old = await work({ post: forever(async (_, { key }) => void seen.push(`old ${key}`)) })
  const newer = await work({ greet: forever(async (_, { key }) => void seen.push(`newer ${key}`)) })
  await database.add({ kind: 'post', key: 'a', data: {} }, { kind: 'greet', key: 'b', data: {} })
  old.kick(['post', 'greet'])
  newer.kick([])
  await until(nothingLeft)
  expect(seen.sort()).toEqual(['newer b', 'old a'])
})

test('a kind whose handlers all hang delays no other kind', async () => {
  const release = Promise.withResolvers<void>()
  const seen: string[] = []
  const worker = await work({
    notice: { ...forever(() => release.promise), concurrency: 2 },
    revoke: forever(async (_, { key }) => void seen.push(key)),
  })
  await database.add(...['a', 'b', 'c', 'd'].map((key) => ({ kind: 'notice', key, data: {} })))
  worker.kick(['notice'])
  await until(async () => (await worker.depth())[0]?.running === 2)
  await database.add({ kind: 'revoke', key: 'G-1', data: {} })
  worker.kick(['revoke'])
  await until(() => seen.length === 1)
  const notices = (await worker.depth()).find(({ kind }) => kind === 'notice')
  expect(notices).toMatchObject({ running: 2, waiting: 2, due: 2 })
  release.resolve()
})

test('stopping waits for what runs, takes no more, and may be asked for twice', async () => {
  const finish = Promise.withResolvers<void>()
  const seen: string[] = []
  const worker = await work({
    post: {
      ...forever(async (_, { key }) => {
        seen.push(`start ${key}`)
        await finish.promise
        seen.push(`end ${key}`)
      }),
      concurrency: 1,
    },
  })
  await database.add({ kind: 'post', key: 'a', data: {}, priority: 1 }, { kind: 'post', key: 'b', data: {} })
  worker.kick(['post'])
  await until(() => seen.length === 1)
  const stops = [worker.stop(), worker.stop()]
  finish.resolve()
  await Promise.all(stops)
  expect(seen).toEqual(['start a', 'end a'])
  expect(await worker.depth()).toMatchObject([{ kind: 'post', waiting: 1, running: 0 }])
})

test('while stopping waits for what is slow, what is done leaves the table at once', async () => {
  const finish = { a: Promise.withResolvers<void>(), b: Promise.withResolvers<void>() }
  let begun = 0
  const worker = await work({
    post: forever(async (_, { key }) => {
      begun++
      await finish[key as 'a' | 'b'].promise
    }),
  })
  await database.add({ kind: 'post', key: 'a', data: {} }, { kind: 'post', key: 'b', data: {} })
  worker.kick(['post'])
  await until(() => begun === 2)
  const stopped = worker.stop()
  finish.a.resolve()
  await until(async () => (await worker.depth())[0]?.running === 1)
  finish.b.resolve()
  await stopped
  expect(await worker.depth()).toEqual([])
})

test('stopping hands over what takes too long', async () => {
  const slow = await work(
    { post: forever((_, { signal }) => new Promise((_resolve, reject) => signal.addEventListener('abort', reject))) },
    { drainMs: 20 },
  )
  await database.add({ kind: 'post', key: 'a', data: {} })
  slow.kick(['post'])
  await until(async () => (await slow.depth())[0]?.running === 1)
  await slow.stop()
  expect(await slow.depth()).toMatchObject([{ kind: 'post', waiting: 1, running: 0 }])
  const seen: number[] = []
  await work({ post: forever(async (_, { attempt }) => void seen.push(attempt)) })
  await until(nothingLeft)
  // Broken off by us: not an attempt that failed.
  expect(seen).toEqual([1])
  expect(slow.stuck).toEqual([])
})

test('lost connections delay effects, and lose none', async () => {
  const runs = new Map<string, number>()
  const worker = await work({ post: forever(async (_, { key }) => void runs.set(key, (runs.get(key) ?? 0) + 1)) })
  const admin = openDb(database.url, { applicationName: 'test', max: 1 })
  for (let round = 0; round < 5; round++) {
    await database.add(...Array.from({ length: 50 }, (_, n) => ({ kind: 'post', key: `${round}-${n}`, data: {} })))
    worker.kick(['post'])
    await admin`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'countersign effects' and datname = current_database()`
  }
  await closeDb(admin)
  await until(nothingLeft)
  expect(runs.size).toBe(250)
})

test('with a login that may do more it acts as the application only', async () => {
  const role = 'countersign_app'
  const seen: string[] = []
  const worker = await work({ post: forever(async (_, { key }) => void seen.push(key)) }, { url: database.url, role })
  await database.add({ kind: 'post', key: 'a', data: {} })
  worker.kick(['post'])
  await until(nothingLeft)
  expect(seen).toEqual(['a'])
  await expect(work({}, { url: database.url, role: 'nobody' })).rejects.toThrow('role "nobody" does not exist')
})

test('stopping what was never started does nothing', async () => {
  const { url, db } = database
  const effects = createEffects({ url, db, handlers: {}, log: createTestLog().log, onStuck: async () => undefined })
  await effects.stop()
  await effects.stop()
})

test.each([
  ['prefer', true],
  ['require', true],
  ['verify-full', false],
])('with sslmode=%s a server whose certificate nobody vouches for is entered: %s', async (mode, enters) => {
  const server = await startUnknownServer()
  const url = `${server.url}?sslmode=${mode}`
  const { log } = createTestLog()
  const effects = createEffects({ url, db: database.db, handlers: {}, log, onStuck: async () => undefined })
  const other = openDb(url, { applicationName: 'another pool', max: 1 })
  try {
    await expect(effects.start()).rejects.toThrow()
    await expect(other`select 1`).rejects.toThrow()
    const names = ['countersign effects', 'another pool']
    expect(names.map((name) => server.entered.some((message) => message.includes(name)))).toEqual([enters, enters])
  } finally {
    await effects.stop()
    await closeDb(other)
    await server.close()
  }
})
