import type { Names } from './conclude-people.ts'
import { concludeStory } from './conclude-story.ts'
import { allOf, type Clause, lastOf, type Part, type PartFact, type ProvedEvent, utc, worst } from './conclusion.ts'
import { counted } from './counted.ts'
import { formatDuration } from './duration.ts'
import { type OrderEvent, orderOfStream } from './order-event.ts'

/**
 * Reads what was proved of one order that everything of a person, or on a target, ends: whether two distinct persons
 * signed it, and whether all that it found open is said to be gone.
 */
export const concludeOrder = concludeStory<OrderEvent>(orderOfStream, ({ id, own, names, targets }) => {
  const [proposed] = own
  if (proposed?.type !== 'order.proposed') return null
  const parts = [signedPart(proposed, own, names), ...carriedOutPart(own)]
  return {
    about: id,
    line: parts.map(({ says }) => says).join(', '),
    standing: worst(parts.map(({ standing }) => standing)),
    begins: [proposedPart(proposed, names, targets)],
    goesOn: parts,
    notProved: [
      'when and how each access was gone: that is in the evidence of each, by its id',
      'that nothing else was open: the evidence of a period shows all that was asked for',
      'that whoever signed might: the events say as what, by the policy that they name',
    ],
  }
})

type Event = ProvedEvent<OrderEvent>
type Proposed = Extract<Event, { type: 'order.proposed' }>

function proposedPart({ at, data }: Proposed, names: Names, targets: Names): Part {
  const { by, as, subject, reason, pendingUntil, requests, grants, held, signers } = data
  const whose = subject.kind === 'person' ? `of ${names(subject.id)}` : `on ${targets(subject.id)}`
  return {
    title: 'Proposed',
    standing: 'shown',
    says: `${names(by)} proposed that everything ${whose} ends; open then: ${counted(grants, 'grant')} and ${counted(requests, 'request')}`,
    facts: [
      { label: 'What', value: `everything ${whose} ends` },
      { label: 'By', value: `${names(by)} as ${as.join(' and ')} (${data.assurance})` },
      { label: 'When', value: utc(at) },
      { label: 'Why', value: reason },
      { label: 'Open on', value: held.map(targets).join(', ') || 'nothing' },
      {
        label: 'Who may be the second',
        value: signers.map((one) => `${names(one.id)} as ${one.as.join(' and ')}`).join(', '),
      },
      { label: 'To be confirmed by', value: utc(pendingUntil) },
    ],
  }
}

function signedPart(proposed: Proposed, own: readonly Event[], names: Names): Part {
  const confirmed = lastOf(own, 'order.confirmed')
  const checks = confirmed === undefined ? [] : checksOf(proposed, confirmed)
  const clause = signedClause(proposed, own, checks, names)
  const facts: PartFact[] = [
    ...own.flatMap((event): PartFact[] => {
      if (event.type === 'order.confirmed') {
        const { by, as, assurance } = event.data
        return [{ label: 'Confirmed', value: `${utc(event.at)} by ${names(by)} as ${as.join(' and ')} (${assurance})` }]
      }
      if (event.type !== 'order.declined') return []
      return [{ label: 'Declined', value: `${utc(event.at)} by ${names(event.data.by)} (${event.data.assurance})` }]
    }),
    ...checks.map(({ holds, asks }) => ({ label: 'Checked', value: `${asks}: ${holds ? 'yes' : 'NO'}` })),
  ]
  return { title: 'Signed', standing: clause.standing, says: clause.words, facts }
}

