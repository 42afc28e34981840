export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** No duration in Countersign is longer, whatever a policy says: ten years. */
export const LONGEST_MS = 3650 * DAY

/** The grammar as a pattern, for editors and forms. It accepts a little more than `parseDuration` does (`0m`). */
export const DURATION_PATTERN = '^(?=[0-9])([0-9]{1,9}d)?([0-9]{1,9}h)?([0-9]{1,9}m)?([0-9]{1,9}s)?$'

/**
 * Reads `30m`, `2h`, `1h30m`, `1d`, `90s`: whole numbers, each unit at most once, from long to short.
 * `H` is read as `h`. A refusal says what would be accepted, in words that follow "Ask for" or "Write".
 */
export function parseDuration(text: string, limits: { readonly maxMs?: number } = {}): DurationReading {
  const longest = Math.min(limits.maxMs ?? LONGEST_MS, LONGEST_MS)
  const refuse = (code: DurationFault, accepted = EXAMPLES): DurationReading => ({ code, accepted })

  if (text === '') return refuse('empty')
  if (text.length > MAX_TEXT) return refuse('too-long-text')
  if (/^[-−–]/.test(text)) return refuse('negative')
  if (/^\d+$/.test(text)) return refuse('no-unit', readingsOf(Number(text)))
  if (/\d[.,]\d/.test(text)) return refuse('fractional')
  if (!/^(\d+[a-z]+)+$/i.test(text)) return refuse('malformed')

  let total = 0
  let previous = Number.POSITIVE_INFINITY
  for (const [, digits = '', unit = ''] of text.toLowerCase().matchAll(/(\d+)([a-z]+)/g)) {
    const unitMs = UNITS.get(unit)
    if (unitMs === undefined) return refuse('bad-unit')
    if (unitMs === previous) return refuse('repeated-unit')
    if (unitMs > previous) return refuse('unit-order')
    previous = unitMs
    total += Number(digits) * unitMs
  }
  if (total === 0) return refuse('zero')
  if (total > LONGEST_MS) return refuse('overflow', `at most ${formatDuration(longest)}`)
  if (total > longest) return refuse('over-limit', `at most ${formatDuration(longest)}`)
  return { ok: total }
}

/** The shortest text that `parseDuration` reads back. Parts of a second are left out; less than one is `0s`. */
export function formatDuration(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / SECOND)) * SECOND
  let text = ''
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs)
    if (count > 0) text += `${count}${unit}`
    rest -= count * unitMs
  }
  return text === '' ? '0s' : text
}

/** What a bare number may have meant; the examples when it can have meant nothing that is accepted. */
function readingsOf(count: number): string {
  const readings = (['m', 'h'] as const).filter((unit) => count * (UNITS.get(unit) ?? 0) <= LONGEST_MS)
  return count === 0 || readings.length === 0 ? EXAMPLES : readings.map((unit) => `${count}${unit}`).join(' or ')
}

const EXAMPLES = 'a time such as 30m, 2h, 1h30m or 1d'
const MAX_TEXT = 32
const UNITS: ReadonlyMap<string, number> = new Map([
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
])

export type DurationReading =
  | { readonly ok: number }
  | { readonly code: DurationFault /** What would be accepted. */; readonly accepted: string }

export type DurationFault =
  | 'empty'
  | 'too-long-text'
  | 'negative'
  | 'no-unit'
  | 'fractional'
  | 'malformed'
  | 'bad-unit'
  | 'repeated-unit'
  | 'unit-order'
  | 'zero'
  /** Over what any duration may be. */
  | 'overflow'
  /** Over the `maxMs` that was given. */
  | 'over-limit'
