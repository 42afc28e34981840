import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createThrottle } from '../../src/app/throttle.ts'
import { until } from '../support/effects.ts'

it('a single call is made at once, and a stream of them seldom, with one for the last', async () => {
  let calls = 0
  const call = createThrottle(() => {
    calls += 1
  })
  call()
  expect(calls).toBe(1)
  for (let n = 0; n < 100; n++) call()
  expect(calls).toBe(1)
  await until(() => calls === 2)
  await sleep(120)
  expect(calls).toBe(2)
})
