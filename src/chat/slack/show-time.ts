import type { Span } from '../../ports/chat.ts'

type Show = Extract<Span, { kind: 'time' }>['show']

/** In the words of Slack's date formats, which the reader's client fills in for the reader's own zone. */
export const DATE_FORMATS: Readonly<Record<Show, string>> = {
  time: '{time}',
  'date-time': '{date_short_pretty} {time}',
  'time-seconds': '{time_secs}',
}

const PARTS: Readonly<Record<Show, Intl.DateTimeFormatOptions>> = {
  time: { hour: '2-digit', minute: '2-digit' },
  'date-time': { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  'time-seconds': { hour: '2-digit', minute: '2-digit', second: '2-digit' },
}

/** A moment in one named zone, for clients that cannot show it in the reader's own. `at` is epoch ms. */
export function inZone(at: number, show: Show, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', { ...PARTS[show], hour12: false, timeZone, timeZoneName: 'short' })
  return format.format(new Date(at))
}
