import { describe, expect, it } from 'vitest'
import { concludeFreezes } from '../../src/domain/conclude-freezes.ts'
import { MINUTE } from '../../src/domain/duration.ts'
import type { FreezeEvent } from '../../src/domain/freeze-event.ts'

const AT = Date.UTC(2026, 10, 21, 14)
const rest = { policy: 'p', assurance: 'click-only' } as const
const set: FreezeEvent = {
  type: 'freeze.set',
  data: { by: 'olga', as: ['owner'], reason: 'odd logins', channels: ['access'], ...rest },
}
const asked: FreezeEvent = {
  type: 'freeze.lift-asked',
  data: { by: 'olga', as: ['owner'], signers: [], askedUntil: AT + 10 * MINUTE, ...rest },
}
const lifted = (...by: readonly [string, string]): FreezeEvent => ({ type: 'freeze.lifted', data: { by, ...rest } })
const two = lifted('olga', 'carla')
const ALONE = 'NOT lifted by two persons'

function conclude(events: readonly FreezeEvent[], target = 'prod-db', every = MINUTE) {
  const facts = events.map(({ type, data }, n) => ({
    ...{ stream: `freeze:${target}`, seq: n + 1, type, leafIndex: n, data: { ...data }, texts: {} },
    at: AT + n * every,
  }))
  return concludeFreezes(facts, new Map())
}

describe('the freezes of a target', () => {
  it.each<[string, string, FreezeEvent[]]>([
    ['frozen once, frozen since 2026-11-21T14:00:00.000Z, not lifted', 'open', [set]],
    ['frozen once, frozen since 2026-11-21T14:00:00.000Z, not lifted', 'open', [set, asked]],
    ['frozen once, lifted by two persons', 'shown', [set, asked, two]],
    ['frozen 2 times, the last time, lifted by two persons', 'shown', [set, asked, two, set, asked, two]],
    [`frozen once, ${ALONE}`, 'broken', [set, two]],
    [`frozen once, ${ALONE}`, 'broken', [set, asked, lifted('olga', 'olga')]],
    [`frozen once, ${ALONE}`, 'broken', [set, asked, lifted('dirk', 'carla')]],
    [
      'frozen 2 times, the last time, lifted by two persons, 1 of those before NOT lifted by two persons',
      'broken',
      [set, two, set, asked, two],
    ],
    // A signature for the freeze before is none for this one.
    [`frozen 2 times, the last time, ${ALONE}`, 'broken', [set, asked, two, set, two]],
  ])('%s (%s)', (line, standing, events) => {
    expect(conclude(events)).toMatchObject({ about: 'freeze:prod-db', line, standing })
  })

  it('lifted on a signature that was good no more is not lifted by two', () => {
    expect(conclude([set, asked, two], 'prod-db', 6 * MINUTE)?.line).toContain(ALONE)
  })

  it('says when it was everything, and nothing of what does not begin with a freeze', () => {
    expect(conclude([set], '*')?.line).toContain('everything frozen once')
    expect(conclude([two])).toBeNull()
  })
})
