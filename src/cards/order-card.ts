import type { OrderState } from '../domain/order-state.ts'
import type { Button, Card, Text, Tone } from '../ports/chat.ts'
import type { CardContext, Fact } from './grant-card.ts'
import { countWords, subjectSpan } from './order-lines.ts'
import { code, joined, person, strong, text, time, typed } from './text.ts'

/** Who looks at the card decides which buttons it carries; null: nobody who may decide. */
export type OrderReader = 'channel' | 'signer' | 'proposer' | null

/** The one card of an order, in every state. */
export function orderCard(state: OrderState, reader: OrderReader, context: CardContext): Card {
  const { names } = context
  const { kind, id } = state.subject
  return {
    tone: toneOf(state),
    title: kind === 'person' ? `Revoke everything of ${names(id)}` : `Revoke everything on ${id}`,
    badge: badgeOf(state),
    facts: [
      { label: state.subject.kind === 'person' ? 'Whose' : 'Where', value: subjectText(state, context) },
      { label: 'What', value: text(`${countWords(state.grants, state.requests)} open when it was proposed`) },
      { label: 'Why', value: text(typed(state.reason)) },
      { label: 'Proposed by', value: text(person(state.by, names)) },
      ...decisionFacts(state, context),
    ],
    body: bodyOf(state),
    buttons: buttonsOf(state, reader),
    footer: text(code(state.id), ' proposed ', time(state.proposedAt, 'date-time')),
  }
}

function subjectText({ subject }: OrderState, { names, titleOf, target }: CardContext): Text {
  const more = subject.kind === 'person' ? titleOf(subject.id) : (target(subject.id)?.description ?? '')
  const join = subject.kind === 'person' ? ', ' : ' · '
  return text(subjectSpan(subject, names), ...(more === '' ? [] : [join, more]))
}

function decisionFacts({ status, decided, signers, pendingUntil }: OrderState, { names }: CardContext): Fact[] {
  if (status === 'pending') {
    const who = signers.flatMap(({ id, as }, index) => [
      ...(index === 0 ? [] : [', ']),
      person(id, names),
      ` (${as.join(', ')})`,
    ])
    return [
      { label: 'Needs', value: text('a second person') },
      { label: 'May confirm', value: text(...who) },
      { label: 'Expires', value: text(time(pendingUntil, 'date-time')) },
    ]
  }
  if (decided === null || decided.by === null) return []
  const label = status === 'declined' ? 'Declined by' : 'Confirmed by'
  return [{ label, value: text(...joined([person(decided.by, names)]), ' at ', time(decided.at, 'time-seconds')) }]
}

function bodyOf(state: OrderState): Text[] {
  switch (state.status) {
    case 'pending':
      return [
        text('Confirming ends every grant at once, and takes back every request made until then. It cannot be undone.'),
      ]
    case 'confirmed':
    case 'done':
      return outcomeTexts(state)
    case 'declined':
    case 'expired':
      return [text('Nothing was ended.')]
    default:
      return state.status satisfies never
  }
}

function outcomeTexts({ outcome, reached }: OrderState): Text[] {
  if (outcome === null) return [text(`Ending ${reached.length} of them now: each thread tells how it goes.`)]
  const { ended, cancelled, stuck } = outcome
  return [
    text(
      strong(`${ended.length} ended and seen gone, ${stuck.length} stuck`),
      `, ${cancelled.length} taken back before anything was given.`,
    ),
    ...(stuck.length === 0 ? [] : [text('Stuck, and tried on: ', ...joined(stuck.slice(0, 20).map(code)))]),
  ]
}

function buttonsOf(state: OrderState, reader: OrderReader): Button[] {
  if (state.status !== 'pending' || reader === null) return []
  const at = { request: state.id, revision: state.seq }
  const decline: Button = { action: 'decline-order', label: 'Decline', style: 'plain', ...at }
  if (reader === 'proposer') return [{ ...decline, label: 'Take it back' }]
  return [{ action: 'confirm-order', label: 'Confirm: end it all', style: 'danger', ...at }, decline]
}

function badgeOf({ status, outcome }: OrderState): string {
  if (status === 'pending') return 'waiting'
  if (status === 'confirmed') return outcome === null ? 'ending' : 'stuck'
  return status
}

function toneOf({ status, outcome }: OrderState): Tone {
  switch (status) {
    case 'pending':
      return 'waiting'
    case 'confirmed':
      return outcome === null ? 'active' : 'alarm'
    case 'done':
      return 'done'
    case 'declined':
      return 'refused'
    case 'expired':
      return 'info'
    default:
      return status satisfies never
  }
}
