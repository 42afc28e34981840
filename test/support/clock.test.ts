import { expect, test } from 'vitest'
import { createTestClock } from './clock.ts'

test('due tasks run in the order of their times, each at its own time', async () => {
  const clock = createTestClock(1_000)
  const seen: [string, number][] = []
  const note = (name: string) => () => void seen.push([name, clock.now()])
  clock.runAt(1_300, note('late'))
  clock.runAt(1_100, note('early'))
  clock.runAt(1_100, note('early too'))
  clock.runAt(1_500, note('never'))
  await clock.advance(400)
  expect(seen).toEqual([
    ['early', 1_100],
    ['early too', 1_100],
    ['late', 1_300],
  ])
  expect([clock.now(), clock.waiting()]).toEqual([1_400, [1_500]])
})

test('a task may plan the next one, which runs in the same move', async () => {
  const clock = createTestClock(0)
  const seen: number[] = []
  const tick = async () => {
    await Promise.resolve()
    seen.push(clock.now())
    clock.runAt(clock.now() + 10, () => void tick())
  }
  clock.runAt(10, () => void tick())
  await clock.set(35)
  expect(seen).toEqual([10, 20, 30])
})

test('a task that is due already runs by itself, and a cancelled one never', async () => {
  const clock = createTestClock(50)
  const seen: string[] = []
  clock.runAt(10, () => void seen.push('due'))
  const cancel = clock.runAt(60, () => void seen.push('cancelled'))
  cancel()
  cancel()
  await clock.settle()
  await clock.advance(100)
  expect(seen).toEqual(['due'])
})

test('it does not go back', async () => {
  await expect(createTestClock(50).set(49)).rejects.toThrow('does not go back')
})
