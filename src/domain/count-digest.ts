import { dayAt } from './calendar.ts'
import { ON_TIME_MS } from './conclude-ended.ts'
import { type DigestItem, type DigestList, LIST_NAMES } from './digest-lists.ts'
import type { ErasureEvent } from './erasure-event.ts'
import type { FreezeEvent } from './freeze-event.ts'
import type { GrantEvent } from './grant-event.ts'
import type { KeyFact, PolicyFact, SystemFact } from './house-event.ts'
import type { IdentityEvent } from './identity-event.ts'
import { lackOfIndependence } from './independence.ts'
import type { KeepingEvent } from './keeping-event.ts'
import type { OrderEvent } from './order-event.ts'
import type { OrphanFact } from './orphan-event.ts'
import type { PasskeyEvent } from './passkey-event.ts'
import type { Period } from './period.ts'
import type { RecordPruned } from './pruning-event.ts'
import type { TextsRedacted } from './thread-event.ts'

/** An event of the period, whose hash and MAC were checked; the texts of people are not in it. */
export interface CountedEvent {
  readonly stream: string
  readonly seq: number
  readonly type: string
  readonly at: number
  readonly data: Readonly<Record<string, unknown>>
  /** Leaf hash, hex. */
  readonly hash: string
}

/** What the lists come to. */
export interface DigestCounts {
  readonly counts: Readonly<Record<DigestList, number>>
  /** From the asking to the last signature, median; null when nothing was approved. */
  readonly approveMs: number | null
  /** From the asking to the usable access, median. */
  readonly usableMs: number | null
  /** The latest of those that ended late, or 0. */
  readonly latestMs: number
  /** What was asked and what was given on each day of the period, in order. */
  readonly days: readonly { readonly asked: number; readonly granted: number }[]
}

/**
 * Counts the events of a period as they come, in about the order of their time. What it keeps grows with what is open
 * at one moment, and by a number for each request: not with the events.
 * @param before the newest start of a process before the period: a build or a setting is new when it is another
 */
