import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Tx } from '../../src/db/transaction.ts'
import { enqueue } from '../../src/effects/enqueue.ts'
import { createEffectsDatabase, type EffectsDatabase, until } from '../support/effects.ts'

let database: EffectsDatabase

beforeAll(async () => {
  database = await createEffectsDatabase()
  await (await database.work({ post: { retry: 'forever', run: async () => undefined } })).stop()
})
afterAll(() => database.drop())
beforeEach(() => database.db`delete from pgboss.job`)

const waiting = () => database.db`
  select name, singleton_key as key, data->'data' as data from pgboss.job where state = 'created' order by name, key`

test('an effect is kept with its transaction, and is gone when that is rolled back', async () => {
  await expect(
    database.db.begin(async (tx: Tx) => {
      await enqueue(tx, { kind: 'post', key: 'a', data: {} }, 0)
      throw new Error('changed my mind')
    }),
  ).rejects.toThrow('changed my mind')
  expect(await waiting()).toEqual([])
})

test('while one waits, another of the same kind and key only replaces its data', async () => {
  await database.add({ kind: 'post', key: 'a', data: { revision: 1 } })
  await database.add(
    { kind: 'post', key: 'a', data: { revision: 2 } },
    { kind: 'post', key: 'b', data: { revision: 9 } },
  )
  expect(await waiting()).toEqual([
    { name: 'post', key: 'a', data: { revision: 2 } },
    { name: 'post', key: 'b', data: { revision: 9 } },
  ])
})

test('equals within one call are one effect, with the data of the last', async () => {
  await database.add(
    { kind: 'post', key: 'a', data: { revision: 1 } },
    { kind: 'post', key: 'a', data: { revision: 2 } },
  )
  expect(await waiting()).toEqual([{ name: 'post', key: 'a', data: { revision: 2 } }])
})

test('an earlier time and a higher priority of a later one are taken over', async () => {
  const at = async () => {
    const [row] = await database.db`
      select priority, start_after > clock_timestamp() + interval '1 hour' as late from pgboss.job`
    return row
  }
  await database.add({ kind: 'post', key: 'a', data: {}, delayUntil: 7_200_000 })
  expect(await at()).toEqual({ priority: 0, late: true })
  await database.add({ kind: 'post', key: 'a', data: {}, priority: 5 })
  expect(await at()).toEqual({ priority: 5, late: false })
  await database.add({ kind: 'post', key: 'a', data: {}, delayUntil: 7_200_000 })
  expect(await at()).toEqual({ priority: 5, late: false })
})

test('a kind that no replica ever served is refused at the commit, not lost', async () => {
  await expect(database.add({ kind: 'nobody', key: 'a', data: {} })).rejects.toMatchObject({ code: '23503' })
})

test('any number of effects is one statement', async () => {
  let statements = 0
  const counted = (tx: Tx) =>
    new Proxy(tx, {
      apply(target, self, args) {
        statements++
        return Reflect.apply(target, self, args)
      },
    })
  await database.db.begin((tx: Tx) =>
    enqueue(
      counted(tx),
      Array.from({ length: 50 }, (_, n) => ({ kind: 'post', key: `k${n}`, data: { n } })),
      0,
    ),
  )
  expect(statements).toBe(1)
  expect(await waiting()).toHaveLength(50)
})

test('a worker passes over a waiting effect while a transaction adds to it, and then sees what that wrote', async () => {
  const seen: unknown[] = []
  await database.add({ kind: 'post', key: 'a', data: { revision: 1 } })
  const added = Promise.withResolvers<void>()
  const commit = Promise.withResolvers<void>()
  const adding = database.db.begin(async (tx: Tx) => {
    await enqueue(tx, { kind: 'post', key: 'a', data: { revision: 2 } }, 0)
    added.resolve()
    await commit.promise
  })
  await added.promise
  const worker = await database.work({
    post: { retry: 'forever', run: async (data, { key }) => void seen.push([key, data]) },
  })
  await database.add({ kind: 'post', key: 'b', data: { revision: 1 } })
  worker.kick(['post'])
  await until(() => seen.length === 1)
  expect(seen).toEqual([['b', { revision: 1 }]])
  commit.resolve()
  await adding
  worker.kick(['post'])
  await until(() => seen.length === 2)
  expect(seen[1]).toEqual(['a', { revision: 2 }])
  await worker.stop()
})
