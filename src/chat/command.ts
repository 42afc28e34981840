import { type DurationFault, LONGEST_MS, parseDuration } from '../domain/duration.ts'
import { readEvidenceId } from '../domain/evidence-id.ts'
import { readFindingId } from '../domain/finding-event.ts'
import { readGrantId } from '../domain/grant-event.ts'
import { readOrderId } from '../domain/order-event.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { isVerb } from '../domain/verbs.ts'

/** What somebody said after `/access`, understood. Every platform calls this one parser. */
export type Command =
  | { readonly verb: 'form' | 'help' | 'list' | 'mine' }
  /** Empty: the last week. */
  | { readonly verb: 'digest'; readonly period: string }
  | { readonly verb: 'here'; readonly off: boolean }
  | { readonly verb: 'status' | 'end' | 'cancel' | 'done'; readonly grant: string }
  /** Of a grant, an order, a finding, or the freezes of a target. */
  | { readonly verb: 'evidence'; readonly id: string }
  /** `grant`: what it may be as well, where no target is called so. */
  | { readonly verb: 'evidence-of'; readonly subject: string; readonly period: string; readonly grant: string | null }
  /** Empty: show me a code. */
  | { readonly verb: 'link'; readonly typed: string }
  | { readonly verb: 'freeze'; readonly scope: string; readonly reason: string }
  | { readonly verb: 'unfreeze'; readonly scope: string }
  | { readonly verb: 'hold' | 'erase'; readonly subject: string; readonly reason: string }
  | { readonly verb: 'unhold'; readonly hold: string }
  | { readonly verb: 'redact'; readonly said: string; readonly reason: string }
  | { readonly verb: 'revoke-all'; readonly subject: string; readonly reason: string }
  | { readonly verb: 'passkey'; readonly what: 'list' | 'new' | 'reset'; readonly person: string }
  | { readonly verb: 'findings'; readonly finding: string | null }
  | { readonly verb: 'finding-due'; readonly finding: string; readonly inMs: number; readonly reason: string }
  | { readonly verb: 'order-status' | 'order-cancel'; readonly order: string }
  | { readonly verb: 'extend'; readonly grant: string; readonly durationMs: number; readonly reason: string }
  | {
      readonly verb: 'ask'
      readonly target: string
      readonly entitlement: string | null
      readonly durationMs: number
      readonly reason: string
    }

/** Longer is not a command: the refusal says so instead of reading on. */
const MOST_CHARACTERS = 4_000

/** Reads a command. What cannot be read is refused with what would be accepted. */
export function parseCommand(said: string): Command | Refused {
  if (said.length > MOST_CHARACTERS) {
    return refuse({ code: 'malformed', what: 'A command this long', expected: `at most ${MOST_CHARACTERS} characters` })
  }
  const words = said.trim()
  const [first = '', rest] = firstWord(words)
  if (first === '') return { verb: 'form' }
  if (isVerb(first)) return parseVerb(first.toLowerCase(), rest)
  const [duration, reason] = firstWord(rest)
  const ask = readAsk(first, duration, reason)
  return 'refused' in ask ? ask : (refuseSecond(duration, reason) ?? ask)
}

/** Reads `prod-db:read`, `2h` and a reason, each by itself, as a form has them. */
export function readAsk(right: string, duration: string, reason: string): Command | Refused {
  const match = /^([^\s:]{1,64})(?::([^\s:]{1,64}))?$/u.exec(right)
  if (match?.[1] === undefined) {
    return refuse({ code: 'malformed', what: 'The first word', expected: 'a target, or target:entitlement' })
  }
  const durationMs = readDuration(duration)
  if (typeof durationMs !== 'number') return durationMs
  return { verb: 'ask', target: match[1], entitlement: match[2] ?? null, durationMs, reason: reason.trim() }
}

/** @returns milliseconds, or a refusal that says what would be accepted */
export function readDuration(said: string): number | Refused {
  const words = said.trim()
  const reading = parseDuration(words, { maxMs: LONGEST_MS })
  if ('ok' in reading) return reading.ok
  const joined = words.replaceAll(/\s+/gu, '')
  if (joined !== words && 'ok' in parseDuration(joined)) return notOneWord(words, joined)
  const problem = PROBLEMS[reading.code]
  return refuse({ code: 'bad-duration', said: words.slice(0, 64), problem, accepted: reading.accepted })
}

/**
 * Refuses a reason that begins with a duration: `2h 30m fix` may mean two hours and a half, and the
 * wrong guess gives somebody an access that nobody meant.
 */
function refuseSecond(duration: string, reason: string): Refused | null {
  const [next] = firstWord(reason)
  if (!('ok' in parseDuration(duration)) || !('ok' in parseDuration(next))) return null
  const joined = `${duration}${next}`
  const accepted = 'ok' in parseDuration(joined) ? joined : `${duration}, and begin the reason with a word`
  return notOneWord(`${duration} ${next}`, accepted)
}

function notOneWord(said: string, accepted: string): Refused {
  return refuse({ code: 'bad-duration', said: said.slice(0, 64), problem: 'it is more than one word', accepted })
}

const PROBLEMS: Readonly<Record<DurationFault, string>> = {
  empty: 'it is missing',
  'too-long-text': 'it is too long a text',
  negative: 'it is negative',
  'no-unit': 'it has no unit',
  fractional: 'it is not a whole number',
  malformed: 'a duration is numbers with units, nothing else',
  'bad-unit': 'the units are d, h, m and s',
  'repeated-unit': 'each unit stands once',
  'unit-order': 'the units go from long to short',
  zero: 'it is no time at all',
  overflow: 'it is longer than anything may last',
  'over-limit': 'it is too long',
}

