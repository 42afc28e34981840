import { expect, it } from 'vitest'
import { createRecentKinds } from '../../src/app/recent-kinds.ts'
import { createTestClock } from '../support/clock.ts'

it('a kind counts until its commit is sure to be over, and again when it is kept anew', async () => {
  const clock = createTestClock()
  const kinds = createRecentKinds(clock)
  expect(kinds.recent()).toEqual([])
  kinds.kept('provision')
  await clock.advance(600)
  kinds.kept('announce')
  expect(kinds.recent()).toEqual(['provision', 'announce'])
  await clock.advance(600)
  expect(kinds.recent()).toEqual(['announce'])
  await clock.advance(600)
  expect(kinds.recent()).toEqual([])
  kinds.kept('announce')
  expect(kinds.recent()).toEqual(['announce'])
})
