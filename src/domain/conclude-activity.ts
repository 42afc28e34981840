import {
  type ActivityEvent,
  activityStream,
  type LateActivity,
  type UnexplainedActivity,
  type UsedData,
} from './activity-event.ts'
import { activityWords, sumActivity } from './activity-sums.ts'
import type { Names } from './conclude-people.ts'
import type { Clause, Part, PartFact, ProvedFact, Standing } from './conclusion.ts'
import { utc } from './conclusion.ts'
import { counted } from './counted.ts'
import { grantStream, type Placed } from './grant-event.ts'

/** Entries shown to people; the JSON and the CSV have all. */
const MOST_SHOWN = 500

/**
 * What was done with the access, as the target's own log had it when it was read.
 * @param of.givenAt when it was handed out, epoch ms; null where it never was
 * @returns no part where nothing of it is on record; a clause only where it was used after it was gone
 */
export function concludeActivity(
  { grant, givenAt, names }: { readonly grant: string; readonly givenAt: number | null; readonly names: Names },
  beside: readonly ProvedFact[],
): { parts: Part[]; clauses: Clause[] } {
  const own = beside.filter(({ stream }) => stream === activityStream(grant)).map(readable)
  const late = beside
    .filter(({ stream, type }) => stream === `after:${grantStream(grant)}` && type === 'activity.after-removal')
    .map(readable)
  if (own.length === 0 && late.length === 0) return { parts: [], clauses: [] }
  const events = own as unknown as readonly Placed<ActivityEvent>[]
  const pieces = [...own, ...late].flatMap(({ type, data }) =>
    USED.includes(type) ? [data as unknown as UsedData] : [],
  )
  const ended = events.find((event) => event.type === 'activity.ended')?.data ?? null
  const sums = sumActivity(events, givenAt)
  const unknown = `${counted(sums.sessionCount, 'session')}, ${counted(sums.statements, 'statement')} so far; not read to its end`
  const usedLate = late.length > 0
  const standing: Standing = usedLate
    ? 'broken'
    : ended === null
      ? 'open'
      : ended.outcome === 'complete'
        ? 'shown'
        : 'unclear'
  const addresses = new Map(pieces.flatMap((piece) => lines(piece.addresses).map((line) => splitOnce(line))))
  const says = ended === null ? unknown : activityWords(ended)
  const facts: PartFact[] = [
    ...who(pieces, names),
    ...sums.sessions.map(({ id, firstAt, lastAt, statements, ended: isOver, isLook }) => ({
      label: isLook ? 'Our own look' : 'Session',
      value: `${utc(firstAt)} to ${utc(lastAt)}, from ${addresses.get(id) ?? '(not in this file)'}, ${counted(statements, 'statement')}${isOver ? '' : '; its end is not in the log'}${isLook ? ': that the login works, before it was handed out' : ''} (${id})`,
    })),
    ...commandsOf(sums.commands, sums.looks.statements),
    ...numbers(sums),
    ...clockOf(pieces),
    ...(ended?.why ?? []).map((value) => ({ label: 'Gap', value })),
    ...pieces.map(({ file, from, to, lines: count, bytes, sha256 }) => ({
      label: 'Read from',
      value: `${file}, bytes ${from} to ${to}: ${count} lines, ${bytes} bytes, SHA-256 ${sha256 ?? 'not taken: too long'}`,
    })),
    ...late.map(({ at, data }) => ({
      label: 'After the removal',
      value: `${utc(at)}: ${String(data.statements)} statements under ${String(data.account)}`,
    })),
    ...shown(pieces.flatMap(({ text }) => lines(text))),
  ]
  return {
    parts: [{ title: 'Activity', standing, says: usedLate ? `${says}; ${USED_LATE}` : says, facts }],
    clauses: usedLate ? [{ words: USED_LATE, standing: 'broken' }] : [],
  }
}

const USED_LATE = 'used after its removal'

type Used = ActivityEvent['type'] | LateActivity['type'] | UnexplainedActivity['type']
const USED: readonly string[] = ['activity.collected', 'activity.after-removal'] satisfies readonly Used[]

