import { describe, expect, it } from 'vitest'
import { concludeOrder } from '../../src/domain/conclude-order.ts'
import { HOUR, SECOND } from '../../src/domain/duration.ts'
import { type OrderEvent, orderStream } from '../../src/domain/order-event.ts'

const AT = Date.UTC(2026, 10, 21, 14)
const ID = 'R-7K3QF0'

type Changes = Partial<Extract<OrderEvent, { type: 'order.proposed' }>['data']>
const proposed = (changes: Changes = {}): OrderEvent => ({
  type: 'order.proposed',
  data: {
    ...{ by: 'marcus', as: ['manager'], subject: { kind: 'person', id: 'ana' }, reason: 'laptop stolen' },
    ...{ pendingUntil: AT + HOUR, requests: 1, grants: 1, held: ['prod-db'], signers: [], channel: 'access' },
    ...{ policy: 'p', assurance: 'click-only', ...changes },
  },
})
const confirmed = (by = 'olga', as = ['owner']): OrderEvent => ({
  type: 'order.confirmed',
  data: { by, as, policy: 'p', assurance: 'click-only' },
})
const declined = (by: string): OrderEvent => ({
  type: 'order.declined',
  data: { by, policy: 'p', assurance: 'click-only' },
})
const reached: OrderEvent = { type: 'order.reached', data: { grants: ['G-000001', 'G-000002'] } }
const done = (stuck: string[] = [], cancelled = ['G-000002']): OrderEvent => ({
  type: 'order.carried-out',
  data: { ended: ['G-000001'], cancelled, stuck },
})
const expired: OrderEvent = { type: 'order.expired', data: { pendingUntil: AT + HOUR } }

function conclude(events: readonly OrderEvent[], at = (n: number) => AT + n * SECOND) {
  const facts = events.map(({ type, data }, n) => ({
    ...{ stream: orderStream(ID), seq: n + 1, type, leafIndex: n, data: { ...data }, texts: {} },
    at: at(n),
  }))
  return concludeOrder(facts, new Map())
}

describe('an order', () => {
  it.each<[string, string, OrderEvent[]]>([
    ['signed by two persons, carried out: 1 ended, 1 taken back', 'shown', [proposed(), confirmed(), reached, done()]],
    ['not confirmed yet, to be by 2026-11-21T15:00:00.000Z', 'open', [proposed()]],
    ['declined by olga, nothing ended', 'shown', [proposed(), declined('olga')]],
    ['taken back by marcus, nothing ended', 'shown', [proposed(), declined('marcus')]],
    ['never confirmed, nothing ended', 'shown', [proposed(), expired]],
    ['signed by two persons, being carried out', 'open', [proposed(), confirmed(), reached]],
    [
      'signed by two persons, 1 NOT proved to be gone',
      'broken',
      [proposed(), confirmed(), reached, done(['G-000002'], [])],
    ],
    [
      'signed by two persons, carried out, and nothing is said of 1',
      'broken',
      [proposed(), confirmed(), reached, done([], [])],
    ],
    [
      'carried out, and NOT signed by a second person, carried out: 1 ended, 1 taken back',
      'broken',
      [proposed(), reached, done()],
    ],
    [
      'carried out, and NOT signed by a second person, being carried out',
      'broken',
      [proposed(), declined('olga'), reached],
    ],
    ['NOT signed by two persons in time, being carried out', 'broken', [proposed(), confirmed('marcus')]],
    ['NOT signed by two persons in time, being carried out', 'broken', [proposed(), confirmed('ana')]],
    ['NOT signed by two persons in time, being carried out', 'broken', [proposed(), confirmed('olga', [])]],
    ['NOT signed by two persons in time, being carried out', 'broken', [proposed({ by: 'ana' }), confirmed()]],
  ])('%s (%s)', (line, standing, events) => {
    expect(conclude(events)).toMatchObject({ about: ID, line, standing })
  })

  it('that was confirmed too late is not called signed', () => {
    expect(conclude([proposed(), confirmed()], (n) => AT + n * HOUR)).toMatchObject({ standing: 'broken' })
  })

  it('says every check, those that passed too, and what it does not prove', () => {
    const { parts = [], notProved = [] } = conclude([proposed(), confirmed(), reached, done()]) ?? {}
    const values = parts.flatMap(({ facts }) => facts.map(({ label, value }) => `${label}: ${value}`))
    expect(values).toContain('Checked: by distinct persons: yes')
    expect(values).toContain('Why: laptop stolen')
    expect(values).toContain('Ended, and seen to be gone: G-000001')
    expect(notProved[0]).toContain('when and how each access was gone')
  })

  it('concludes nothing of what does not begin as an order, or has another form', () => {
    expect(conclude([confirmed()])).toBeNull()
    expect(conclude([{ type: 'order.proposed', data: {} } as unknown as OrderEvent])).toBeNull()
  })
})
