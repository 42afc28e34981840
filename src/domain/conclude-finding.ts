import type { Names } from './conclude-people.ts'
import { concludeStory } from './conclude-story.ts'
import { allOf, type Clause, lastOf, type Part, type PartFact, type ProvedEvent, utc, worst } from './conclusion.ts'
import { formatDuration } from './duration.ts'
import { type FindingEvent, findingOfStream } from './finding-event.ts'
import { findingKindOf } from './finding-kinds.ts'
import { findingSteps } from './tell-finding.ts'

/**
 * Reads what was proved of one finding and says what it comes to: fixed, looked at since, and closed by another person,
 * or which of these fails. Found again from the events alone: who closed it has no say.
 */
export const concludeFinding = concludeStory<FindingEvent>(findingOfStream, ({ id, own, names, targets }) => {
  const [opened] = own
  if (opened?.type !== 'finding.opened') return null
  const { clauses, checks } = clausesOf(opened, own, names)
  const line = clauses.map(({ words }) => words).join(', ')
  const standing = worst(clauses.map((clause) => clause.standing))
  return {
    about: id,
    line,
    standing,
    begins: [foundPart(opened, own, names, targets)],
    goesOn: [
      {
        title: 'Settled',
        standing,
        says: line,
        facts: [...own.flatMap((event) => findingSteps(event, names)), ...checks],
      },
    ],
    notProved: [
      'that what was found is all there was: nobody can prove that nothing else was wrong',
      'what a person saw who looked: it is their word',
      'that whoever acted might: the events say as what, by the policy that they name',
    ],
  }
})

type Event = ProvedEvent<FindingEvent>
type Opened = Extract<Event, { type: 'finding.opened' }>

function foundPart({ at, data }: Opened, own: readonly Event[], names: Names, targets: Names): Part {
  const kind = findingKindOf(data.cause)
  const again = allOf(own, 'finding.seen-again')
  const reopened = allOf(own, 'finding.reopened').filter((one) => one.data.because === 'seen-again')
  const last = [...again, ...reopened].sort((a, b) => a.seq - b.seq).at(-1)
  const times = last === undefined ? '' : `, and seen again until ${utc(last.at)}`
  const details = new Set([data.detail, ...[...again, ...reopened].map((one) => one.data.detail ?? '')])
  return {
    title: 'Found',
    standing: 'shown',
    says: `${kind?.title ?? data.cause}: found by Countersign on ${utc(at)}${times}`,
    facts: [
      { label: 'Cause', value: data.cause },
      { label: 'About', value: [data.subject.kind, data.subject.id].filter(Boolean).join(' ') },
      ...(data.target === null ? [] : [{ label: 'Target', value: targets(data.target) }]),
      ...(data.persons.length === 0
        ? []
        : [{ label: 'Persons whom it is about', value: data.persons.map(names).join(', ') }]),
      ...(kind === null ? [] : [{ label: 'What may be wrong', value: kind.exposure }]),
      { label: 'How bad', value: `${data.severity}${data.financial ? '; touches financial reporting' : ''}` },
      ...[...details].filter((one) => one !== '').map((value) => ({ label: 'What was seen', value })),
      {
        label: 'Owners',
        value: data.owners.map(({ id, as }) => `${names(id)} as ${as.join(' and ')}`).join(', ') || 'nobody',
      },
      { label: 'Due', value: utc(data.due) },
      ...(data.after === null ? [] : [{ label: 'After', value: `${data.after}, of the same cause, which was closed` }]),
    ],
  }
}

function clausesOf(opened: Opened, own: readonly Event[], names: Names): { clauses: Clause[]; checks: PartFact[] } {
  const closed = lastOf(own, 'finding.closed')
  const due = dueAt(own, closed?.seq ?? Number.POSITIVE_INFINITY)
  if (closed !== undefined) {
    const checks =
      closed.data.by === null ? closedByItself(opened, own, closed) : closedByPerson(opened, own, closed, names)
    const failed = checks.filter(({ holds }) => !holds)
    const by = closed.data.by === null ? 'seen gone by the machine, closed by itself' : CLOSED_BY_ANOTHER
    const words = failed.length === 0 ? by : `closed, and NOT as it must be: ${failed.map(({ not }) => not).join('; ')}`
    return {
      clauses: [{ words, standing: failed.length === 0 ? 'shown' : 'broken' }, timely(closed.at, due)],
      checks: checks.map(inWords),
    }
  }
  return { clauses: openClauses(own, due), checks: acceptanceChecks(opened, own).map(inWords) }
}

const CLOSED_BY_ANOTHER = 'fixed, retested, closed by another person'

function timely(at: number, due: number): Clause {
  if (at <= due) return { words: 'in time', standing: 'shown' }
  return { words: `${formatDuration(at - due)} after it was due`, standing: 'broken' }
}

/** What it has come to so far. */
function openClauses(own: readonly Event[], due: number): Clause[] {
  const opened = own[0] as Opened
  const accepted = lastOf(own, 'finding.accepted')
  const changed = own.findLast(({ type }) => CHANGES.includes(type))
  if (accepted !== undefined && changed === accepted) {
    const failed = acceptanceChecks(opened, own).filter(({ holds }) => !holds)
    const until = utc(accepted.data.until)
    if (failed.length === 0) {
      return [{ words: `left as it is until ${until}, as two persons signed`, standing: 'open' }]
    }
    const words = `left as it is until ${until}, and NOT as it must be: ${failed.map(({ not }) => not).join('; ')}`
    return [{ words, standing: 'broken' }]
  }
  const last = own.at(-1)?.at ?? opened.at
  const late: Clause[] = last > due ? [{ words: `not closed when it was due (${utc(due)})`, standing: 'broken' }] : []
  const words = fixStanding(own)
  return [{ words: late.length > 0 ? words : `${words} (due ${utc(due)})`, standing: 'open' }, ...late]
}