function readable({ texts, ...fact }: ProvedFact) {
  const data: { [key: string]: unknown } = { ...fact.data }
  for (const path of ['addresses', 'text']) if (typeof data[path] !== 'string') data[path] = texts[path] ?? ''
  return { ...fact, data }
}

function who(pieces: readonly UsedData[], names: Names): PartFact[] {
  const [piece] = pieces
  return piece === undefined
    ? []
    : [{ label: 'Who', value: `${piece.person == null ? 'nobody known' : names(piece.person)}, as ${piece.account}` }]
}

/** Within a second it is nothing that anybody would mistake. */
const APART_MS = 1_000

function clockOf(pieces: readonly UsedData[]): PartFact[] {
  const most = pieces.reduce(
    (found, { aheadMs }) => (Math.abs(aheadMs ?? 0) > Math.abs(found) ? (aheadMs ?? 0) : found),
    0,
  )
  if (Math.abs(most) < APART_MS) return []
  const value = `${(Math.abs(most) / 1000).toFixed(1)} s ${most > 0 ? 'before' : 'behind'} ours: the times of sessions and statements are by it`
  return [{ label: "The target's clock", value }]
}

function commandsOf(commands: Readonly<Record<string, number>>, ours: number): PartFact[] {
  const sorted = Object.entries(commands).sort(([a, b], [c, d]) => d - b || a.localeCompare(c))
  if (sorted.length === 0) return []
  const value = sorted.map(([name, count]) => `${name} ${count}`).join(', ')
  return [{ label: 'Commands', value: ours === 0 ? value : `${value}; ${ours} of them our own` }]
}

function numbers(sums: ReturnType<typeof sumActivity>): PartFact[] {
  const all: readonly (readonly [number, string])[] = [
    [sums.errors, 'failed statements'],
    [sums.audited, 'lines of an audit extension'],
    [sums.refusedLogins, 'logins refused, whoever tried'],
    [sums.scrubbed, 'literals that looked like secrets and are not kept'],
    [sums.cut, 'statements not kept in full'],
    [sums.missing, 'lines that the log does not have'],
  ]
  const there = all.filter(([count]) => count > 0).map(([count, what]) => `${what}: ${count}`)
  return there.length === 0 ? [] : [{ label: 'Besides', value: there.join('\n') }]
}

function shown(entries: readonly string[]): PartFact[] {
  if (entries.length === 0) return []
  const more = entries.length - MOST_SHOWN
  const rest = more > 0 ? [`… and ${more} lines more, in the JSON and the CSV`] : []
  return [{ label: 'Statements', value: [...entries.slice(0, MOST_SHOWN), ...rest].join('\n') }]
}

function lines(text: string): string[] {
  return text === '' ? [] : text.split('\n')
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(' ')
  return [line.slice(0, at), line.slice(at + 1)]
}

const WITHOUT_AUDIT =
  'activity: what ran inside of functions, also of statements that were planned and never executed: no audit extension wrote a line'

/** What nobody can know of the activity from these events, for the list of what is not proved. */
export function activityNotProved(grant: string, beside: readonly ProvedFact[]): string[] {
  const events = beside.filter(
    ({ stream }) => stream === activityStream(grant),
  ) as unknown as readonly Placed<ActivityEvent>[]
  const ended = events.find((event) => event.type === 'activity.ended')?.data ?? null
  const nothing = 'What was done with the access is not on this record'
  if (events.length === 0) return [`activity: not collected. ${nothing}`]
  if (ended?.outcome === 'not-collected') return [`${activityWords(ended)}. ${nothing}`]
  return [
    ...(ended === null ? ['activity: not read to its end'] : []),
    ...(ended?.outcome === 'gaps' ? [`activity: gaps: ${ended.why.join('; ')}`] : []),
    ...(sumActivity(events, null).audited === 0 ? [WITHOUT_AUDIT] : []),
    'activity: that the log of the target was not changed by its administrators before it was read, a minute or so after',
  ]
}