export function createDigestCount(period: Period, before: Started | null): DigestCount {
  const counts = Object.fromEntries(LIST_NAMES.map((name) => [name, 0])) as Record<DigestList, number>
  const firstDay = dayAt(period.from, period.timeZone)
  const days = Array.from({ length: dayAt(period.until - 1, period.timeZone) - firstDay + 1 }, () => ({
    ...{ asked: 0, granted: 0 },
  }))
  const [approveMs, usableMs]: [number[], number[]] = [[], []]
  let latestMs = 0
  /** When it was asked, of requests that are not over; and what waits for that, where it came first. */
  const askedAt = new Map<string, number>()
  const waiting = new Map<string, { readonly at: number; readonly into: number[] }[]>()
  const endings = new Map<string, Ending>()
  const starts: (CountedEvent & { readonly data: Started })[] = []
  const builds = new Set(before === null ? [] : [buildOf(before)])
  let settings = before?.settings ?? null

  const day = (at: number) => days[dayAt(at, period.timeZone) - firstDay]
  function item(list: DigestList, event: CountedEvent, note: string, by: readonly string[] = []): DigestItem {
    counts[list] += 1
    const { stream, seq, at, type, hash } = event
    return { list, stream, seq, at, type, hash, by, note }
  }

  function since(event: CountedEvent, into: number[]): void {
    const asked = askedAt.get(event.stream)
    if (asked !== undefined) into.push(event.at - asked)
    else waiting.set(event.stream, [...(waiting.get(event.stream) ?? []), { at: event.at, into }])
  }

  function heardAsked(stream: string, at: number): void {
    for (const { at: then, into } of waiting.get(stream) ?? []) into.push(then - at)
    waiting.delete(stream)
  }

  function started(event: CountedEvent, data: Started): DigestItem[] {
    const build = buildOf(data)
    const changed = changedSettings(settings, data.settings)
    const items = [
      ...(builds.has(build) ? [] : [item('builds', event, `${build} on ${data.host}`)]),
      ...(settings !== null && changed.length > 0
        ? [item('settings', event, `${changed.join(', ')} on ${data.host}`)]
        : []),
    ]
    builds.add(build)
    settings = data.settings
    return items
  }

  /** Of a grant whose end began in the period: once it is clear how it ended. */
  function settle(stream: string, ending: Ending): DigestItem[] {
    endings.delete(stream)
    const { event, lateMs, gone } = ending
    if (!gone) return [item('unproved', event, lateMs === null ? 'logins not seen stopped' : 'logins stopped')]
    if (lateMs === null || lateMs <= ON_TIME_MS) return [item('on-time', event, '')]
    latestMs = Math.max(latestMs, lateMs)
    return [item('late', event, `late by ${(lateMs / 1_000).toFixed(1)} s`)]
  }

  function step(event: CountedEvent): DigestItem[] {
    const ending = endings.get(event.stream)
    if (ending === undefined || event.seq < ending.event.seq) return []
    const stopped = ending.lateMs ?? Math.max(0, event.at - ending.due)
    const next = { ...ending, lateMs: stopped, gone: event.type === 'grant.removed' }
    endings.set(event.stream, next)
    return next.gone ? settle(event.stream, next) : []
  }

  function add(event: CountedEvent): DigestItem[] {
    const fact = event as unknown as Fact & CountedEvent
    switch (fact.type) {
      case 'request.asked': {
        const { by, for: whom } = fact.data
        const today = day(event.at)
        if (today !== undefined) today.asked += 1
        askedAt.set(event.stream, event.at)
        heardAsked(event.stream, event.at)
        return [item('asked', event, '', by === whom ? [] : [by])]
      }
      case 'request.approved':
        since(event, approveMs)
        return [item('approved', event, '', fact.data.by)]
      case 'request.denied':
        askedAt.delete(event.stream)
        return [item('denied', event, '', [fact.data.by])]
      case 'request.expired':
        askedAt.delete(event.stream)
        return [item('unanswered', event, '')]
      case 'request.cancelled':
        askedAt.delete(event.stream)
        return [item('withdrawn', event, 'taken back', [fact.data.by])]
      case 'request.lapsed':
        askedAt.delete(event.stream)
        return [item('withdrawn', event, fact.data.because, [fact.data.person])]
      case 'grant.providing': {
        const { independence } = fact.data
        const lack = independence === undefined ? null : lackOfIndependence(independence)
        return lack === null ? [] : [item('not-independent', event, lack)]
      }
      case 'grant.active': {
        since(event, usableMs)
        askedAt.delete(event.stream)
        const today = day(event.at)
        if (today !== undefined) today.granted += 1
        return [item('granted', event, '')]
      }
      case 'grant.failed':
        askedAt.delete(event.stream)
        return [item('failed', event, fact.data.code)]
      case 'grant.extended':
        return [item('extended', event, '')]
      case 'grant.ending': {
        if (endings.has(event.stream)) return []
        endings.set(event.stream, { event, due: fact.data.due, lateMs: null, gone: false })
        return [item('ended', event, fact.data.cause, fact.data.by === null ? [] : [fact.data.by])]
      }
      case 'grant.disabled':
      case 'grant.removed':
        return step(event)
      case 'grant.looked':
        return [item('cannot-tell', event, fact.data.verdict)]
      case 'grant.stuck':
        return [item('stuck', event, `${fact.data.step}: ${fact.data.code}`)]
      case 'act.refused':
        return [
          item('refused', event, `${fact.data.act}: ${fact.data.code}`, fact.data.by === null ? [] : [fact.data.by]),
        ]
      case 'notice.undeliverable':
        return fact.data.instead === undefined && fact.data.fallback === undefined
          ? [item('undelivered', event, `${fact.data.notice}: ${fact.data.code}`)]
          : []
      case 'orphan.found':
        return [item('orphans', event, `${fact.data.account} on ${fact.data.target}: ${fact.data.why}`)]
      case 'policy.activated': {
        const { policy, by } = fact.data
        return [item('policies', event, policy.slice(0, 12), by === null ? [] : [by])]
      }
      case 'system.started':
        starts.push({ ...event, data: fact.data })
        return []
      case 'system.alarm':
        return [item('alarms', event, fact.data.what)]
      case 'evidence.opened':
        return [item('opened', event, `evidence on ${fact.data.about}`, [fact.data.by])]
      case 'population.opened': {
        const { person, target } = fact.data
        const of = [person === null ? [] : `of ${person}`, target === null ? [] : `on ${target}`].flat().join(' ')
        return [item('opened', event, `evidence on a period${of === '' ? '' : ` ${of}`}`, [fact.data.by])]
      }
      case 'digest.opened':
        return [item('opened', event, `digest of ${fact.data.period}`, [fact.data.by])]
      case 'record.signer-appointed':
        return [item('keys', event, 'another signing key', [fact.data.by])]
      case 'record.mac-key-retired':
        return [item('keys', event, `the MAC key ${fact.data.key} retired`, [fact.data.by])]
      case 'origin-started': {
        const { previousOrigin, by, lostKey } = fact.data
        const why = lostKey === undefined ? 'after a restore' : 'ITS SIGNING KEY WAS LOST'
        return [item('keys', event, `another log follows ${previousOrigin}: ${why}`, [by])]
      }
      case 'hold.placed':
        return [item('keeping', event, `${fact.data.hold} placed`, fact.data.by)]
      case 'hold.lifted':
        return [item('keeping', event, `${fact.data.hold} lifted`, fact.data.by)]
      case 'erasure.ordered':
        return [item('keeping', event, `${fact.data.erasure} ordered`, fact.data.by)]
      case 'texts.erased':
        return 'redaction' in fact.data
          ? [item('keeping', event, `the text of ${fact.data.redaction} erased`, fact.data.by)]
          : []
      case 'record.pruned':
        return [item('keeping', event, `${fact.data.events} events pruned`)]
      case 'freeze.set':
        return [item('freezes', event, 'set', [fact.data.by])]
      case 'freeze.lifted':
        return [item('freezes', event, 'lifted', fact.data.by)]
      case 'order.confirmed':
        return [item('orders', event, 'confirmed', [fact.data.by])]
      case 'identity.left':
        return [item('leavers', event, `by ${fact.data.source}`)]
      case 'passkey.enrolled':
        return [item('passkeys', event, 'enrolled', [fact.data.by])]
      case 'passkey.revoked':
        return [item('passkeys', event, 'revoked', [fact.data.by])]
      default:
        return event.type.includes('break-glass') ? [item('break-glass', event, event.type)] : []
    }
  }

  return {
    add,
    put: item,
    changed: (event, note) => item('administrators', event, note),
    notAsRecorded: (event) => item('not-as-recorded', { ...event, type: event.fault, data: {} }, event.fault),
    unasked: () => [...waiting.keys()],
    heardAsked,
    unended: () => [...endings.keys()],
    after: (event) => step(event),
    finish() {
      starts.sort((a, b) => a.at - b.at || a.seq - b.seq)
      const items = [
        ...starts.flatMap((event) => started(event, event.data)),
        ...[...endings].flatMap(([stream, ending]) => settle(stream, ending)),
      ]
      const [approve, usable] = [medianOf(approveMs), medianOf(usableMs)]
      return { items, counts: { counts, approveMs: approve, usableMs: usable, latestMs, days } }
    },
  }
}

