import { announceFreezes } from '../../src/cards/freeze-announcements.ts'
import { announceOrder } from '../../src/cards/order-announcements.ts'
import type { FreezeEvent } from '../../src/domain/freeze-event.ts'
import type { OrderEvent } from '../../src/domain/order-event.ts'
import type { Card, Line } from '../../src/ports/chat.ts'
import { testPolicy } from '../support/policy.ts'

/** The cards of a freeze and of an order, in the states that people see, as the record makes them. */
export function emergencyCards(at: number): Card[] {
  const policy = testPolicy()
  const names = (id: string) => policy.people.find((one) => one.id === id)?.name ?? id
  const signed = { policy: policy.hash, assurance: 'click-only' } as const
  const set: FreezeEvent = {
    type: 'freeze.set',
    data: { by: 'olga', as: ['owner'], reason: 'odd <logins> & *more* @here', channels: ['access'], ...signed },
  }
  const asked: FreezeEvent = {
    type: 'freeze.lift-asked',
    data: {
      by: 'olga',
      as: ['owner'],
      signers: [{ id: 'carla', as: ['compliance'] }],
      askedUntil: at + 1_000,
      ...signed,
    },
  }
  const lifted: FreezeEvent = { type: 'freeze.lifted', data: { by: ['olga', 'carla'], ...signed } }
  const proposed: OrderEvent = {
    type: 'order.proposed',
    data: {
      ...{ by: 'olga', as: ['owner'], subject: { kind: 'person', id: 'ana' }, reason: 'laptop <stolen> INC-42' },
      ...{ channel: 'access', pendingUntil: at + 1_000, requests: 1, grants: 2, held: ['prod-db'], ...signed },
      signers: [
        { id: 'carla', as: ['compliance'] },
        { id: 'marcus', as: ['manager'] },
      ],
    },
  }
  const confirmed: OrderEvent = { type: 'order.confirmed', data: { by: 'carla', as: ['compliance'], ...signed } }
  const outcome: OrderEvent = {
    type: 'order.carried-out',
    data: { ended: ['G-000001'], cancelled: ['G-000003'], stuck: ['G-000002'] },
  }
  const place = <E>(facts: readonly E[]) => facts.map((fact, index) => ({ ...fact, seq: index + 1, at }))
  const context = { names, titleOf: () => 'Engineer', target: () => null, escalateTo: [] }
  return [
    ...[[set], [set, asked], [set, asked, lifted]].map((facts) =>
      firstCard(announceFreezes('prod-db', place(facts), policy, names)),
    ),
    ...[[proposed], [proposed, confirmed], [proposed, confirmed, outcome]].map((facts) =>
      firstCard(announceOrder('R-7K3QF0', place(facts), context)),
    ),
  ]
}

function firstCard(wanted: readonly { readonly message: Card | Line }[]): Card {
  const message = wanted[0]?.message
  if (message === undefined || !('title' in message)) throw new Error('the first announcement is a card')
  return message
}
