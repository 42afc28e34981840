/**
 * Reads an event of the house in the form that this version writes, whichever version wrote it: what was recorded stays
 * as it was for as long as it is kept. Events of other types and forms come back as they are.
 */
export function upcast<Event extends Versioned>(event: Event): Event {
  switch (`${event.type}/${event.v}`) {
    case 'evidence.opened/1': {
      const { grant, ...data } = event.data
      return { ...event, v: 2, data: { ...data, about: grant } }
    }
    default:
      return event
  }
}

interface Versioned {
  readonly type: string
  readonly v: number
  readonly data: Readonly<Record<string, unknown>>
}
