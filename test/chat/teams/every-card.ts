import { announceGrant } from '../../../src/cards/announcements.ts'
import { askForm, denyForm, extendForm, revokeAllForm } from '../../../src/cards/forms.ts'
import { announceFreezes } from '../../../src/cards/freeze-announcements.ts'
import { helpCard, listCard, mineCard } from '../../../src/cards/lists.ts'
import { announceOrder } from '../../../src/cards/order-announcements.ts'
import { announcePolicies } from '../../../src/cards/policy-announcements.ts'
import { announceThread } from '../../../src/cards/thread-announcements.ts'
import { renderAnswerDialog, renderForm, renderFormOpener } from '../../../src/chat/teams/render-form.ts'
import { renderOwnView, renderShared } from '../../../src/chat/teams/render-message.ts'
import type { Json, Rendering } from '../../../src/chat/teams/render-text.ts'
import { HOUR } from '../../../src/domain/duration.ts'
import type { GrantEvent } from '../../../src/domain/grant-event.ts'
import type { ThreadEvent } from '../../../src/domain/thread-event.ts'
import type { Card, Form, Line } from '../../../src/ports/chat.ts'
import { checkpointMessages } from '../../cards/checkpoint-story.ts'
import { digestMessages } from '../../cards/digest-story.ts'
import {
  active,
  approved,
  asked,
  askedFor,
  context,
  ending,
  endNear,
  extended,
  extensionAsked,
  extensionDenied,
  ID,
  place,
  removed,
  signed,
  stateOf,
  stuck,
} from '../../cards/grant-story.ts'
import { testPolicy, testTarget } from '../../support/policy.ts'
import { line, text, typed } from '../example-cards.ts'
import { findingForms, findingMessages } from '../finding-cards.ts'
import { identityCards, identityLines } from '../identity-cards.ts'
import { keepingCards, keepingLines } from '../keeping-cards.ts'

const rendering: Rendering = {
  timeZone: 'Europe/Madrid',
  userIdOf: (id) => (id === 'carla' ? null : `29:${id}`),
}

/** What somebody may type to look like more than words. */
export const TYPED =
  '**bold** [a link](https://evil.example) <b>tag</b> <at>Olga</at> `code` {{DATE(2026-01-01T00:00:00Z)}}'

/** Every message that the house makes in Teams, in many states, each once, by name. */
export function everyCard(): [name: string, card: Json][] {
  const seen = new Set<string>()
  return allCards().filter(([, card]) => {
    const words = JSON.stringify(card)
    return !seen.has(words) && seen.add(words)
  })
}

function allCards(): [string, Json][] {
  return [
    ...stories().map(([name, message]): [string, Json] => [name, renderShared(message, rendering).card]),
    ...dialogs(),
  ]
}

function stories(): [string, Card | Line][] {
  const long = askedFor({
    reason: TYPED,
    approvers: [
      { id: 'marcus', as: ['manager'] },
      { id: 'olga', as: ['owner'] },
    ],
  })
  const held: GrantEvent = { type: 'request.held', data: { missing: 1, escalatedTo: ['carla'] } as never }
  const denied: GrantEvent = { type: 'request.denied', data: { by: 'marcus', reason: TYPED, policy: 'p' } as never }
  const tales: [string, GrantEvent[]][] = [
    ['asked', [long]],
    ['held', [askedFor({ approvers: [] }), held]],
    ['signed', [long, signed]],
    ['denied', [asked, denied]],
    ['approved', [asked, ...approved]],
    ['active', [asked, ...approved, ...active]],
    ['end near', [asked, ...approved, ...active, endNear]],
    ['more time', [asked, ...approved, ...active, endNear, extensionAsked]],
    ['more time given', [asked, ...approved, ...active, extensionAsked, ...extended]],
    ['no more time', [asked, ...approved, ...active, extensionAsked, extensionDenied]],
    ['stuck', [asked, ...approved, ...active, ...ending, stuck]],
    ['removed', [asked, ...approved, ...active, ...ending, removed]],
  ]
  const told = tales.flatMap(([name, events]) =>
    announceGrant(ID, place(events), context).map(({ key, message }): [string, Card | Line] => [
      `${name} ${key}`,
      message,
    ]),
  )
  const facts = ['policy.loaded', 'policy.activated'].map((type, index) => ({
    ...{ type, seq: index + 1, at: 0 },
    data: {
      policy: 'f20273d1800621ae',
      before: '0c390b5b806a5aa1',
      host: 'web-1',
      diff: '-warnBefore: 1m\n+warnBefore: 2m',
      by: 'carla',
    },
  }))
  const policies = announcePolicies(facts as never, 'access', context.names)
  return [
    ...told,
    ...checkpointMessages().map(({ key, message }): [string, Card | Line] => [key, message]),
    ...digestMessages().map(({ key, message }): [string, Card | Line] => [key, message]),
    ...emergency().map(({ key, message }): [string, Card | Line] => [key, message]),
    ...[...keepingCards(0), ...keepingLines(0)].map((message, at): [string, Card | Line] => [`keeping ${at}`, message]),
    ...[...identityCards(0), ...identityLines(0)].map((message, at): [string, Card | Line] => [
      `identity ${at}`,
      message,
    ]),
    ...policies.map(({ key, message }): [string, Card | Line] => [key, message]),
    ...findingMessages(0, TYPED),
    ...ofThread().map(({ key, message }): [string, Card | Line] => [key, message]),
    ['help', helpCard()],
    ['list', listCard(offers())],
    ['mine', mineCard([stateOf(asked, ...approved, ...active)], context.names)],
    ['refusal', line('refused', 'prod-db:write is limited to 2 h; you asked for ', typed(TYPED), '. Ask for 2h.')],
  ]
}

