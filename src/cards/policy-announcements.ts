import { type Channels, channelList } from '../domain/channels.ts'
import type { RecordedPolicyFact } from '../domain/house-event.ts'
import type { Card } from '../ports/chat.ts'
import { type Announcement, keyIn } from './announcement.ts'
import { code, type Names, person, text } from './text.ts'

/** The longest part of a difference that a card shows; the record has all of it. */
const MOST_DIFF_LINES = 20
const MOST_LINE_CHARACTERS = 200

/** A policy that was loaded or put into force is said in the channel: nobody changes the rules quietly. */
export function announcePolicies(
  facts: readonly RecordedPolicyFact[],
  channels: Channels,
  names: Names,
): Announcement[] {
  // Every start loads the policy in force: nothing changed. The first puts itself into force: one card says both.
  const said = facts.filter(
    ({ type, data }) => type !== 'policy.loaded' || (data.before !== null && data.before !== data.policy),
  )
  return said.flatMap((fact) => {
    const message = fact.type === 'policy.loaded' ? loadedCard(fact) : activatedCard(fact, names)
    return channelList(channels).map(
      (where): Announcement => ({
        ...{ key: keyIn(where, `policy:${fact.seq}`), to: { kind: 'channel', ...where }, message, priority: 3 },
      }),
    )
  })
}

function loadedCard(fact: Extract<RecordedPolicyFact, { type: 'policy.loaded' }>): Card {
  const { policy, host, diff } = fact.data
  const lines = diff.split('\n').filter((one) => /^[+-]/.test(one))
  const shown = lines.slice(0, MOST_DIFF_LINES)
  const more = lines.length - shown.length
  return {
    tone: 'alarm',
    title: 'A changed policy was loaded',
    badge: 'policy',
    facts: [
      { label: 'Policy', value: text(code(policy.slice(0, 12))) },
      { label: 'On', value: text(host) },
    ],
    body: [
      text('Decisions are held where it differs from the active one, until somebody activates it.'),
      ...shown.map((one) => text(code(one.slice(0, MOST_LINE_CHARACTERS)))),
      ...(more > 0 ? [text(`and ${more} more lines, on the record.`)] : []),
    ],
    buttons: [],
    footer: [],
  }
}

function activatedCard(fact: Extract<RecordedPolicyFact, { type: 'policy.activated' }>, names: Names): Card {
  const { policy, by, unproved } = fact.data
  return {
    tone: 'info',
    title: by === null ? 'The first policy is in force' : 'A policy is now in force',
    badge: 'policy',
    facts: [
      { label: 'Policy', value: text(code(policy.slice(0, 12))) },
      ...(by === null ? [] : [{ label: 'By', value: text(person(by, names)) }]),
    ],
    body:
      unproved === undefined
        ? []
        : [
            text(
              `Somebody changed the record: ${unproved}. Which policy is in force rests on the word of this person.`,
            ),
          ],
    buttons: [],
    footer: [],
  }
}