function signedClause(proposed: Proposed, own: readonly Event[], checks: readonly Check[], names: Names): Clause {
  if (checks.length > 0) {
    if (checks.every(({ holds }) => holds)) return { words: 'signed by two persons', standing: 'shown' }
    return { words: 'NOT signed by two persons in time', standing: 'broken' }
  }
  if (own.some(({ type }) => REACHES.includes(type))) {
    return { words: 'carried out, and NOT signed by a second person', standing: 'broken' }
  }
  const declined = lastOf(own, 'order.declined')
  if (declined !== undefined) {
    const { by } = declined.data
    const words = by === proposed.data.by ? `taken back by ${names(by)}` : `declined by ${names(by)}`
    return { words: `${words}, nothing ended`, standing: 'shown' }
  }
  if (own.some(({ type }) => type === 'order.expired')) {
    return { words: 'never confirmed, nothing ended', standing: 'shown' }
  }
  return { words: `not confirmed yet, to be by ${utc(proposed.data.pendingUntil)}`, standing: 'open' }
}

const REACHES: readonly Event['type'][] = ['order.reached', 'order.carried-out']

interface Check {
  readonly asks: string
  readonly holds: boolean
}

function checksOf({ data }: Proposed, { at, data: second }: Extract<Event, { type: 'order.confirmed' }>): Check[] {
  const isAbout = (id: string) => data.subject.kind === 'person' && data.subject.id === id
  return [
    { asks: 'by distinct persons', holds: second.by !== data.by },
    { asks: 'neither is whom it is about', holds: !isAbout(data.by) && !isAbout(second.by) },
    { asks: 'each as somebody who may', holds: data.as.length > 0 && second.as.length > 0 },
    { asks: 'in time', holds: at < data.pendingUntil },
  ]
}

/** None before two have signed, and where nothing is to be ended. */
function carriedOutPart(own: readonly Event[]): Part[] {
  const confirmed = lastOf(own, 'order.confirmed')
  const done = lastOf(own, 'order.carried-out')
  const reached = new Set(allOf(own, 'order.reached').flatMap(({ data }) => data.grants))
  if (confirmed === undefined && done === undefined && reached.size === 0) return []
  const { ended = [], cancelled = [], stuck = [] } = done?.data ?? {}
  const unsaid = [...reached].filter((id) => ![...ended, ...cancelled, ...stuck].includes(id))
  const clause = carriedOut({ wasDone: done !== undefined, ended, cancelled, stuck, unsaid })
  const ids = (label: string, of: readonly string[]): PartFact[] =>
    of.length === 0 ? [] : [{ label, value: of.join(', ') }]
  const facts: PartFact[] = [
    ...ids('Found open', [...reached]),
    ...ids('Ended, and seen to be gone', ended),
    ...ids('Taken back before anything was given', cancelled),
    ...ids('NOT proved to be gone', stuck),
    ...ids(done === undefined ? 'Still being ended' : 'Nothing is said of', unsaid),
    ...(done === undefined ? [] : [{ label: 'Done', value: utc(done.at) }]),
    ...(done === undefined || confirmed === undefined
      ? []
      : [{ label: 'After it was confirmed', value: formatDuration(Math.max(0, done.at - confirmed.at)) }]),
  ]
  return [{ title: 'Carried out', standing: clause.standing, says: clause.words, facts }]
}

function carriedOut({ wasDone, ended, cancelled, stuck, unsaid }: Outcome): Clause {
  if (!wasDone) return { words: 'being carried out', standing: 'open' }
  if (stuck.length > 0) return { words: `${stuck.length} NOT proved to be gone`, standing: 'broken' }
  if (unsaid.length > 0) return { words: `carried out, and nothing is said of ${unsaid.length}`, standing: 'broken' }
  const all = [
    ...(ended.length === 0 ? [] : [`${ended.length} ended`]),
    ...(cancelled.length === 0 ? [] : [`${cancelled.length} taken back`]),
  ]
  return { words: `carried out: ${all.join(', ') || 'nothing was open any more'}`, standing: 'shown' }
}

interface Outcome {
  readonly wasDone: boolean
  readonly ended: readonly string[]
  readonly cancelled: readonly string[]
  readonly stuck: readonly string[]
  readonly unsaid: readonly string[]
}
