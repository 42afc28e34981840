/** Days, weeks and working days of one IANA time zone. A day is counted in days since 1970-01-01, a Thursday. */

const DAY_MS = 24 * 60 * 60_000

/** The local date at a moment, as a day number. @param at epoch ms */
export function dayAt(at: number, timeZone: string): number {
  return Math.floor((at + offsetAt(at, timeZone)) / DAY_MS)
}

/** The first moment of a day, epoch ms: midnight, or where the clock skips it, the moment after the gap. */
export function startOfDay(day: number, timeZone: string): number {
  // No zone is further than 14 hours from UTC.
  let [before, from] = [day * DAY_MS - 24 * 60 * 60_000, day * DAY_MS + 24 * 60 * 60_000]
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2)
    if (dayAt(middle, timeZone) < day) before = middle
    else from = middle
  }
  return from
}

/** The Monday of the ISO week that a day is in. */
export function mondayOf(day: number): number {
  return day - ((((day + 3) % 7) + 7) % 7)
}

/** `2026-W47` of a Monday: the week belongs to the year of its Thursday (ISO 8601). */
export function weekName(monday: number): string {
  const thursday = monday + 3
  const year = new Date(thursday * DAY_MS).getUTCFullYear()
  const number = 1 + (mondayOf(thursday) - firstMonday(year)) / 7
  return `${year}-W${String(number).padStart(2, '0')}`
}

/** The Monday that begins a week; null when the year has no such week. */
export function mondayOfWeek(year: number, week: number): number | null {
  const monday = firstMonday(year) + (week - 1) * 7
  return weekName(monday) === `${year}-W${String(week).padStart(2, '0')}` ? monday : null
}

/** `2026-11-23`. */
export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

/** Null when there is no such date. @param name `2026-11-23` */
export function dayNamed(name: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(name)) return null
  const at = Date.parse(`${name}T00:00:00Z`)
  return Number.isNaN(at) || dayName(at / DAY_MS) !== name ? null : at / DAY_MS
}

/** The day that is so many working days, Monday to Friday, after another. Holidays are not known. */
export function workingDaysAfter(day: number, count: number): number {
  let found = day
  for (let left = count; left > 0; ) {
    found += 1
    if (found - mondayOf(found) < 5) left -= 1
  }
  return found
}

/** Week 1 is the one with 4 January in it. */
function firstMonday(year: number): number {
  return mondayOf(Date.UTC(year, 0, 4) / DAY_MS)
}

function offsetAt(at: number, timeZone: string): number {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { ...PARTS, timeZone })
    formats.set(timeZone, format)
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000
}

/** Making one takes longer than asking it. */
const formats = new Map<string, Intl.DateTimeFormat>()

const PARTS: Intl.DateTimeFormatOptions = {
  ...{ hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
  ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
}
