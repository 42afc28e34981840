import { expect, test } from 'vitest'
import { createWaker } from '../../src/effects/wake.ts'
import { createTestClock } from '../support/clock.ts'

const START = Date.UTC(2026, 10, 23, 9)

function setUp(...dues: number[]) {
  const clock = createTestClock(START)
  const runs: number[] = []
  const errors: unknown[] = []
  const moments = new Set(dues.map((ms) => START + ms))
  let looks = 0
  const waker = createWaker({
    clock,
    nextDue: async () => {
      looks++
      return moments.size === 0 ? null : Math.min(...moments)
    },
    run: async (now) => {
      runs.push(now - START)
      for (const moment of moments) if (moment <= now) moments.delete(moment)
    },
    onError: (error) => void errors.push(error),
  })
  return { clock, waker, runs, errors, moments, looks: () => looks }
}

test('it runs what is due at its moment, and what was due before at once', async () => {
  const { clock, waker, runs } = setUp(-5_000, 1_500, 90_000)
  waker.poke()
  await clock.settle()
  expect(runs).toEqual([0])
  await clock.advance(1_499)
  expect(runs).toEqual([0])
  await clock.advance(1)
  expect(runs).toEqual([0, 1_500])
  await clock.advance(200_000)
  expect(runs).toEqual([0, 1_500, 90_000])
  await waker.stop()
})

test('it sleeps no longer than a second, with nothing or something far away to wait for', async () => {
  const { clock, waker, looks, moments } = setUp()
  waker.poke()
  await clock.settle()
  expect(clock.waiting()).toEqual([START + 1_000])
  moments.add(START + 40 * 24 * 3_600_000)
  await clock.advance(1_000)
  expect(clock.waiting()).toEqual([START + 2_000])
  expect(looks()).toBe(2)
  await waker.stop()
})

test('poked, it finds what came earlier than what it sleeps for', async () => {
  const { clock, waker, runs, moments } = setUp(30_000)
  waker.poke()
  await clock.settle()
  moments.add(START + 2_000)
  waker.poke()
  await clock.advance(2_000)
  expect(runs).toEqual([2_000])
  expect(clock.waiting()).toEqual([START + 2_020])
  await waker.stop()
})

test('runs never overlap, and a poke during one is not lost', async () => {
  const clock = createTestClock(START)
  const finish = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let running = 0
  let most = 0
  let runs = 0
  let due: number | null = START
  const waker = createWaker({
    clock,
    nextDue: async () => due,
    run: async () => {
      most = Math.max(most, ++running)
      due = null
      await finish[runs++]?.promise
      running--
    },
    onError: () => undefined,
  })
  waker.poke()
  await clock.settle()
  due = START
  waker.poke()
  waker.poke()
  await clock.advance(120_000)
  expect([runs, most]).toEqual([1, 1])
  finish[0]?.resolve()
  await clock.settle()
  expect([runs, most]).toEqual([2, 1])
  finish[1]?.resolve()
  await waker.stop()
})

test('a failure is reported and tried again, later each time', async () => {
  const clock = createTestClock(START)
  const tries: number[] = []
  const errors: string[] = []
  const waker = createWaker({
    clock,
    nextDue: async () => {
      tries.push(clock.now() - START)
      if (tries.length < 5) throw new Error('no database')
      return null
    },
    run: async () => undefined,
    onError: (error) => void errors.push(String(error)),
  })
  waker.poke()
  await clock.advance(4_000)
  expect(tries).toEqual([0, 250, 750, 1_750, 3_750])
  expect(errors).toHaveLength(4)
  expect(clock.waiting()).toEqual([START + 4_750])
  await waker.stop()
})

test('what stays due does not make it spin', async () => {
  const clock = createTestClock(START)
  let runs = 0
  const waker = createWaker({
    clock,
    nextDue: async () => START,
    run: async () => void runs++,
    onError: () => undefined,
  })
  waker.poke()
  await clock.advance(1_000)
  expect(runs).toBeLessThanOrEqual(51)
  await waker.stop()
})

test('stopping waits for the run at hand; then nothing wakes any more', async () => {
  const clock = createTestClock(START)
  const finish = Promise.withResolvers<void>()
  let ended = false
  const waker = createWaker({
    clock,
    nextDue: async () => START,
    run: async () => {
      await finish.promise
      ended = true
    },
    onError: () => undefined,
  })
  waker.poke()
  await clock.settle()
  const stops = [waker.stop(), waker.stop()]
  finish.resolve()
  await Promise.all(stops)
  expect(ended).toBe(true)
  waker.poke()
  expect(clock.waiting()).toEqual([])
})
