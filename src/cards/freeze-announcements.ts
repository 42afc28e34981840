import { EVERYWHERE, type FreezeEvent, freezeStream } from '../domain/freeze-event.ts'
import { evolveFreeze, type Freeze, type FreezeState } from '../domain/freeze-state.ts'
import type { Placed } from '../domain/grant-event.ts'
import type { Policy } from '../domain/policy.ts'
import { stewardsOf } from '../domain/stewards.ts'
import type { Button, Card, Span } from '../ports/chat.ts'
import { type Announcement, keyIn } from './announcement.ts'
import { scopeSpan, scopeWord } from './freeze-lines.ts'
import { code, joined, line, type Names, people, person, text, time, typed } from './text.ts'

/** One freeze from its setting to its lifting. */
interface Episode {
  /** As it was last before it was lifted. */
  readonly freeze: Freeze
  readonly lifted: { readonly by: readonly string[]; readonly at: number } | null
}

/**
 * Everything that people should see of the freezes of one target: a card in each of its channels, another one
 * when it is lifted, because an update notifies nobody; and a message to whoever may be the second to lift it.
 */
export function announceFreezes(
  target: string,
  events: readonly Placed<FreezeEvent>[],
  policy: Policy,
  names: Names,
): Announcement[] {
  const stream = freezeStream(target)
  const may = stewardsOf(policy, target).map(({ id }) => id)
  return episodesOf(target, events).flatMap((episode) => {
    const { freeze, lifted } = episode
    const key = `${stream}:${freeze.seq}`
    const inChannels = (about: string, message: Announcement['message'], priority: Announcement['priority']) =>
      freeze.announcedIn.map(
        (where): Announcement => ({
          ...{ key: keyIn(where, `${key}:${about}:${where.channel}`), to: { kind: 'channel', ...where } },
          ...{ message, priority },
        }),
      )
    return [
      ...inChannels('card', freezeCard(episode, may, names), 0),
      ...(lifted === null ? [] : inChannels('lifted', liftedLine(target, lifted.by, names), 1)),
      ...secondPersonMessages(key, episode, may, names),
    ]
  })
}

function episodesOf(target: string, events: readonly Placed<FreezeEvent>[]): Episode[] {
  const episodes: Episode[] = []
  let state: FreezeState = { target, seq: 0, freeze: null }
  for (const event of events) {
    const before = state.freeze
    state = evolveFreeze(state, event)
    if (event.type === 'freeze.lifted') {
      if (before === null) continue
      episodes[episodes.length - 1] = { freeze: before, lifted: { by: event.data.by, at: event.at } }
    } else if (state.freeze !== null) {
      if (event.type === 'freeze.lift-asked') episodes.pop()
      episodes.push({ freeze: state.freeze, lifted: null })
    }
  }
  return episodes
}

function freezeCard({ freeze, lifted }: Episode, may: readonly string[], names: Names): Card {
  const { target, by, at, reason, lift } = freeze
  const what = target === EVERYWHERE ? 'Everything' : target
  const why = reason === '' ? [] : [{ label: 'Why', value: text(typed(reason)) }]
  const facts = [
    { label: 'What', value: text(scopeSpan(target)) },
    { label: 'By', value: text(person(by, names)) },
    { label: 'Since', value: text(time(at, 'date-time')) },
    ...why,
  ]
  if (lifted !== null) {
    const value = text(...people(lifted.by, names), ' at ', time(lifted.at, 'date-time'))
    return {
      ...{
        tone: 'done',
        title: `${what} was frozen`,
        badge: 'lifted',
        facts: [...facts, { label: 'Lifted by', value }],
      },
      ...{ body: [], buttons: [], footer: [] },
    }
  }
  const asked = lift === null ? [] : [{ label: 'Lift asked by', value: liftAskedText(lift.by, lift.askedUntil, names) }]
  const open = may.filter((id) => id !== lift?.by).map((id) => person(id, names))
  return {
    ...{ tone: 'alarm', title: `${what} is frozen: no new access`, badge: 'frozen' },
    facts: [
      ...facts,
      ...asked,
      { label: lift === null ? 'Lifting needs' : 'Needs one more', value: text(...whoLifts(lift === null, open)) },
    ],
    body: [text('What is active goes on until its end. Endings and removals go on.')],
    buttons: [liftButton(freeze)],
    footer: text(code(`/access unfreeze ${scopeWord(target)}`), ' does the same as the button'),
  }
}

function whoLifts(both: boolean, open: readonly Span[]): (string | Span)[] {
  if (open.length === 0) return ['somebody whom the policy must name']
  if (both && open.length === 1) return [...open, ' and somebody whom the policy must name']
  return [both ? '2 of ' : '', ...joined(open, ' or ')]
}

function liftAskedText(by: string, until: number, names: Names) {
  return text(person(by, names), ', counts until ', time(until, 'date-time'))
}

function liftButton({ target, seq }: Freeze): Button {
  return { action: 'lift-freeze', label: 'Lift the freeze', style: 'plain', request: target, revision: seq }
}

function liftedLine(target: string, by: readonly string[], names: Names) {
  return line(
    'done',
    scopeSpan(target),
    ' is not frozen any more: lifted by ',
    ...people(by, names),
    '. New access can be given.',
  )
}

/** In person, with the button: at night nobody looks at channels. */
function secondPersonMessages(
  key: string,
  { freeze, lifted }: Episode,
  may: readonly string[],
  names: Names,
): Announcement[] {
  const { lift } = freeze
  if (lift === null) return []
  const card = freezeCard({ freeze, lifted }, may, names)
  return lift.signers.map(({ id }) => ({
    key: `${key}:lift:${lift.at}:${id}`,
    to: { kind: 'person', identity: id },
    message:
      lifted === null ? { ...card, title: `${names(lift.by)} asks to lift a freeze`, badge: 'second signature' } : card,
    priority: lifted === null ? 0 : 3,
  }))
}
