import type { ActivityCounts, ActivityEvent, ActivityOutcome, CollectionEvent, UsedData } from './activity-event.ts'
import { counted } from './counted.ts'
import type { Placed } from './grant-event.ts'

/**
 * All pieces of one grant together. A session that was over before the login was handed out is Countersign's own look
 * that it works, since nobody else had a password: it is no use that the holder made of it.
 * @param givenAt when the access was handed out, epoch ms; null where it never was, or nobody knows
 */
export function sumActivity(events: readonly Placed<ActivityEvent>[], givenAt: number | null): ActivitySums {
  const pieces = events.flatMap(({ type, data }) => (type === 'activity.collected' ? [data] : []))
  const sessions = new Map<string, ActivitySession>()
  const commands: Record<string, number> = {}
  for (const piece of pieces) {
    for (const one of piece.sessions) {
      const before = sessions.get(one.id)
      sessions.set(one.id, {
        id: one.id,
        firstAt: Math.min(one.firstAt, before?.firstAt ?? one.firstAt),
        lastAt: Math.max(one.lastAt, before?.lastAt ?? one.lastAt),
        statements: one.statements + (before?.statements ?? 0),
        ended: one.ended || before?.ended === true,
        isLook: before?.isLook !== false && isBefore(givenAt, one.lastAt, piece.aheadMs),
      })
    }
    for (const [name, count] of Object.entries(piece.commands)) commands[name] = (commands[name] ?? 0) + count
  }
  const sum = (what: (piece: UsedData) => number) => pieces.reduce((total, piece) => total + what(piece), 0)
  const own = [...sessions.values()].filter(({ isLook }) => isLook)
  const looks = { sessions: own.length, statements: own.reduce((total, one) => total + one.statements, 0) }
  return {
    sessions: [...sessions.values()],
    // Some may be counted in two pieces: past so many nobody counts them one by one.
    sessionCount: sessions.size - looks.sessions + sum(({ moreSessions }) => moreSessions),
    statements: sum(({ statements }) => statements) - looks.statements,
    looks,
    commands,
    errors: sum(({ errors }) => errors),
    audited: sum(({ audited }) => audited),
    refusedLogins: sum(({ refusedLogins }) => refusedLogins),
    scrubbed: sum(({ scrubbed }) => scrubbed),
    cut: sum(({ cut }) => cut),
    missing: sum(({ missing }) => missing),
  }
}

/** By the target's clock, where it is known how far that is from ours. */
function isBefore(givenAt: number | null, lastAt: number, aheadMs: number | null | undefined): boolean {
  return givenAt !== null && typeof aheadMs === 'number' && lastAt - aheadMs <= givenAt
}

/** Whether somebody was in there, or only knocked: anybody may try to log in under any name. */
export function wasUsed(used: Pick<UsedData, 'statements' | 'audited' | 'sessions'>): boolean {
  return used.statements > 0 || used.audited > 0 || used.sessions.some(({ began }) => began)
}

/**
 * How much of one grant's time the collection covers.
 * @param from when the access may have existed first, `to` when it was seen gone; epoch ms
 */
export function coverageOf(
  collection: readonly Placed<CollectionEvent>[],
  account: string,
  from: number,
  to: number,
): Coverage {
  const why: string[] = []
  /** Since when it is read, or since when it is not, and why. */
  let onSince: number | null = null
  let off: { since: number; why: string } = { since: Number.NEGATIVE_INFINITY, why: 'nobody had begun to read its log' }
  let covered = false
  const uncovered = (since: number, until: number, reason: string) => {
    const [start, end] = [Math.max(since, from), Math.min(until, to)]
    if (start < end) why.push(`from ${utcOf(start)} to ${utcOf(end)}: ${reason}`)
  }
  for (const { type: kind, data, at } of collection) {
    switch (kind) {
      case 'collection.began':
        onSince = Math.min(at, data.since ?? at)
        uncovered(off.since, onSince, off.why)
        break
      case 'collection.off':
        covered ||= onSince !== null && onSince < to && at > from
        onSince = null
        off = { since: at, why: data.why }
        break
      case 'collection.gap':
        if (at > from && data.from < to) {
          why.push(`from ${utcOf(Math.max(data.from, from))} to ${utcOf(Math.min(at, to))}: ${data.why}`)
        }
        break
      case 'collection.unlogged':
        if (data.account === account) why.push(`statements of ${account} were not logged at ${utcOf(at)}`)
        break
      default:
        throw new TypeError(kind satisfies never)
    }
  }
  if (onSince === null) uncovered(off.since, Number.POSITIVE_INFINITY, off.why)
  covered ||= onSince !== null && onSince < to
  if (!covered) return { outcome: 'not-collected', why: [off.why] }
  return { outcome: why.length === 0 ? 'complete' : 'gaps', why }
}

function utcOf(at: number): string {
  return Number.isFinite(at) ? new Date(at).toISOString() : 'an unknown time'
}

export interface Coverage {
  readonly outcome: ActivityOutcome
  readonly why: readonly string[]
}

interface ActivitySession {
  readonly id: string
  readonly firstAt: number
  readonly lastAt: number
  readonly statements: number
  readonly ended: boolean
  /** Countersign's own, before the login was handed out. */
  readonly isLook: boolean
}

interface ActivitySums extends ActivityCounts {
  readonly sessions: readonly ActivitySession[]
  /** Without our own looks, as the statements are. */
  readonly sessionCount: number
  readonly looks: { readonly sessions: number; readonly statements: number }
}

/** `3 sessions, 41 statements; activity complete`. */
export function activityWords(ended: Extract<ActivityEvent, { type: 'activity.ended' }>['data']): string {
  const { outcome, why, sessions, statements } = ended
  if (outcome === 'not-collected') return `activity: not collected (${why.join('; ')})`
  const what = `${counted(sessions, 'session')}, ${counted(statements, 'statement')}`
  return outcome === 'complete' ? `${what}; activity complete` : `${what}; gaps: ${why.join('; ')}`
}
