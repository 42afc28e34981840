import { expect, test } from 'vitest'
import { createRound } from '../../src/schedule/round.ts'
import { createTestClock } from '../support/clock.ts'

const EVERY = 60_000

test('it runs at the start and then again and again, whatever goes wrong in it', async () => {
  const clock = createTestClock()
  const faults: unknown[] = []
  let runs = 0
  const round = createRound({
    ...{ clock, everyMs: EVERY, onFault: (error: unknown) => faults.push(error) },
    run: async () => {
      runs += 1
      if (runs === 2) throw new Error('not today')
    },
  })
  round.start()
  await clock.settle()
  expect(runs).toBe(1)
  await clock.advance(3 * EVERY)
  expect(runs).toBe(4)
  expect(faults).toHaveLength(1)
  await round.stop()
  await clock.advance(3 * EVERY)
  expect(runs).toBe(4)
})

test('a run that takes long is waited for, and asked for at once it runs once more after it', async () => {
  const clock = createTestClock()
  const gates: (() => void)[] = []
  let runs = 0
  const round = createRound({
    ...{ clock, everyMs: EVERY, onFault: () => undefined },
    run: () => {
      runs += 1
      return new Promise<void>((resolve) => gates.push(resolve))
    },
  })
  round.start()
  await clock.advance(5 * EVERY)
  expect(runs).toBe(1)
  const asked = round.now()
  gates.shift()?.()
  await clock.settle()
  expect(runs).toBe(2)
  gates.shift()?.()
  await asked
  await round.stop()
})
