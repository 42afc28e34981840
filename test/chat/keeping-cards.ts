import type { CardContext } from '../../src/cards/grant-card.ts'
import { announceKeeping } from '../../src/cards/keeping-announcements.ts'
import { holdsCard } from '../../src/cards/keeping-card.ts'
import { DAY } from '../../src/domain/duration.ts'
import type { Placed } from '../../src/domain/grant-event.ts'
import type { KeepingEvent } from '../../src/domain/keeping-event.ts'
import { foldKeeping, holdsAt } from '../../src/domain/keeping-state.ts'
import type { Card, Line } from '../../src/ports/chat.ts'
import { testPolicy } from '../support/policy.ts'

const policy = testPolicy()
const names = (id: string) => policy.people.find((one) => one.id === id)?.name ?? id
const context: CardContext = { names, titleOf: () => 'Engineer', target: () => null, escalateTo: [] }

/** What keepers get of holds and erasures, in the states that people see, as the record makes it. */
export function keepingCards(at: number): Card[] {
  return messages(at).filter((message): message is Card => 'title' in message)
}

export function keepingLines(at: number): Line[] {
  return messages(at).filter((message): message is Line => !('title' in message))
}

function messages(at: number): (Card | Line)[] {
  const signed = { policy: policy.hash, assurance: 'click-only' } as const
  const by = ['carla', 'dirk'] as const
  const signers = [{ id: 'dirk', as: ['keeper'] }]
  const first = { by: 'carla', as: ['compliance'], signers, askedUntil: at + DAY, ...signed }
  const reason = 'case <12>, & *everything* about it @here'
  const asked: KeepingEvent[] = [
    { type: 'hold.asked', data: { hold: 'H-000001', scope: { kind: 'person', id: 'ana' }, reason, ...first } },
    { type: 'hold.asked', data: { hold: 'H-000002', scope: { kind: 'everything', id: '' }, reason, ...first } },
    { type: 'erasure.asked', data: { erasure: 'E-000001', person: 'bo', texts: 12, kept: 3, reason, ...first } },
  ]
  const decided: KeepingEvent[] = [
    { type: 'hold.placed', data: { hold: 'H-000001', by, ...signed } },
    { type: 'hold.lift-asked', data: { hold: 'H-000001', ...first } },
    { type: 'keeping.declined', data: { id: 'H-000002', by: 'dirk', ...signed } },
    { type: 'erasure.ordered', data: { erasure: 'E-000001', by, ...signed } },
  ]
  const over: KeepingEvent[] = [
    { type: 'hold.lifted', data: { hold: 'H-000001', by, ...signed } },
    { type: 'erasure.carried-out', data: { erasure: 'E-000001', texts: 12, kept: 3 } },
  ]
  const place = (facts: readonly KeepingEvent[]): Placed<KeepingEvent>[] =>
    facts.map((fact, index) => ({ ...fact, seq: index + 1, at }))
  const states = [asked, [...asked, ...decided], [...asked, ...decided, ...over]].map(place)
  const shown = states.flatMap((events) => announceKeeping(events, context).map(({ message }) => message))
  const lists = states.map((events) => holdsCard(holdsAt(foldKeeping(events), at), names))
  return [...new Map([...shown, ...lists].map((message) => [JSON.stringify(message), message])).values()]
}
