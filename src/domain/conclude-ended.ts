import type { Names } from './conclude-people.ts'
import {
  allOf,
  type Clause,
  type EventOf,
  lastOf,
  type Part,
  type PartFact,
  type ProvedEvent,
  utc,
} from './conclusion.ts'
import { formatDuration, SECOND } from './duration.ts'
import type { EndingCause, Look } from './grant-event.ts'
import { keptByInWords } from './independence.ts'

/** New logins stopped no later than this after the end: what the house calls on time. */
export const ON_TIME_MS = 5 * SECOND

/** When it was given and how it was seen to work; what of it may be there still when it never was. */
export function concludeGiven(events: readonly ProvedEvent[], names: Names): Part {
  const providing = lastOf(events, 'grant.providing')
  const active = lastOf(events, 'grant.active')
  const failed = lastOf(events, 'grant.failed')
  const facts: PartFact[] = [
    ...waits(events),
    ...allOf(events, 'grant.attempt-failed').map(failure),
    ...(providing === undefined ? [] : provided(providing, holderOf(events, names))),
    ...(active === undefined
      ? []
      : [{ label: 'Usable', value: utc(active.data.activatedAt) }, ...looks(active.data.checks)]),
    ...allOf(events, 'grant.connection-shown').map(({ at, data }) => ({
      label: 'How to connect',
      value: `${utc(at)}, shown to ${names(data.by)}`,
    })),
    ...(failed === undefined ? [] : [{ label: 'Given up', value: `${failed.data.message} (${failed.data.code})` }]),
  ]
  const part = (standing: Part['standing'], says: string): Part => ({ title: 'Given', standing, says, facts })
  if (active !== undefined) {
    const { checks } = active.data
    if (checks.length > 0 && checks.every(({ ok }) => ok === true)) return part('shown', 'given, and seen to work')
    return part('unclear', 'given; no look on record shows that it worked')
  }
  if (providing === undefined) return part('shown', 'nothing was given')
  if (firstEnding(events) !== undefined) return part('shown', 'begun, and never seen to work')
  return part('open', 'being given: the access may exist')
}

/** Whether nobody could come in any more at the moment that was allowed. */
export function concludeEnded(events: readonly ProvedEvent[], names: Names): Part {
  const clause = clauseOf(events)
  const ending = firstEnding(events)
  const facts: PartFact[] = []
  const until = allowedUntil(events)
  if (until !== null) facts.push({ label: 'Allowed until', value: utc(until) })
  if (ending !== undefined) {
    const { cause, by, due, order } = ending.data
    facts.push({
      label: 'Cause',
      value: `${CAUSES[cause] ?? cause}${by === null ? '' : `, by ${names(by)}`}${order === undefined ? '' : `, order ${order}`}`,
    })
    facts.push({ label: 'Due', value: utc(due) }, { label: 'Begun', value: utc(ending.at) })
  }
  for (const { type, at, data } of events.filter(isStep)) {
    facts.push({ label: STEPS[type], value: `${utc(at)}: ${data.summary}` }, ...looks(data.checks))
  }
  const late = latenessOf(events)
  if (late !== null) facts.push({ label: 'Late by', value: inSeconds(late) })
  return { title: 'Ended', standing: clause.standing, says: clause.words, facts }
}

function clauseOf(events: readonly ProvedEvent[]): Clause {
  const ending = firstEnding(events)
  const until = allowedUntil(events)
  if (ending === undefined) {
    return { words: until === null ? 'not yet ended' : `not yet ended (due ${utc(until)})`, standing: 'open' }
  }
  if (events.some(({ seq, type }) => seq > ending.seq && ENDS.includes(type))) {
    return { words: 'given again after its end', standing: 'broken' }
  }
  const late = latenessOf(events)
  if (late === null) return { words: 'ending, and logins not seen stopped', standing: 'open' }
  if (late <= ON_TIME_MS) return { words: 'ended on time', standing: 'shown' }
  return { words: `ended late by ${inSeconds(late)}`, standing: 'broken' }
}

