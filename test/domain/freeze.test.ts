import { describe, expect, it } from 'vitest'
import { decideFreeze, decideLift, type FreezeDecision, underFreeze } from '../../src/domain/decide-freeze.ts'
import { HOUR } from '../../src/domain/duration.ts'
import { EVERYWHERE, type FreezeEvent } from '../../src/domain/freeze-event.ts'
import { evolveFreeze, type FreezeState, foldFreeze } from '../../src/domain/freeze-state.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { stewardsOf } from '../../src/domain/stewards.ts'
import { testPolicy, testTarget } from '../support/policy.ts'

const NOW = 1_800_000_000_000
const policy = testPolicy({
  mayFreeze: ['dirk'],
  targets: { 'prod-db': testTarget({ channel: 'finance' }), reports: testTarget({ name: 'reports', owners: ['bo'] }) },
})
const as = (by: string, now = NOW, rules = policy) => ({ by, assurance: 'click-only', policy: rules, now }) as const
const none = (target: string) => foldFreeze(target, [])

function apply(state: FreezeState, decision: FreezeDecision, at = NOW): FreezeState {
  if ('refused' in decision) throw new Error(decision.refused.code)
  return decision.reduce(
    (now: FreezeState, fact: FreezeEvent) => evolveFreeze(now, { ...fact, seq: now.seq + 1, at }),
    state,
  )
}
const codeOf = (decision: FreezeDecision) => ('refused' in decision ? decision.refused.code : 'accepted')
const frozen = (target = 'prod-db') => apply(none(target), decideFreeze(none(target), as('olga'), ' intruder '))

describe('freezing', () => {
  it.each([
    ['an owner', 'olga', 'accepted'],
    ['compliance', 'carla', 'accepted'],
    ['whom the policy names', 'dirk', 'accepted'],
    ['the owner of another target', 'bo', 'may-not-freeze'],
    ['an engineer', 'ana', 'may-not-freeze'],
  ])('a target: %s', (_who, by, code) => {
    expect(codeOf(decideFreeze(none('prod-db'), as(by), ''))).toBe(code)
  })

  it('everything is for the owners of any target too, and is said in every channel', () => {
    const state = apply(none(EVERYWHERE), decideFreeze(none(EVERYWHERE), as('bo'), ''))
    expect(state.freeze?.announcedIn.map(({ channel }) => channel)).toEqual(['access', 'finance'])
    expect(codeOf(decideFreeze(none(EVERYWHERE), as('ana'), ''))).toBe('may-not-freeze')
  })

  it('again says who did it', () => {
    expect(decideFreeze(frozen(), as('carla'), 'me too')).toEqual({
      refused: { code: 'already-frozen', target: 'prod-db', by: 'olga', at: NOW, why: 'intruder' },
    })
  })

  it('is not for who left', () => {
    const left = testPolicy({
      people: policy.people.map((one) => (one.id === 'olga' ? { ...one, status: 'left' } : one)),
    })
    expect(codeOf(decideFreeze(none('prod-db'), as('olga', NOW, left), ''))).toBe('may-not-freeze')
  })
})

describe('lifting a freeze', () => {
  it('takes two distinct stewards; the freezer may be one, twice they are still one', () => {
    const once = apply(frozen(), decideLift(frozen(), as('olga')))
    expect(once.freeze?.lift).toMatchObject({ by: 'olga', signers: [{ id: 'carla' }, { id: 'dirk' }] })
    expect(decideLift(once, as('olga'))).toEqual({ refused: { code: 'second-person-needed', may: ['carla', 'dirk'] } })
    expect(codeOf(decideLift(once, as('ana')))).toBe('may-not-freeze')
    expect(apply(once, decideLift(once, as('carla'))).freeze).toBeNull()
  })

  it('counts the first signature by the policy of now, and only as long as a request may wait', () => {
    const once = apply(frozen(), decideLift(frozen(), as('dirk')))
    const without = { ...policy, mayFreeze: [] }
    expect(decideLift(once, as('carla', NOW, without))).toMatchObject([{ type: 'freeze.lift-asked' }])
    expect(decideLift(once, as('carla', NOW + 8 * HOUR))).toMatchObject([{ type: 'freeze.lift-asked' }])
    expect(decideLift(once, as('carla', NOW + 8 * HOUR - 1))).toMatchObject([{ type: 'freeze.lifted' }])
  })

  it('a signature does not carry over to the next freeze', () => {
    const asked = apply(frozen(), decideLift(frozen(), as('olga')))
    const lifted = apply(asked, decideLift(asked, as('carla')))
    expect(codeOf(decideLift(lifted, as('carla')))).toBe('not-frozen')
    expect(apply(lifted, decideFreeze(lifted, as('dirk'), '')).freeze?.lift).toBeNull()
  })

  it('says that nobody else is there, and names nobody', () => {
    const alone = testPolicy({ compliance: [], targets: { 'prod-db': testTarget() } })
    expect(stewardsOf(alone, 'prod-db').map(({ id }) => id)).toEqual(['olga'])
    expect(decideLift(frozen(), as('olga', NOW, alone))).toEqual({ refused: { code: 'second-person-needed', may: [] } })
  })
})

describe('under a freeze', () => {
  const asks: GrantEvent[] = [
    { type: 'request.signed', data: { by: 'olga', as: ['owner'], policy: '', assurance: 'click-only' } },
  ]
  const ends: GrantEvent[] = [{ type: 'grant.ending', data: { cause: 'done', by: 'ana', due: NOW } }]

  it('what leads to access is refused, with who froze it, when, why and who lifts it', () => {
    expect(underFreeze(asks, frozen().freeze, policy)).toEqual({
      refused: {
        code: 'frozen',
        target: 'prod-db',
        by: 'olga',
        at: NOW,
        why: 'intruder',
        may: ['carla', 'dirk', 'olga'],
      },
    })
    expect(underFreeze(asks, null, policy)).toBe(asks)
  })

  it('endings go on, and another refusal comes first', () => {
    expect(underFreeze(ends, frozen().freeze, policy)).toBe(ends)
    const late = { refused: { code: 'own-request' } } as const
    expect(underFreeze(late, frozen().freeze, policy)).toBe(late)
  })
})
