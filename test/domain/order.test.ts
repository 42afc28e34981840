import { describe, expect, it } from 'vitest'
import { decideConfirmation, decideDecline, decideOrderDue, decideProposal } from '../../src/domain/decide-order.ts'
import { HOUR } from '../../src/domain/duration.ts'
import { findSubject } from '../../src/domain/find-subject.ts'
import type { OrderEvent } from '../../src/domain/order-event.ts'
import { readOrderId } from '../../src/domain/order-event.ts'
import { foldOrder, type OrderState } from '../../src/domain/order-state.ts'
import type { Refused } from '../../src/domain/refusal.ts'
import type { Subject } from '../../src/domain/stewards.ts'
import { testPolicy } from '../support/policy.ts'

const NOW = 1_800_000_000_000
const policy = testPolicy()
const ANA: Subject = { kind: 'person', id: 'ana' }
const OPEN = { requests: 1, grants: 2, targets: ['prod-db'] }
const as = (by: string, now = NOW, rules = policy) => ({ by, assurance: 'click-only', policy: rules, now }) as const
const codeOf = (decision: OrderEvent[] | Refused) => ('refused' in decision ? decision.refused.code : 'accepted')
const propose = (by: string, subject = ANA, reason = 'laptop stolen') => decideProposal(subject, reason, OPEN, as(by))

function pending(by = 'olga'): OrderState {
  const facts = propose(by)
  if ('refused' in facts) throw new Error(facts.refused.code)
  const state = foldOrder(
    'R-000000',
    facts.map((fact, n) => ({ ...fact, seq: n + 1, at: NOW })),
  )
  if (state === null) throw new Error('nothing')
  return state
}
const then = (state: OrderState, ...facts: OrderEvent[]): OrderState => {
  const events = [...proposedEvents(), ...facts].map((fact, n) => ({ ...fact, seq: n + 1, at: NOW }))
  return foldOrder(state.id, events) ?? state
}
const proposedEvents = (): OrderEvent[] => {
  const facts = propose('olga')
  return 'refused' in facts ? [] : facts
}

describe('proposing to revoke everything', () => {
  it.each([
    ['the manager', 'marcus', 'accepted'],
    ['an owner of a target where they have something', 'olga', 'accepted'],
    ['compliance', 'carla', 'accepted'],
    ['a colleague', 'bo', 'may-not-order'],
    ['the person', 'ana', 'order-on-you'],
  ])('of a person: %s', (_who, by, code) => {
    expect(codeOf(propose(by))).toBe(code)
  })

  it('of a target: its stewards, and nobody as a manager', () => {
    const target: Subject = { kind: 'target', id: 'prod-db' }
    expect(codeOf(propose('olga', target))).toBe('accepted')
    expect(codeOf(propose('marcus', target))).toBe('may-not-order')
  })

  it('does not ask the person whom it is about, though they are an owner', () => {
    const facts = decideProposal({ kind: 'person', id: 'olga' }, 'why not', OPEN, as('carla'))
    expect(codeOf(facts)).toBe('second-person-needed')
  })

  it('needs a reason, something to end, and somebody else who could confirm', () => {
    expect(codeOf(propose('olga', ANA, ' '))).toBe('reason-too-short')
    expect(codeOf(decideProposal(ANA, 'why not', { requests: 0, grants: 0, targets: [] }, as('carla')))).toBe(
      'nothing-open',
    )
    const alone = testPolicy({ people: policy.people.filter(({ id }) => ['ana', 'olga'].includes(id)) })
    expect(codeOf(decideProposal(ANA, 'why not', OPEN, as('olga', NOW, alone)))).toBe('second-person-needed')
  })
})

describe('the second person', () => {
  it('is never the first, nor the person whom it is about', () => {
    expect(decideConfirmation(pending(), as('olga'))).toEqual({
      refused: { code: 'second-person-needed', may: ['carla', 'marcus'] },
    })
    expect(codeOf(decideConfirmation(pending(), as('ana')))).toBe('order-on-you')
    expect(codeOf(decideConfirmation(pending(), as('bo')))).toBe('may-not-order')
    expect(codeOf(decideConfirmation(pending(), as('carla')))).toBe('accepted')
  })

  it('does not confirm what the first may not order any more', () => {
    const gone = {
      ...policy,
      people: policy.people.map((one) => (one.id === 'olga' ? { ...one, status: 'left' as const } : one)),
    }
    expect(codeOf(decideConfirmation(pending(), as('carla', NOW, gone)))).toBe('first-signer-gone')
  })

  it('who comes late is told who decided', () => {
    const confirmed = then(pending(), {
      type: 'order.confirmed',
      data: { by: 'carla', as: [], policy: '', assurance: 'click-only' },
    })
    expect(decideConfirmation(confirmed, as('marcus'))).toEqual({
      refused: { code: 'already-decided', outcome: 'confirmed', by: ['carla'], at: NOW },
    })
    expect(codeOf(decideDecline(confirmed, as('olga')))).toBe('already-decided')
  })

  it('has as long as for a request', () => {
    expect(decideOrderDue(pending(), NOW + 8 * HOUR - 1)).toEqual([])
    expect(decideOrderDue(pending(), NOW + 8 * HOUR)).toMatchObject([{ type: 'order.expired' }])
    expect(decideConfirmation(pending(), as('carla', NOW + 8 * HOUR))).toMatchObject({
      refused: { code: 'already-decided', outcome: 'expired' },
    })
  })

  it('the first takes it back, another declines', () => {
    expect(codeOf(decideDecline(pending(), as('olga')))).toBe('accepted')
    expect(codeOf(decideDecline(pending(), as('marcus')))).toBe('accepted')
    expect(codeOf(decideDecline(pending(), as('bo')))).toBe('may-not-order')
  })
})

describe('naming whom', () => {
  const slack = { platform: 'slack', tenant: 'T1' }
  const people = policy.people.map((one) =>
    one.id === 'ana' ? { ...one, name: 'Ana Ruiz', accounts: [{ ...slack, id: 'U0ANA' }] } : one,
  )
  const find = (said: string, place = slack) => findSubject({ ...policy, people }, said, place, ['old-db'])

  it.each(['@ana', '@ANA', '@U0ANA', '<@U0ANA>', '<@U0ANA|somebody>', '@Ana.Ruiz', '@ana_ruiz'])(
    '%s is Ana',
    (said) => {
      expect(find(said)).toEqual(ANA)
    },
  )

  it('an account counts in its own workspace alone, a target needs no @ and may have left the policy', () => {
    expect(find('@U0ANA', { platform: 'slack', tenant: 'T2' })).toMatchObject({ refused: { code: 'unknown-subject' } })
    expect(find('prod-db')).toEqual({ kind: 'target', id: 'prod-db' })
    expect(find('old-db')).toEqual({ kind: 'target', id: 'old-db' })
    expect(find('ana')).toMatchObject({ refused: { code: 'unknown-subject', known: ['old-db', 'prod-db'] } })
  })

  it('two of a name are not guessed', () => {
    const twins = people.map((one) => (one.id === 'bo' ? { ...one, name: 'Ana Ruiz' } : one))
    expect(findSubject({ ...policy, people: twins }, '@ana.ruiz', slack, [])).toMatchObject({
      refused: { code: 'ambiguous-person', ids: ['ana', 'bo'] },
    })
  })

  it('an id is read as people write it, and only with its R', () => {
    expect(readOrderId(' r-7k3qfo ')).toBe('R-7K3QF0')
    expect(readOrderId('7K3QF0')).toBeNull()
    expect(readOrderId('G-7K3QF0')).toBeNull()
  })
})