/** Which of its settings are other ones, by name. */
function changedSettings(before: Settings | null, after: Settings): string[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after)])
  return [...names].filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after[name])).sort()
}

function buildOf({ version, commit, lockFile }: Started): string {
  return `${version}, commit ${commit}, dependencies ${lockFile}`
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const [below, above] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0]
  return (below + above) / 2
}

type Fact =
  | GrantEvent
  | KeepingEvent
  | ErasureEvent
  | TextsRedacted
  | RecordPruned
  | FreezeEvent
  | OrderEvent
  | OrphanFact
  | PolicyFact
  | SystemFact
  | KeyFact
  | IdentityEvent
  | PasskeyEvent

type Settings = Readonly<Record<string, unknown>>
export type Started = Extract<SystemFact, { type: 'system.started' }>['data']

interface Ending {
  readonly event: CountedEvent
  readonly due: number
  /** Null while logins are not seen stopped. */
  readonly lateMs: number | null
  readonly gone: boolean
}

export interface DigestCount {
  /** @returns the lists that it goes into */
  add(event: CountedEvent): DigestItem[]
  /** Counts what was found elsewhere. */
  put(list: DigestList, event: CountedEvent, note: string, by: readonly string[]): DigestItem
  /** An event that its own check refused. */
  notAsRecorded(event: Omit<CountedEvent, 'type' | 'data'> & { readonly fault: string }): DigestItem
  /** Who administers changed with this policy. */
  changed(event: CountedEvent, note: string): DigestItem
  /** Streams that were asked before the period, of which that moment is still to be heard. */
  unasked(): string[]
  heardAsked(stream: string, at: number): void
  /** Streams whose end began in the period, and whose removal did not come in it. */
  unended(): string[]
  /** An event of such a stream, whether it was seen before or not. */
  after(event: CountedEvent): DigestItem[]
  /** @returns what is only clear at the end, and the counts */
  finish(): { readonly items: readonly DigestItem[]; readonly counts: DigestCounts }
}
