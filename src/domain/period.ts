import { dayAt, dayName, dayNamed, mondayOf, mondayOfWeek, startOfDay, weekName } from './calendar.ts'
import { type Refused, refuse } from './refusal.ts'

/** A stretch of whole days in one time zone. */
export interface Period {
  /** `2026-W47`, `2026-Q4`, or `2026-11-01..2026-11-15` with both days inside. */
  readonly name: string
  /** Epoch ms, inside. */
  readonly from: number
  /** Epoch ms, the first moment that is outside. */
  readonly until: number
  /** IANA. */
  readonly timeZone: string
}

/** No report looks at more at once. */
const MOST_DAYS = 366

/**
 * Reads `2026-W47`, `last` (also when nothing is said), `this`, `2026-Q4`, `2026-11`, `2026`, or `2026-11-01..2026-11-15`.
 * A period that has not begun is refused: an empty report on it would look like an answer.
 */
export function readPeriod(said: string, now: number, timeZone: string): Period | Refused {
  const word = said.trim().toLowerCase()
  const monday = mondayOf(dayAt(now, timeZone))
  if (word === '' || word === 'last') return weekFrom(monday - 7, timeZone)
  if (word === 'this') return weekFrom(monday, timeZone)
  const week = /^(\d{4})-w(\d{2})$/.exec(word)
  if (week !== null) {
    const first = mondayOfWeek(Number(week[1]), Number(week[2]))
    return first === null ? malformed(said) : begun(weekFrom(first, timeZone), now)
  }
  const months = readMonths(word)
  if (months !== null) return begun(monthsFrom(word.toUpperCase(), months, timeZone), now)
  const [first, last, ...more] = word.split('..').map(dayNamed)
  if (first == null || last == null || more.length > 0 || last < first) return malformed(said)
  if (last - first >= MOST_DAYS) {
    return refuse({ code: 'malformed', what: 'A period this long', expected: `at most ${MOST_DAYS} days` })
  }
  const period = {
    ...{ name: `${dayName(first)}..${dayName(last)}`, timeZone },
    ...{ from: startOfDay(first, timeZone), until: startOfDay(last + 1, timeZone) },
  }
  return begun(period, now)
}

/** The first of the months, counted from January of the year 0, and how many there are. */
function readMonths(word: string): { first: number; count: number } | null {
  const [, year = '', quarter, month] = /^(\d{4})(?:-q([1-4])|-(0[1-9]|1[0-2]))?$/.exec(word) ?? []
  if (year === '') return null
  const january = Number(year) * 12
  if (quarter !== undefined) return { first: january + (Number(quarter) - 1) * 3, count: 3 }
  return month === undefined ? { first: january, count: 12 } : { first: january + Number(month) - 1, count: 1 }
}

function monthsFrom(name: string, { first, count }: { first: number; count: number }, timeZone: string): Period {
  const start = (month: number) => {
    const day = `${String(Math.floor(month / 12)).padStart(4, '0')}-${String((month % 12) + 1).padStart(2, '0')}-01`
    return startOfDay(dayNamed(day) ?? 0, timeZone)
  }
  return { name, timeZone, from: start(first), until: start(first + count) }
}

/** @param monday its day number */
export function weekFrom(monday: number, timeZone: string): Period {
  return {
    ...{ name: weekName(monday), timeZone },
    ...{ from: startOfDay(monday, timeZone), until: startOfDay(monday + 7, timeZone) },
  }
}

/** What is inside, in words for an auditor. */
export function boundaryOf({ from, until, timeZone }: Period): string {
  const days = `${dayName(dayAt(from, timeZone))} to ${dayName(dayAt(until - 1, timeZone))}`
  return `whole days in ${timeZone}, ${days}, both days included`
}

function begun(period: Period, now: number): Period | Refused {
  if (period.from <= now) return period
  return refuse({
    code: 'malformed',
    what: `${period.name}, which has not begun,`,
    expected: 'a period that has begun',
  })
}

function malformed(said: string): Refused {
  const expected = 'a week such as 2026-W47, last, this, 2026-Q4, 2026-11, or 2026-11-01..2026-11-15'
  return refuse({ code: 'malformed', what: `The period ${said.trim()}`, expected })
}
