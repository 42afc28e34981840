import type { Placed } from '../domain/grant-event.ts'
import { type OrderEvent, orderStream } from '../domain/order-event.ts'
import { foldOrder } from '../domain/order-state.ts'
import type { Line } from '../ports/chat.ts'
import { type Announcement, inEveryChannel, type Told } from './announcement.ts'
import type { CardContext } from './grant-card.ts'
import { orderCard } from './order-card.ts'
import { anyOf, code, joined, line, type Names, person, strong } from './text.ts'
import { triedLine } from './tried-line.ts'

/** Everything that people should see of one order, from its events alone. */
export function announceOrder(id: string, events: readonly Placed<OrderEvent>[], context: CardContext): Announcement[] {
  const state = foldOrder(id, events)
  if (state === null) return []
  const stream = orderStream(id)
  const priority = state.status === 'pending' ? 0 : 3
  const lines = events.flatMap((event) => {
    const message = orderLine(event, context.names)
    return message === null ? [] : [{ event, message }]
  })
  const toProposer = lines.filter(({ event }) => FOR_THE_PROPOSER.includes(event.type))
  const told: Told[] = [
    {
      key: `${stream}:card`,
      to: { kind: 'card' },
      message: orderCard(state, 'channel', context),
      priority,
    },
    ...state.signers.map(
      ({ id: identity }): Told => ({
        key: `${stream}:signer:${identity}`,
        to: { kind: 'person', identity },
        message: orderCard(state, 'signer', context),
        priority,
      }),
    ),
    ...lines.map(
      ({ event, message }): Told => ({
        key: `${stream}:line:${event.seq}`,
        to: { kind: 'thread' },
        message,
        priority: 3,
      }),
    ),
    ...toProposer.map(
      ({ event, message }): Told => ({
        key: `${stream}:proposer:${event.seq}`,
        to: { kind: 'person', identity: state.by },
        message: { ...message, text: [code(id), { kind: 'text', text: ': ' }, ...message.text] },
        priority: 1,
      }),
    ),
  ]
  return inEveryChannel(told, { stream, announcedIn: state.announcedIn })
}

const FOR_THE_PROPOSER: readonly OrderEvent['type'][] = [
  'order.confirmed',
  'order.declined',
  'order.expired',
  'order.carried-out',
]

/** What an event says in the thread of its card; null for what the thread need not repeat. */
export function orderLine(event: Placed<OrderEvent>, names: Names): Line | null {
  switch (event.type) {
    case 'order.proposed':
      return line(
        ...(['waiting', person(event.data.by, names), ' proposed it. A second person must confirm: '] as const),
        ...anyOf(event.data.signers, names),
        '.',
      )
    case 'order.confirmed':
      return line('active', person(event.data.by, names), ' ', strong('confirmed'), ' it. Ending it all.')
    case 'order.declined':
      return line('refused', person(event.data.by, names), ' declined it. Nothing was ended.')
    case 'order.expired':
      return line('info', 'Nobody confirmed in time: it has expired. Nothing was ended.')
    case 'order.reached':
      return line('waiting', `Ending ${event.data.grants.length}: `, ...shown(event.data.grants), '.')
    case 'order.carried-out': {
      const { ended, cancelled, stuck } = event.data
      const words = `${ended.length} ended and seen gone, ${stuck.length} stuck`
      const back = cancelled.length === 0 ? '.' : `, and ${cancelled.length} taken back before anything was given.`
      if (stuck.length === 0) return line('done', strong(words), back)
      return line('alarm', strong(words), back, ' Stuck: ', ...shown(stuck), '. I go on trying.')
    }
    case 'act.refused':
      return triedLine(event.data, names)
    case 'closed':
      return null
    default:
      return event satisfies never
  }
}

const MOST_SHOWN = 20

function shown(ids: readonly string[]) {
  const more = ids.length - MOST_SHOWN
  return [...joined(ids.slice(0, MOST_SHOWN).map(code), ', '), ...(more > 0 ? [` and ${more} more`] : [])]
}
