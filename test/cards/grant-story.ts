import type { CardContext } from '../../src/cards/grant-card.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { GrantEvent, Placed } from '../../src/domain/grant-event.ts'
import { foldGrant, type GrantState } from '../../src/domain/grant-state.ts'
import type { Card, Line } from '../../src/ports/chat.ts'
import { testTarget } from '../support/policy.ts'

/** What happens to one grant of Ana's, in facts. */
export const AT = 1_800_000_000_000
export const ID = 'G-7K3QF0'
export const END = AT + 2 * HOUR

export const context: CardContext = {
  names: (id) => id.toUpperCase(),
  titleOf: () => 'Engineer',
  target: (name) => (name === 'prod-db' ? testTarget() : null),
  escalateTo: ['carla'],
}

export function askedFor(overrides: Partial<Extract<GrantEvent, { type: 'request.asked' }>['data']> = {}): GrantEvent {
  return {
    type: 'request.asked',
    data: {
      ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'write', grants: 'ledger_write' },
      ...{ durationMs: 2 * HOUR, reason: 'fix INC-42', channel: 'access', pendingUntil: AT + HOUR, policy: 'p' },
      ...{ rules: ['1 of manager'], approvers: [{ id: 'marcus', as: ['manager'] }] },
      ...overrides,
    },
  }
}

export const asked = askedFor()
export const signed: GrantEvent = {
  type: 'request.signed',
  data: { by: 'marcus', as: ['manager'], policy: 'p', assurance: 'click-only' },
}
export const approved: GrantEvent[] = [
  signed,
  { type: 'request.approved', data: { by: ['marcus'], policy: 'p', usableUntil: AT + HOUR } },
]
export const active: GrantEvent[] = [
  {
    type: 'grant.providing',
    data: { account: 'jit_7k3qf0', endsBy: END + 5 * MINUTE, nativeExpiry: END, checkpointSize: 3, policy: 'p' },
  },
  {
    type: 'grant.active',
    data: {
      ...{ account: 'jit_7k3qf0', activatedAt: AT, endsAt: END, warnAt: END - 10 * MINUTE },
      ...{ nativeExpiry: END, checks: [] },
    },
  },
]
export const endNear: GrantEvent = { type: 'grant.end-near', data: { endsAt: END } }
export const extensionAsked: GrantEvent = {
  type: 'extension.asked',
  data: {
    ...{ by: 'ana', durationMs: 30 * MINUTE, until: END + 30 * MINUTE, reason: 'the job is slow', policy: 'p' },
    approvers: [
      { id: 'marcus', as: ['manager'] },
      { id: 'olga', as: ['owner'] },
    ],
  },
}
export const extended: GrantEvent[] = [
  { type: 'extension.signed', data: { by: 'olga', as: ['owner'], policy: 'p', assurance: 'click-only' } },
  { type: 'extension.approved', data: { by: ['olga'], until: END + 30 * MINUTE, policy: 'p' } },
  {
    type: 'grant.extended',
    data: { endsAt: END + 30 * MINUTE, warnAt: END + 20 * MINUTE, nativeExpiry: END + 30 * MINUTE },
  },
]
export const extensionDenied: GrantEvent = {
  type: 'extension.denied',
  data: { by: 'marcus', reason: 'finish today', policy: 'p', assurance: 'click-only' },
}
export const ending: GrantEvent[] = [
  { type: 'grant.ending', data: { cause: 'expired', by: null, due: END } },
  { type: 'grant.disabled', data: { summary: 'logins stopped', checks: [], left: [] } },
]
export const stuck: GrantEvent = {
  type: 'grant.stuck',
  data: { step: 'remove', code: 'DependentObjects', message: '2 tables depend on the role', escalatedTo: ['carla'] },
}
export const removed: GrantEvent = { type: 'grant.removed', data: { checks: [], left: [], lateMs: 0 } }
export const closed: GrantEvent = { type: 'closed', data: { count: 9 } }

export function place(facts: readonly GrantEvent[], stepMs = 10_000): Placed<GrantEvent>[] {
  return facts.map((fact, index) => ({ ...fact, seq: index + 1, at: AT + index * stepMs }))
}

export function stateOf(...facts: GrantEvent[]): GrantState {
  const state = foldGrant(ID, place(facts))
  if (state === null) throw new Error('no events')
  return state
}

/** The words of a message, without what they look like. */
export function wordsOf(message: Card | Line): string {
  const plain = (text: Line['text']) =>
    text.map((span) => ('text' in span ? span.text : span.kind === 'person' ? span.name : `<${span.at}>`)).join('')
  if (!('title' in message)) return plain(message.text)
  const facts = message.facts.map(({ label, value }) => `${label}: ${plain(value)}`)
  return [message.title, ...facts, ...message.body.map(plain)].join('\n')
}
