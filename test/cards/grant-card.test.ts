import { describe, expect, it } from 'vitest'
import { announceGrant } from '../../src/cards/announcements.ts'
import { grantCard } from '../../src/cards/grant-card.ts'
import { MINUTE } from '../../src/domain/duration.ts'
import type { Approver, GrantEvent } from '../../src/domain/grant-event.ts'
import type { Card } from '../../src/ports/chat.ts'
import { testEntitlement, testTarget } from '../support/policy.ts'
import {
  active,
  approved,
  asked,
  askedFor,
  context,
  END,
  ending,
  extensionAsked,
  ID,
  place,
  signed,
  stateOf,
  stuck,
  wordsOf,
} from './grant-story.ts'

describe('the card of a grant', () => {
  it('lets a manager decide from the card alone: who, what, why, how long, who may decide and why they', () => {
    const card = grantCard(stateOf(asked), 'approver', context)
    const said = JSON.stringify(card.facts)
    expect(card.title).toBe('ANA asks for prod-db:write')
    const words = ['ANA', 'Engineer', 'The ledger', 'touches financial reporting', '2h', 'MARCUS', '(manager)']
    for (const word of words) expect(said).toContain(word)
    expect(wordsOf(card)).toContain('What: prod-db:write · Change the ledger · write')
    expect(card.buttons.map((button) => button.action)).toEqual(['approve', 'deny'])
  })

  it('says before the button is pressed that a passkey is needed', () => {
    const needs = (stepUp: 'passkey' | 'none') => {
      const write = testEntitlement({ name: 'write', stepUp })
      const target = () => testTarget({ entitlements: { write } })
      return wordsOf(grantCard(stateOf(asked), 'approver', { ...context, target }))
    }
    expect(needs('passkey')).toContain('Needs: 1 of manager, each with a passkey')
    expect(needs('none')).not.toContain('passkey')
  })

  it('says of a click that counted before that it counts no longer, once the policy needs a passkey', () => {
    const target = (stepUp: 'passkey' | 'none') => () =>
      testTarget({ entitlements: { write: testEntitlement({ name: 'write', stepUp }) } })
    const two = askedFor({ approvers: ['marcus', 'olga'].map((id) => ({ id, as: ['owner'] })) })
    const told = (stepUp: 'passkey' | 'none', ...events: GrantEvent[]) =>
      wordsOf(grantCard(stateOf(two, ...events), 'channel', { ...context, target: target(stepUp) }))
    expect(told('none', signed)).toMatch(/May decide: OLGA.*\nSigned by: MARCUS/)
    const voided = told('passkey', signed)
    expect(voided).toContain('Counts no longer: the click of MARCUS: it needs a passkey now')
    expect(voided).toMatch(/May decide: MARCUS \(owner\), OLGA/)
    expect(voided).not.toContain('Signed by')
    const again = { ...signed, data: { ...signed.data, assurance: 'passkey' } } as GrantEvent
    expect(told('passkey', signed, again)).toMatch(/May decide: OLGA.*Signed by: MARCUS/s)
    expect(told('passkey', signed, again)).not.toContain('Counts no longer')
    const own = announceGrant(ID, place([two, signed]), { ...context, target: target('passkey') })
    const mine = own.find(({ key }) => key.endsWith(':approver:marcus'))?.message as Card
    expect(mine.buttons.map(({ action }) => action)).toContain('approve')
    const clicked = { ...signed, type: 'extension.signed' } as GrantEvent
    const events = [two, ...approved, ...active, { ...extensionAsked }, clicked]
    const asking = announceGrant(ID, place(events), { ...context, target: target('passkey') })
    const card = asking.find(({ key }) => key.includes(':approver:marcus:ext:'))?.message as Card
    expect(wordsOf(card)).toContain('Counts no longer: the click of MARCUS')
    expect(card.buttons.map(({ action }) => action)).toContain('approve-extension')
  })

  it('carries what a person typed as typed, never as ours', () => {
    const spans = grantCard(stateOf(askedFor({ reason: '<b>*fix*</b> @here' })), 'channel', context).facts.flatMap(
      (fact) => fact.value,
    )
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

  it('shows why more time is asked for, until when, and who may decide it', () => {
    const words = wordsOf(grantCard(stateOf(asked, ...approved, ...active, extensionAsked), 'channel', context))
    expect(words).toContain(`More time: 30m, until <${END + 30 * MINUTE}>, asked by ANA`)
    expect(words).toContain('Why more: the job is slow')
    expect(words).toContain('May decide: MARCUS (manager), OLGA (owner)')
  })

  it('names the account, the step, the code and the message of a removal that is stuck', () => {
    const facts = [asked, ...approved, ...active, ...ending, stuck]
    const words = wordsOf(grantCard(stateOf(...facts), 'channel', context))
    for (const word of ['jit_7k3qf0', 'prod-db', 'Removing', 'DependentObjects', '2 tables depend on the role']) {
      expect(words).toContain(word)
    }
  })

  const held = (missing: number, approvers: Approver[]) =>
    wordsOf(
      grantCard(
        stateOf(askedFor({ approvers }), { type: 'request.held', data: { missing, escalatedTo: ['carla'] } }),
        'channel',
        context,
      ),
    )

  it('says of a held request which rule lacks whom, and what to change', () => {
    const words = held(1, [{ id: 'olga', as: ['owner'] }])
    expect(words).toContain('it needs 1 of manager, and ANA has no manager here who may sign.')
    expect(words).not.toContain('1 of owners')
    expect(words).toContain('Mend the policy or the directory')
  })

  it('says that one person counts once, when that is what holds it', () => {
    expect(held(1, [{ id: 'olga', as: ['manager', 'owner'] }])).toContain(
      'one person counts once, and only OLGA may sign. It needs 1 more person.',
    )
  })

  it('says of a held request that its entitlement is gone, when it is', () => {
    const gone = { ...context, target: () => null }
    const state = stateOf(asked, {
      type: 'request.approvers-changed',
      data: { approvers: [], missing: 1, rules: [], policy: 'q' },
    })
    expect(wordsOf(grantCard(state, 'channel', gone))).toContain('the policy no longer has prod-db:write')
  })
})