/** A text that is to be erased, one that was, and what looked like a secret. */
function ofThread() {
  const at = { platform: 'teams', channel: 'c', root: '1', message: '2', line: 'T-7K3QF2M9', sentAt: 0 }
  const written = { ...at, by: 'ana', text: '', files: 0, withheld: 'aws' }
  const signed = { by: 'carla', as: ['compliance'], policy: 'p', assurance: 'click-only' } as const
  const confirmers = [{ id: 'dirk', as: ['keeper'] }]
  const asked = { ...signed, line: at.line, reason: TYPED, confirmers, pendingUntil: HOUR }
  const events: ThreadEvent[] = [
    { type: 'thread.written', data: written },
    { type: 'thread.redaction-asked', data: asked },
    { type: 'thread.redacted', data: { ...signed, line: at.line, asked: 2, texts: 1 } },
    { type: 'thread.redaction-asked', data: { ...asked, line: 'G-7K3QF0' } },
  ]
  return announceThread(
    'thread:grant:G-7K3QF0',
    events.map((event, at) => ({ ...event, seq: at + 1, at })),
    context,
  )
}

/** A frozen target, and an order to end everything of somebody. */
function emergency() {
  const by = { by: 'olga', as: ['owner'], policy: 'p', assurance: 'click-only' } as const
  const signers = [{ id: 'carla', as: ['compliance'] }]
  const set = { type: 'freeze.set', data: { ...by, reason: TYPED, channels: ['access'] }, seq: 1, at: 0 } as const
  const liftAsked = {
    type: 'freeze.lift-asked',
    data: { ...by, signers, askedUntil: HOUR },
    seq: 2,
    at: 10_000,
  } as const
  const proposed = {
    ...({ type: 'order.proposed', seq: 1, at: 0 } as const),
    data: {
      ...{
        ...by,
        subject: { kind: 'person', id: 'ana' } as const,
        reason: TYPED,
        channel: 'access',
        pendingUntil: HOUR,
      },
      ...{ requests: 1, grants: 2, held: [], signers },
    },
  }
  return [
    ...announceFreezes('prod-db', [set], testPolicy(), context.names),
    ...announceFreezes('prod-db', [set, liftAsked], testPolicy(), context.names),
    ...announceOrder('O-7K3QF0', [proposed], context),
  ]
}

function dialogs(): [string, Json][] {
  const state = stateOf(asked, ...approved, ...active)
  const forms: [string, Form][] = [
    ['ask', askForm(offers())],
    ['deny', denyForm(state, context.names, 'request', true)],
    ['deny extension', denyForm(state, context.names, 'extension', false)],
    ['extend', extendForm(state, HOUR, null)],
    [
      'revoke all',
      revokeAllForm({ kind: 'person', id: 'ana' }, '@ana', { grants: 2, requests: 1 } as never, context.names),
    ],
  ]
  forms.push(...findingForms())
  const wrong = line('refused', text('The reason needs a ticket, such as INC-42. You wrote: '), typed(TYPED))
  const contentOf = ({ task }: ReturnType<typeof renderForm>) => (task.value.card as { content: Json }).content
  const [mine] = announceGrant(ID, place([asked, ...approved, ...active]), context)
  return [
    ...forms.map(([name, form]): [string, Json] => [`form ${name}`, contentOf(renderForm(form, rendering))]),
    ['form refused', contentOf(renderForm(askForm(offers()), rendering, wrong, { reason: TYPED, duration: '2h' }))],
    ['form opener', renderFormOpener(askForm(offers()), 'revoke-all @ana')],
    ['answer dialog', contentOf(renderAnswerDialog(line('done', 'Denied. They are told.'), rendering))],
    [
      'own view',
      renderOwnView(mine?.message as Card, line('active', 'Approved. Your signature is on the record.'), rendering),
    ],
  ]
}

function offers() {
  const target = testTarget()
  return Object.values(target.entitlements).map((entitlement) => ({ target, entitlement }))
}
