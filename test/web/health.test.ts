import { afterEach, expect, test } from 'vitest'
import { createHealth, type HealthCheck } from '../../src/web/health.ts'
import { listen } from '../support/listen.ts'

let close: () => Promise<void> = async () => undefined
afterEach(() => close())

async function ask(path: string, ...checks: HealthCheck[]) {
  const server = await listen(createHealth(checks))
  close = server.close
  const response = await fetch(server.url + path)
  return { status: response.status, body: await response.json() }
}

const check = (name: string, state: 'ok' | 'degraded' | 'failed', decisive = false): HealthCheck => ({
  name,
  decisive,
  look: async () => ({ state, detail: `${name} is ${state}` }),
})

test('it is ready when all is well', async () => {
  expect(await ask('/readyz', check('database', 'ok', true), check('witness', 'ok'))).toEqual({
    status: 200,
    body: {
      status: 'ready',
      checks: [
        { name: 'database', state: 'ok', detail: 'database is ok' },
        { name: 'witness', state: 'ok', detail: 'witness is ok' },
      ],
    },
  })
})

test('without its database it is unavailable', async () => {
  expect(await ask('/readyz', check('database', 'failed', true), check('witness', 'ok'))).toMatchObject({
    status: 503,
    body: { status: 'unavailable' },
  })
})

test('anything else that is wrong is told, and leaves it in service', async () => {
  for (const wrong of [check('witness', 'failed'), check('roles', 'degraded'), check('database', 'degraded', true)]) {
    expect(await ask('/readyz', check('schema', 'ok', true), wrong)).toMatchObject({
      status: 200,
      body: { status: 'degraded' },
    })
    await close()
  }
})

test('a check that hangs fails after its budget, and the others are told', async () => {
  const hanging: HealthCheck = {
    name: 'target',
    decisive: false,
    budgetMs: 20,
    look: () => new Promise(() => undefined),
  }
  expect(await ask('/readyz', check('database', 'ok', true), hanging)).toMatchObject({
    status: 200,
    body: { status: 'degraded', checks: [{ state: 'ok' }, { state: 'failed', detail: 'no answer within 20 ms' }] },
  })
})

test('a check that throws fails with its code, not with its words', async () => {
  const look = () => Promise.reject(Object.assign(new Error('password of db-7 is wrong'), { code: '28P01' }))
  const answer = await ask('/readyz', { name: 'database', decisive: true, look })
  expect(answer).toMatchObject({ status: 503, body: { checks: [{ state: 'failed', detail: '28P01' }] } })
  expect(JSON.stringify(answer)).not.toContain('db-7')
})

test('however many ask at once, each check looks once', async () => {
  let looks = 0
  const answer = Promise.withResolvers<void>()
  const server = await listen(
    createHealth([
      {
        name: 'database',
        decisive: true,
        look: async () => {
          looks++
          await answer.promise
          return { state: 'ok', detail: '' }
        },
      },
    ]),
  )
  close = server.close
  const asked = Array.from({ length: 10 }, () => fetch(`${server.url}/readyz`))
  while (looks === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => setTimeout(resolve, 50))
  answer.resolve()
  for (const response of await Promise.all(asked)) expect(response.status).toBe(200)
  expect(looks).toBe(1)
})

test('the process is up whatever the checks say', async () => {
  expect(await ask('/healthz', check('database', 'failed', true))).toEqual({ status: 200, body: { status: 'up' } })
})