const CHANGES: readonly Event['type'][] = ['finding.fixed', 'finding.accepted', 'finding.reopened']

function fixStanding(own: readonly Event[]): string {
  const fixed = lastOf(own, 'finding.fixed')
  if (fixed === undefined) return 'not fixed yet'
  if (fixFailed(own, fixed.seq)) return 'its fix did not hold, not fixed yet'
  const passed = allOf(own, 'finding.retested').some(({ seq }) => seq > fixed.seq)
  return passed ? 'fixed, retested, not closed yet' : 'fixed, not retested yet'
}

/** Seen again since, looked at and still there, or opened again. */
function fixFailed(own: readonly Event[], since: number): boolean {
  return own.some(
    ({ seq, type, data }) =>
      seq > since && (type === 'finding.reopened' || (type === 'finding.retested' && data.passed !== true)),
  )
}

/** The end that was set last before it was closed. */
function dueAt(own: readonly Event[], before: number): number {
  const set = own.findLast(({ seq, data }) => seq < before && 'due' in data)
  return set !== undefined && 'due' in set.data ? Number(set.data.due) : Number.NaN
}

interface Check {
  readonly holds: boolean
  readonly asks: string
  /** What is said where it fails. */
  readonly not: string
}

type Closed = Extract<Event, { type: 'finding.closed' }>

/** A fix, a look since by somebody else, and a closer who neither made a fix nor is whom it is about. */
function closedByPerson({ data }: Opened, own: readonly Event[], closed: Closed, names: Names): Check[] {
  const before = own.filter(({ seq }) => seq < closed.seq)
  const fixes = allOf(before, 'finding.fixed')
  const fixed = fixes.at(-1)
  const fixers = fixes.map((one) => one.data.by)
  const mayNot = (by: string | null) => by !== null && (fixers.includes(by) || data.persons.includes(by))
  const looks = allOf(before, 'finding.retested').filter(({ seq }) => seq > (fixed?.seq ?? closed.seq))
  const { by, as } = closed.data
  const closer = by === null ? 'Countersign' : names(by)
  return [
    { holds: fixed !== undefined, asks: 'somebody said what was done about it', not: 'nobody fixed it' },
    {
      holds: fixed === undefined || !fixFailed(before, fixed.seq),
      asks: 'nothing of it was seen after the last fix',
      not: 'its last fix did not hold',
    },
    {
      holds: looks.some((one) => one.data.passed === true && !mayNot(one.data.by)),
      asks: 'the machine or another person looked after the last fix, and it was gone',
      not: 'nobody else looked after the last fix',
    },
    {
      holds: !fixers.includes(by ?? ''),
      asks: 'whoever closed it had not fixed it',
      not: `it was closed by ${closer}, who had fixed it`,
    },
    {
      holds: !data.persons.includes(by ?? ''),
      asks: 'whoever closed it is not whom it is about',
      not: `it was closed by ${closer}, whom it is about`,
    },
    { holds: as.length > 0, asks: 'it is said as what they closed it', not: `${closer} closed it as nothing` },
  ]
}

/** Where no more is asked for its cause, and financial reporting is not touched. */
function closedByItself({ data }: Opened, own: readonly Event[], closed: Closed): Check[] {
  const looked = lastOf(
    own.filter(({ seq }) => seq < closed.seq),
    'finding.retested',
  )
  const again = own.some(({ seq, type }) => seq > (looked?.seq ?? 0) && seq < closed.seq && SEEN.includes(type))
  return [
    {
      holds: looked?.data.by === null && looked.data.passed === true && !again,
      asks: 'the machine looked last, and it was gone',
      not: 'no look of the machine found it gone',
    },
    {
      holds: !data.financial,
      asks: 'financial reporting is not touched',
      not: 'a person has to close what touches financial reporting',
    },
    {
      holds: findingKindOf(data.cause)?.closesItself === true,
      asks: 'no person is asked for this cause',
      not: 'a person has to close what has this cause',
    },
  ]
}

const SEEN: readonly Event['type'][] = ['finding.seen-again', 'finding.reopened']

/** Two distinct persons, none of them whom it is about, for the same time. None where it was never left as it is. */
function acceptanceChecks({ data }: Opened, own: readonly Event[]): Check[] {
  return allOf(own, 'finding.accepted').flatMap((accepted): Check[] => {
    const asked = lastOf(
      own.filter(({ seq }) => seq < accepted.seq),
      'finding.acceptance-asked',
    )
    const { by, until } = accepted.data
    return [
      { holds: new Set(by).size >= 2, asks: 'two distinct persons signed', not: 'one person signed alone' },
      {
        holds: asked !== undefined && asked.data.by === by[0] && asked.data.until === until && accepted.at < until,
        asks: 'the second signed what the first had asked for',
        not: 'the second signed something else than was asked for',
      },
      {
        holds: !by.some((one) => data.persons.includes(one)),
        asks: 'neither is whom it is about',
        not: 'one of the two is whom it is about',
      },
    ]
  })
}

function inWords({ holds, asks, not }: Check): PartFact {
  return { label: 'Checked', value: holds ? `${asks}: yes` : `${asks}: NO, ${not}` }
}
