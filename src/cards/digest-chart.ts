import { dayAt, dayName, mondayOf } from '../domain/calendar.ts'
import type { DigestCounts } from '../domain/count-digest.ts'
import type { Period } from '../domain/period.ts'
import type { Chart } from '../ports/chat.ts'

/** More days than these are shown by week. */
const MOST_DAYS = 21

/** What was asked and given on each day of a period, or in each week of a long one; null where there was nothing. */
export function digestChart(
  { from, until, timeZone }: Pick<Period, 'from' | 'until' | 'timeZone'>,
  days: DigestCounts['days'],
): Chart | null {
  if (days.every(({ asked, granted }) => asked === 0 && granted === 0)) return null
  const first = dayAt(from, timeZone)
  const byWeek = dayAt(until - 1, timeZone) - first >= MOST_DAYS
  const pairs: { label: string; values: [number, number] }[] = []
  let slot: number | null = null
  for (const [place, { asked, granted }] of days.entries()) {
    const day = first + place
    const its: number = byWeek ? mondayOf(day) : day
    if (its !== slot) pairs.push({ label: labelOf(day), values: [0, 0] })
    slot = its
    const values = pairs.at(-1)?.values ?? [0, 0]
    values[0] += asked
    values[1] += granted
  }
  const said = pairs.map(({ label, values: [asked, granted] }) => `${label} ${asked} and ${granted}`).join(', ')
  return { pairs, legend: ['asked', 'given'], words: `Asked and given by ${byWeek ? 'week' : 'day'}: ${said}` }
}

/** `Mon 16`, as the day of the month. */
function labelOf(day: number): string {
  return `${WEEKDAYS[day - mondayOf(day)]} ${Number(dayName(day).slice(8))}`
}

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
