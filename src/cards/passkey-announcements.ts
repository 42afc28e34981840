import type { Placed } from '../domain/grant-event.ts'
import { type PasskeyEvent, passkeyStream } from '../domain/passkey-event.ts'
import type { Card, Line, Tone } from '../ports/chat.ts'
import type { Announcement } from './announcement.ts'
import type { CardContext } from './grant-card.ts'
import { kindWord, markOf } from './passkey-lines.ts'
import { code, joined, line, person, text, time } from './text.ts'

type Offered = Placed<Extract<PasskeyEvent, { type: 'passkey.offered' }>>

/**
 * Everything that people should see of one person's passkeys: whoever may confirm a new one gets a card with its
 * buttons, and the owner hears of every change: one that they did not make themselves is how a theft shows.
 */
export function announcePasskeys(
  identity: string,
  events: readonly Placed<PasskeyEvent>[],
  context: CardContext,
): Announcement[] {
  const stream = passkeyStream(identity)
  return events.flatMap((event): Announcement[] => {
    if (event.type === 'passkey.offered') {
      const after = events.filter(({ seq }) => seq > event.seq)
      return event.data.confirmers.map(({ id }) => ({
        key: `${stream}:offer:${event.seq}:${id}`,
        to: { kind: 'person', identity: id },
        message: offerCard(identity, event, after, context),
        priority: 0,
      }))
    }
    const message = ownerLine(identity, event, context)
    if (message === null) return []
    return [{ key: `${stream}:owner:${event.seq}`, to: { kind: 'person', identity }, message, priority: 1 }]
  })
}

function offerCard(
  identity: string,
  { data, seq, at }: Offered,
  after: readonly Placed<PasskeyEvent>[],
  { names, titleOf }: CardContext,
): Card {
  const end = after.find(({ type }) => type !== 'act.refused')
  const title = titleOf(identity)
  const waits = end === undefined
  return {
    tone: toneOf(end?.type),
    title: `A passkey of ${names(identity)}`,
    badge: BADGES[end?.type ?? ''] ?? 'waiting',
    facts: [
      { label: 'Whose', value: text(person(identity, names), title === '' ? '' : `, ${title}`) },
      { label: 'Mark', value: text(code(markOf(data.passkey)), `, a passkey ${kindWord(data.passkey)}`) },
      { label: 'For', value: text(data.passkey.rpId, ' alone') },
      ...(waits ? [{ label: 'Expires', value: text(time(data.pendingUntil, 'date-time')) }] : []),
    ],
    body: waits
      ? [
          text(
            ...['Reach them in another way than this chat, and ask for the mark. Confirm only if they made it: '],
            ...['from then on it signs approvals as ', person(identity, names), '.'],
          ),
        ]
      : [],
    buttons: waits
      ? [
          {
            action: 'confirm-passkey',
            label: 'Confirm: it is theirs',
            style: 'primary',
            request: identity,
            revision: seq,
          },
          { action: 'decline-passkey', label: 'Decline', style: 'plain', request: identity, revision: seq },
        ]
      : [],
    footer: text('Made ', time(at, 'date-time')),
  }
}

const BADGES: Readonly<Record<string, string>> = {
  'passkey.enrolled': 'confirmed',
  'passkey.declined': 'declined',
  'passkey.offered': 'replaced',
  'passkey.revoked': 'taken back',
}

function toneOf(end: PasskeyEvent['type'] | undefined): Tone {
  if (end === undefined) return 'waiting'
  return end === 'passkey.enrolled' ? 'done' : 'info'
}

function ownerLine(
  identity: string,
  event: Exclude<Placed<PasskeyEvent>, { type: 'passkey.offered' }>,
  { names }: CardContext,
): Line | null {
  switch (event.type) {
    case 'passkey.enrolled':
      return line(
        ...([
          'done',
          person(event.data.by, names),
          ' confirmed your passkey ',
          code(markOf(event.data.passkey)),
        ] as const),
        ...['. It signs approvals as you from now on. If you did not make it: ', code('/access passkey reset'), '.'],
      )
    case 'passkey.declined':
      return event.data.by === identity
        ? null
        : line('refused', person(event.data.by, names), ' declined your passkey. Speak to them, then make another one.')
    case 'passkey.revoked': {
      const who = event.data.by === identity ? ['You'] : joined([person(event.data.by, names)])
      return line('info', ...who, ' took your passkeys back. ', code('/access passkey new'), ' makes another one.')
    }
    case 'act.refused':
      return null
    default:
      return event satisfies never
  }
}
