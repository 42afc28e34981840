import type { Span } from '../../ports/chat.ts'

type Show = Extract<Span, { kind: 'time' }>['show']

/** In the words of Slack's date formats, which the reader's client fills in for the reader's own zone. */
export const DATE_FORMATS: Readonly<Record<Show, string>> = {
  time: '{time}',
  'date-time': '{date_short_pretty} {time}',
  'time-seconds': '{time_secs}',
}