function parseVerb(verb: string, rest: string): Command | Refused {
  switch (verb) {
    case 'help':
    case 'list':
    case 'mine':
      return { verb }
    case 'here': {
      const [word] = firstWord(rest.toLowerCase())
      if (word === '' || word === 'off') return { verb, off: word === 'off' }
      return refuse({ code: 'malformed', what: 'What follows here', expected: 'nothing, or off' })
    }
    case 'evidence':
      return parseEvidence(rest)
    case 'status':
    case 'end':
    case 'cancel':
    case 'done': {
      const order = readOrderId(rest)
      if (order !== null && (verb === 'status' || verb === 'cancel')) return { verb: `order-${verb}`, order }
      const finding = readFindingId(rest)
      if (finding !== null && verb === 'status') return { verb: 'findings', finding }
      const grant = readGrantId(rest)
      return grant === null ? refuse({ code: 'unknown-grant', said: rest.slice(0, 64) }) : { verb, grant }
    }
    case 'digest':
      return { verb, period: rest.trim().slice(0, 64) }
    case 'link':
      return { verb, typed: rest.trim().slice(0, 64) }
    case 'freeze': {
      const [scope, reason] = firstWord(rest)
      return { verb, scope, reason }
    }
    case 'unfreeze':
      return { verb, scope: firstWord(rest)[0] }
    case 'revoke-all': {
      const [subject, reason] = firstWord(rest)
      if (subject !== '') return { verb, subject, reason }
      return refuse({ code: 'malformed', what: 'revoke-all alone', expected: '@person or a target, and why' })
    }
    case 'hold':
    case 'erase': {
      const [subject, reason] = firstWord(rest)
      if (subject !== '' || verb === 'hold') return { verb, subject, reason }
      return refuse({ code: 'malformed', what: 'erase alone', expected: '@person, and why' })
    }
    case 'redact': {
      const [said, reason] = firstWord(rest)
      if (said !== '') return { verb, said, reason }
      const expected = 'the id of a line, such as T-7K3QF2M9, or of a grant, and why'
      return refuse({ code: 'malformed', what: 'redact alone', expected })
    }
    case 'unhold': {
      const [hold] = firstWord(rest)
      if (hold !== '') return { verb, hold }
      return refuse({ code: 'malformed', what: 'unhold alone', expected: 'the id of a hold, such as H-7K3QF0' })
    }
    case 'passkey': {
      const [what, person] = firstWord(rest)
      const word = what.toLowerCase() || 'list'
      if (word === 'reset') return { verb, what: word, person: person.trim() }
      if (person === '' && (word === 'list' || word === 'new')) return { verb, what: word, person: '' }
      const expected = 'passkey, passkey new, passkey list, or passkey reset'
      return refuse({ code: 'malformed', what: 'What follows passkey', expected })
    }
    case 'findings':
      return parseFindings(rest)
    case 'extend': {
      const [id, after] = firstWord(rest)
      const grant = readGrantId(id)
      if (grant === null) return refuse({ code: 'unknown-grant', said: id.slice(0, 64) })
      const [duration, reason] = firstWord(after)
      const durationMs = readDuration(duration)
      if (typeof durationMs !== 'number') return durationMs
      return refuseSecond(duration, reason) ?? { verb, grant, durationMs, reason }
    }
    default:
      return refuse({ code: 'unknown-command', said: verb })
  }
}

/** An id, or a person or a target with a period. */
function parseEvidence(rest: string): Command | Refused {
  const [subject, period] = firstWord(rest)
  const isId = subject === '' || (period === '' && /^([A-Z]-|freeze:)/iu.test(subject))
  if (!isId) return { verb: 'evidence-of', subject, period, grant: period === '' ? readGrantId(subject) : null }
  const id = readEvidenceId(subject)
  return id === null ? refuse({ code: unknownCode(subject), said: rest.slice(0, 64) }) : { verb: 'evidence', id }
}

/** By its letter: what somebody mistyped is answered in its own words. */
function unknownCode(typed: string): 'unknown-order' | 'unknown-finding' | 'unknown-grant' {
  if (/^R-/iu.test(typed)) return 'unknown-order'
  return /^F-/iu.test(typed) ? 'unknown-finding' : 'unknown-grant'
}

/** Nothing, one of them, or `F-7K3QF0 due 3d why`. */
function parseFindings(rest: string): Command | Refused {
  const [id, after] = firstWord(rest)
  if (id === '') return { verb: 'findings', finding: null }
  const finding = readFindingId(id)
  if (finding === null) return refuse({ code: 'unknown-finding', said: id.slice(0, 64) })
  if (after === '') return { verb: 'findings', finding }
  const [what, words] = firstWord(after)
  if (what.toLowerCase() !== 'due') {
    return refuse({ code: 'malformed', what: 'What follows the finding', expected: 'nothing, or due 3d and why' })
  }
  const [duration, reason] = firstWord(words)
  const inMs = readDuration(duration)
  return typeof inMs === 'number' ? { verb: 'finding-due', finding, inMs, reason } : inMs
}

function firstWord(text: string): [string, string] {
  const match = /^(\S*)\s*([\s\S]*)$/u.exec(text.trim())
  return [match?.[1] ?? '', match?.[2] ?? '']
}
