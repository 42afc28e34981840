import { createTask, validateDetailed } from 'node-cron'

const MINUTE_MS = 60_000
const EVERY_HOUR = 24

/**
 * The slots of a cron expression: when its runs are due, to the minute.
 *
 * node-cron says whether a moment matches; which moments are asked about is decided here, because its
 * own sequence leaves out a run whose local time is skipped when clocks go forward. As in cron since
 * Vixie's: a run at a set hour happens once on every day, right after a gap that swallowed its time and
 * at the first of two equal times; a run in every hour goes by elapsed time.
 *
 * @throws TypeError when the expression or the time zone cannot be used
 */
export function readCron(expression: string, timeZone: string): Cron {
  const { valid, fields, errors } = validateDetailed(expression)
  if (!valid || !fields) {
    throw new TypeError(`cron "${expression}": ${errors.map(({ message }) => message).join('; ')}`)
  }
  if (expression.trim().split(/\s+/).length !== 5)
    throw new TypeError(`cron "${expression}": give five fields, to the minute`)
  const offsetAt = readOffsets(timeZone)
  const everyHour = fields.hour.length === EVERY_HOUR
  const inZone = createTask(expression, () => undefined, { timezone: timeZone })
  const inLocalTime = createTask(expression, () => undefined, { timezone: 'UTC' })
  // node-cron keeps a list of all tasks it ever made; these two are asked questions only.
  void inZone.destroy()
  void inLocalTime.destroy()

  function* elapsedTime(after: number, until: number): Generator<number> {
    for (let at = nextMinute(after); at <= until; at += MINUTE_MS) if (inZone.match(new Date(at))) yield at
  }

  function* localTime(after: number, until: number): Generator<number> {
    let last = after
    const from = nextMinute(after + offsetAt(after)) - 3 * 60 * MINUTE_MS
    const to = until + offsetAt(until) + 3 * 60 * MINUTE_MS
    for (let local = from; local <= to; local += MINUTE_MS) {
      if (!inLocalTime.match(new Date(local))) continue
      const at = firstMomentOf(local, offsetAt)
      if (at > last && at <= until) {
        last = at
        yield at
      }
    }
  }

  return { slotsBetween: (after, until) => (everyHour ? elapsedTime(after, until) : localTime(after, until)) }
}

/** Local times are written as the moment that would show them in UTC. */
function firstMomentOf(local: number, offsetAt: (at: number) => number): number {
  const [before, after] = [offsetAt(local - 24 * 60 * MINUTE_MS), offsetAt(local + 24 * 60 * MINUTE_MS)]
  const moments = [local - before, local - after].filter((at) => at + offsetAt(at) === local)
  if (moments.length > 0) return Math.min(...moments)
  // In the gap. With the offset of before, the time lies as far behind the change as it lies in the gap.
  let change = local - before
  while (offsetAt(change - MINUTE_MS) === offsetAt(local - before)) change -= MINUTE_MS
  return change
}

function readOffsets(timeZone: string): (at: number) => number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (at) => {
    const part = Object.fromEntries(parts.formatToParts(at).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000
  }
}

const nextMinute = (at: number) => Math.floor(at / MINUTE_MS) * MINUTE_MS + MINUTE_MS

export interface Cron {
  /** Those later than `after` and not later than `until`, in order. Epoch milliseconds. */
  slotsBetween(after: number, until: number): Iterable<number>
}
