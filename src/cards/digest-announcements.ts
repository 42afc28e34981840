import { type DigestEvent, digestStream, foldDigest } from '../domain/digest-event.ts'
import type { Placed } from '../domain/grant-event.ts'
import type { Card } from '../ports/chat.ts'
import { type Announcement, keyIn } from './announcement.ts'
import { digestCard } from './digest-card.ts'
import type { Names } from './text.ts'

/** So many are told in person at most. */
const MOST_TOLD = 20

/** Everything that people should see of one week's digest: in its channel, to each of compliance, and once more when nobody looked. */
export function announceDigest(events: readonly Placed<DigestEvent>[], names: Names): Announcement[] {
  const state = foldDigest(events)
  if (state === null) return []
  const { week, made, reminded, acknowledged } = state
  const stream = digestStream(week)
  const card = digestCard(state, names)
  const priority = acknowledged === null ? 1 : 3
  const toPerson = (about: string, identity: string, message: Card): Announcement => ({
    ...{ key: `${stream}:${about}:${identity}`, to: { kind: 'person', identity }, message, priority },
  })
  const reminder: Card =
    acknowledged === null
      ? { ...card, title: `Nobody has acknowledged the digest of ${card.title}`, badge: 'reminder' }
      : card
  return [
    ...made.announcedIn.map(
      (where): Announcement => ({
        ...{ key: keyIn(where, `${stream}:card`), to: { kind: 'channel', ...where }, message: card, priority },
      }),
    ),
    ...made.askedOf.slice(0, MOST_TOLD).map((identity) => toPerson('compliance', identity, card)),
    ...(reminded?.to ?? []).slice(0, MOST_TOLD).map((identity) => toPerson('reminder', identity, reminder)),
  ]
}