/** The end that the events allow: the last one that was set. Null before anything is given. */
export function allowedUntil(events: readonly ProvedEvent[]): number | null {
  const ending = firstEnding(events)?.seq ?? Infinity
  const set = events.findLast(({ seq, type }) => seq < ending && ENDS.includes(type))
  switch (set?.type) {
    case 'grant.providing':
      return set.data.endsBy
    case 'grant.active':
    case 'grant.extended':
      return set.data.endsAt
    default:
      return null
  }
}

const ENDS: readonly ProvedEvent['type'][] = ['grant.providing', 'grant.active', 'grant.extended']

/** Milliseconds from the earlier of due and allowed to when nobody came in any more; null while logins are not stopped. */
export function latenessOf(events: readonly ProvedEvent[]): number | null {
  const ending = firstEnding(events)
  if (ending === undefined) return null
  const stopped = events.find(({ seq, type }) => seq > ending.seq && STOPS.includes(type))
  const deadline = Math.min(ending.data.due, allowedUntil(events) ?? ending.data.due)
  return stopped === undefined ? null : Math.max(0, stopped.at - deadline)
}

const STOPS: readonly ProvedEvent['type'][] = ['grant.disabled', 'grant.removed']

/** Whatever comes after the first one is measured against it. */
function firstEnding(events: readonly ProvedEvent[]): EventOf<'grant.ending'> | undefined {
  return allOf(events, 'grant.ending')[0]
}

function waits(events: readonly ProvedEvent[]): PartFact[] {
  return allOf(events, 'grant.waiting').map(({ at, data }) => ({
    label: 'Waited',
    value: `${utc(at)}, for the ${data.because}`,
  }))
}

function holderOf(events: readonly ProvedEvent[], names: Names): string {
  const [asked] = allOf(events, 'request.asked')
  return asked === undefined ? '' : `, made for ${names(asked.data.for)}`
}

function provided({ at, data }: EventOf<'grant.providing'>, forWhom: string): PartFact[] {
  return [
    { label: 'Account', value: `${data.account}${forWhom}` },
    { label: 'Begun', value: `${utc(at)}, with the approval inside a checkpoint of ${data.checkpointSize} events` },
    ...(data.independence === undefined ? [] : [{ label: 'Kept by', value: keptByInWords(data.independence.keptBy) }]),
    { label: "The target's own expiry", value: utc(data.nativeExpiry) },
  ]
}

function failure({ at, data }: EventOf<'grant.attempt-failed'>): PartFact {
  return { label: 'Did not work', value: `${utc(at)}, ${data.step}: ${data.message} (${data.code})` }
}

export function looks(checks: readonly Look[]): PartFact[] {
  return checks.map(({ name, expected, observed, ok }) => ({
    label: ok === true ? 'Looked' : 'Looked, NOT as expected',
    value: ok === true ? `${name}: ${observed}` : `${name}: ${observed}; expected ${expected}`,
  }))
}

type Step = EventOf<'grant.disabled'> | EventOf<'grant.sessions-ended'> | EventOf<'grant.access-removed'>

function isStep(event: ProvedEvent): event is Step {
  return Object.hasOwn(STEPS, event.type)
}

const STEPS: Readonly<Record<Step['type'], string>> = {
  'grant.disabled': 'Logins stopped',
  'grant.sessions-ended': 'Sessions ended',
  'grant.access-removed': 'Removed',
}

const CAUSES: Readonly<Record<EndingCause, string>> = {
  expired: 'its time was up',
  done: 'given back',
  'ended-by-person': 'ended by a person',
  ordered: 'ended by an order',
  left: 'its holder had left',
  moved: 'its holder might not ask for it any more',
  'provision-failed': 'it could not be given',
}

/** `0.412 s`, `3m12s`. */
function inSeconds(ms: number): string {
  return ms < 60 * SECOND ? `${(ms / SECOND).toFixed(3)} s` : formatDuration(ms)
}
