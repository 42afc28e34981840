import { describe, expect, it } from 'vitest'
import { announceGrant } from '../../src/cards/announcements.ts'
import { type CardContext, grantCard } from '../../src/cards/grant-card.ts'
import { HOUR } from '../../src/domain/duration.ts'
import type { GrantEvent, Placed } from '../../src/domain/grant-event.ts'
import { foldGrant, type GrantState } from '../../src/domain/grant-state.ts'

const AT = 1_800_000_000_000
const context: CardContext = {
  names: (id) => id.toUpperCase(),
  titleOf: () => 'Engineer',
  target: () => ({ description: 'The ledger', financialReporting: true }),
}

const asked: GrantEvent = {
  type: 'request.asked',
  data: {
    ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs: 2 * HOUR },
    ...{
      reason: '<b>*fix*</b> @here',
      channel: 'access',
      pendingUntil: AT + HOUR,
      policy: 'p',
      rules: ['1 of manager'],
    },
    approvers: [{ id: 'marcus', as: ['manager'] }],
  },
}
const approved: GrantEvent[] = [
  { type: 'request.signed', data: { by: 'marcus', as: ['manager'], policy: 'p', assurance: 'click-only' } },
  { type: 'request.approved', data: { by: ['marcus'], policy: 'p', usableUntil: AT + HOUR } },
]

function place(facts: readonly GrantEvent[], stepMs = 10_000): Placed<GrantEvent>[] {
  return facts.map((fact, index) => ({ ...fact, seq: index + 1, at: AT + index * stepMs }))
}

function stateOf(...facts: GrantEvent[]): GrantState {
  const state = foldGrant('G-7K3QF0', place(facts))
  if (state === null) throw new Error('no events')
  return state
}

describe('the card of a grant', () => {
  it('lets a manager decide from the card alone: who, what, why, how long, who may decide and why they', () => {
    const card = grantCard(stateOf(asked), 'approver', context)
    const said = JSON.stringify(card.facts)
    expect(card.title).toBe('ANA asks for prod-db:read')
    for (const word of ['ANA', 'Engineer', 'The ledger', 'touches financial reporting', '2h', 'MARCUS', '(manager)']) {
      expect(said).toContain(word)
    }
    expect(card.buttons.map((button) => button.action)).toEqual(['approve', 'deny'])
  })

  it('carries what a person typed as typed, never as ours', () => {
    const spans = grantCard(stateOf(asked), 'channel', context).facts.flatMap((fact) => fact.value)
    expect(spans.filter((span) => JSON.stringify(span).includes('<b>'))).toEqual([
      { kind: 'typed', text: '<b>*fix*</b> @here' },
    ])
  })

  it('takes the decision away from everybody once it is decided', () => {
    for (const reader of ['channel', 'approver', 'holder'] as const) {
      const actions = grantCard(stateOf(asked, ...approved), reader, context).buttons.map((button) => button.action)
      expect(actions).not.toContain('approve')
    }
  })
})

describe('what should be announced', () => {
  it('asks each approver in person, and says nothing in person to whoever has just asked', () => {
    const keys = announceGrant('G-7K3QF0', place([asked]), context).map((one) => one.key)
    expect(keys).toEqual(['grant:G-7K3QF0:card', 'grant:G-7K3QF0:approver:marcus', 'grant:G-7K3QF0:line:1'])
  })

  it('makes one thread line of steps within two seconds, and several of slower ones', () => {
    const lines = (step: number) =>
      announceGrant('G-7K3QF0', place([asked, ...approved], step), context).filter((one) => one.to.kind === 'thread')
    expect(lines(100)).toHaveLength(1)
    expect(lines(3_000)).toHaveLength(3)
  })

  it('keeps the key of every message when more is recorded, so that nothing is posted twice', () => {
    const before = announceGrant('G-7K3QF0', place([asked], 900), context).map((one) => one.key)
    const after = announceGrant('G-7K3QF0', place([asked, ...approved], 900), context).map((one) => one.key)
    expect(after).toEqual(expect.arrayContaining(before))
  })
})
