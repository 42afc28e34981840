import { LONGEST_MS, parseDuration } from '../domain/duration.ts'
import { readGrantId } from '../domain/grant-event.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { isVerb } from '../domain/verbs.ts'

/** What somebody said after `/access`, understood. Every platform calls this one parser. */
export type Command =
  | { readonly verb: 'form' | 'help' | 'list' | 'mine' }
  | { readonly verb: 'status' | 'end' | 'cancel' | 'done'; readonly grant: string }
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
  return parseAsk(first, rest)
}

/** Reads `prod-db:read`, `2h` and a reason, from a line or from a form. */
export function parseAsk(right: string, rest: string): Command | Refused {
  const match = /^([^\s:]{1,64})(?::([^\s:]{1,64}))?$/u.exec(right)
  if (match?.[1] === undefined) {
    return refuse({ code: 'malformed', what: 'The first word', expected: 'a target, or target:entitlement' })
  }
  const [duration, reason] = firstWord(rest)
  const durationMs = readDuration(duration)
  if (typeof durationMs !== 'number') return durationMs
  return { verb: 'ask', target: match[1], entitlement: match[2] ?? null, durationMs, reason }
}

/** @returns milliseconds, or a refusal that says what would be accepted */
export function readDuration(said: string): number | Refused {
  const reading = parseDuration(said, { maxMs: LONGEST_MS })
  if ('ok' in reading) return reading.ok
  const problem = reading.code === 'empty' ? 'the duration is missing' : reading.code.replaceAll('-', ' ')
  return refuse({ code: 'bad-duration', said: said.slice(0, 64), problem, accepted: reading.accepted })
}

function parseVerb(verb: string, rest: string): Command | Refused {
  switch (verb) {
    case 'help':
    case 'list':
    case 'mine':
      return { verb }
    case 'status':
    case 'end':
    case 'cancel':
    case 'done': {
      const grant = readGrantId(rest)
      return grant === null ? refuse({ code: 'unknown-grant', said: rest.slice(0, 64) }) : { verb, grant }
    }
    case 'extend': {
      const [id, after] = firstWord(rest)
      const grant = readGrantId(id)
      if (grant === null) return refuse({ code: 'unknown-grant', said: id.slice(0, 64) })
      const [duration, reason] = firstWord(after)
      const durationMs = readDuration(duration)
      return typeof durationMs === 'number' ? { verb, grant, durationMs, reason } : durationMs
    }
    default:
      return refuse({ code: 'unknown-command', said: verb })
  }
}

function firstWord(text: string): [string, string] {
  const match = /^(\S*)\s*([\s\S]*)$/u.exec(text.trim())
  return [match?.[1] ?? '', match?.[2] ?? '']
}
