import type { Names } from './conclude-people.ts'
import { type PartFact, utc } from './conclusion.ts'
import type { FindingEvent } from './finding-event.ts'
import type { Placed } from './grant-event.ts'

/** What people and the machine did about a finding, one event after the other, for people to read. */
export function findingSteps(event: Placed<FindingEvent>, names: Names): PartFact[] {
  const { at, data } = event
  const signed = 'assurance' in data && data.assurance !== null ? ` (${String(data.assurance)})` : ''
  const who = (by: string | null) => (by === null ? 'Countersign' : names(by))
  const step = (label: string, value: string): PartFact[] => [{ label, value: `${utc(at)} ${value}` }]
  switch (event.type) {
    case 'finding.taken':
      return step('Taken', `by ${names(event.data.by)} as ${event.data.as.join(' and ')}${signed}`)
    case 'finding.due-moved':
      return step('Put off', `by ${names(event.data.by)}, to ${utc(event.data.due)}: ${event.data.reason}${signed}`)
    case 'finding.fixed':
      return step('Fixed', `by ${names(event.data.by)} as ${event.data.as.join(' and ')}: ${event.data.done}${signed}`)
    case 'finding.retested': {
      const { by, passed, saw } = event.data
      return step('Retested', `by ${who(by)}: ${passed === true ? 'gone' : 'STILL THERE'}; ${saw}`)
    }
    case 'finding.acceptance-asked': {
      const { by, until, reason, control } = event.data
      return step('Asked to leave it', `until ${utc(until)}, by ${names(by)}: ${reason}. Instead: ${control}${signed}`)
    }
    case 'finding.accepted':
      return step(
        'Left as it is',
        `until ${utc(event.data.until)}, by ${event.data.by.map(names).join(' and ')}${signed}`,
      )
    case 'finding.reopened': {
      const { because, due } = event.data
      return step('Opened again', `(${because === 'seen-again' ? 'seen again' : 'its time was up'}), due ${utc(due)}`)
    }
    case 'finding.reminded':
      return step('Reminded', `${event.data.to.map(names).join(', ')} (${event.data.because})`)
    case 'finding.closed':
      return step(
        'Closed',
        `by ${who(event.data.by)}${event.data.as.length === 0 ? '' : ` as ${event.data.as.join(' and ')}`}${signed}`,
      )
    default:
      return []
  }
}
