import type { Asking, Erasure, Hold } from '../domain/keeping-state.ts'
import type { Button, Card, Span, Text } from '../ports/chat.ts'
import type { CardContext, Fact } from './grant-card.ts'
import { scopeHeld } from './keeping-lines.ts'
import { anyOf, code, type Names, people, person, strong, text, time, typed } from './text.ts'

/** `/access hold` alone: what is held now. */
export function holdsCard(holds: readonly Hold[], names: Names): Card {
  const rows = holds.map(({ id, scope, asked, placed, reason }) =>
    text(
      ...[code(id), ' ', strong(scope.kind), scope.kind === 'everything' ? '' : ' ', ...scopeSpan(scope, names)],
      ...[placed === null ? ', waits for a second person, asked by ' : ', placed by '],
      ...[
        ...people(placed?.by ?? [asked.by], names),
        ' ',
        time(placed?.at ?? asked.at, 'date-time'),
        ': ',
        typed(reason),
      ],
    ),
  )
  return {
    ...{ tone: 'info', title: rows.length === 0 ? 'Nothing is held' : 'What is held', badge: null, facts: [] },
    ...{
      body: rows,
      buttons: [],
      footer: rows.length === 0 ? [] : text(code('/access unhold H-…'), ' lifts one, by two'),
    },
  }
}

function scopeSpan(scope: Hold['scope'], names: Names): Span[] {
  return scope.kind === 'everything' ? [] : [scopeHeld(scope, names)]
}

/** A hold, for whoever may place or lift it. */
export function holdCard(hold: Hold, seq: number, { names }: CardContext): Card {
  const { id, scope, reason, asked, placed, lift, over } = hold
  const lifts = over === null && placed !== null && lift !== null
  const waits = over === null && (placed === null || lifts)
  const what = scope.kind === 'everything' ? 'everything' : scope.kind === 'person' ? names(scope.id) : scope.id
  return {
    tone: over === null ? (waits ? 'waiting' : 'active') : 'info',
    title: lifts ? `Lift the hold on ${what}` : `Hold ${what}`,
    badge: over?.how ?? (waits ? 'second signature' : 'held'),
    facts: [
      {
        label: 'What',
        value: text(strong(scope.kind), scope.kind === 'everything' ? '' : ' ', ...scopeSpan(scope, names)),
      },
      { label: 'Why', value: text(typed(reason)) },
      { label: 'Asked by', value: text(person(asked.by, names), ' at ', time(asked.at, 'date-time')) },
      ...signedFact('Placed by', placed, names),
      ...(lifts ? [{ label: 'Lift asked by', value: text(person(lift.by, names)) }] : []),
      ...signedFact(over?.how === 'declined' ? 'Declined by' : 'Lifted by', over, names),
      ...(waits ? waitFacts(lifts ? lift : asked, names) : []),
    ],
    body: waits ? [bodyOf(lifts)] : [],
    buttons: waits
      ? buttonsOf(
          id,
          seq,
          lifts ? { action: 'lift-hold', label: 'Lift it too' } : { action: 'confirm-order', label: 'Place the hold' },
        )
      : [],
    footer: text(code(id)),
  }
}

function bodyOf(lifts: boolean): Text {
  if (lifts) return text('It holds until you lift it too. After that what it held may be erased and pruned.')
  return text(
    'What is held is neither erased nor pruned. It holds already while it waits for you; if nobody places it, it is over.',
  )
}

/** An erasure, for whoever may confirm it. */
export function erasureCard(erasure: Erasure, seq: number, { names, titleOf }: CardContext): Card {
  const { id, person: whom, reason, texts, kept, asked, ordered, over } = erasure
  const waits = over === null && ordered === null
  const title = titleOf(whom)
  return {
    tone: waits ? 'waiting' : over === null ? 'active' : over.how === 'declined' ? 'refused' : 'done',
    title: `Erase the personal texts of ${names(whom)}`,
    badge: over === null ? (waits ? 'second signature' : 'erasing') : over.how === 'declined' ? 'declined' : 'erased',
    facts: [
      { label: 'Whose', value: text(person(whom, names), title === '' ? '' : `, ${title}`) },
      { label: over?.how === 'carried-out' ? 'Erased' : 'To erase', value: text(`${texts} texts, with their salts`) },
      ...(kept === 0
        ? []
        : [{ label: 'Stays', value: text(`what ${kept} records say: held, open, or within retention`) }]),
      { label: 'Why', value: text(typed(reason)) },
      { label: 'Asked by', value: text(person(asked.by, names), ' at ', time(asked.at, 'date-time')) },
      ...signedFact('Ordered by', ordered, names),
      ...(waits ? waitFacts(asked, names) : []),
    ],
    body: waits ? [text('The events and their proofs stay; what these texts said is gone. It cannot be undone.')] : [],
    buttons: waits ? buttonsOf(id, seq, { action: 'confirm-order', label: 'Confirm: erase them' }) : [],
    footer: text(code(id)),
  }
}

function signedFact(
  label: string,
  signed: { readonly by: readonly string[]; readonly at: number } | null,
  names: Names,
): Fact[] {
  if (signed === null || signed.by.length === 0) return []
  return [{ label, value: text(...people(signed.by, names), ' at ', time(signed.at, 'date-time')) }]
}

function waitFacts({ signers, askedUntil }: Asking, names: Names): Fact[] {
  const who = anyOf(signers, names)
  return [
    { label: 'Needs', value: text(...who) },
    { label: 'Expires', value: text(time(askedUntil, 'date-time')) },
  ]
}

function buttonsOf(id: string, seq: number, confirm: Pick<Button, 'action' | 'label'>): Button[] {
  const at = { request: id, revision: seq }
  return [
    { ...confirm, style: 'danger', ...at },
    { action: 'decline-order', label: 'Decline', style: 'plain', ...at },
  ]
}
