import type { ChannelOn } from './channels.ts'
import type { DigestCounts } from './count-digest.ts'
import type { DigestList } from './digest-lists.ts'
import type { Assurance, Placed } from './grant-event.ts'

/** The facts of one week's digest: stream `digest:2026-W47`. Its first event makes it, and there is one of that. */
export type DigestEvent =
  | Fact<'digest.made', DigestFacts & { announcedIn: readonly ChannelOn[]; askedOf: readonly string[]; policy: string }>
  /** Nobody had acknowledged it in time. */
  | Fact<'digest.reminded', { to: readonly string[] }>
  | Fact<'digest.acknowledged', { by: string; as: readonly string[]; policy: string; assurance: Assurance }>

/** What the digest said when it was made: everything that its card shows. Ids and numbers, no free texts. */
export interface DigestFacts {
  readonly week: string
  /** Epoch ms; `until` is outside. */
  readonly from: number
  readonly until: number
  readonly timeZone: string
  readonly line: string
  readonly standing: 'shown' | 'unclear' | 'broken'
  /** Those that are not 0. */
  readonly counts: Readonly<Partial<Record<DigestList, number>>>
  /** Grants, orders and findings by their ids, the first of each list that must be looked at. */
  readonly first: Readonly<Partial<Record<DigestList, readonly string[]>>>
  readonly approveMs: number | null
  readonly days: DigestCounts['days']
  /** Events of the week that were read. */
  readonly events: number
  readonly checkpoint: { readonly size: number; readonly root: string } | null
  /** The newest check of the whole record. */
  readonly check: { readonly ok: boolean; readonly at: number; readonly size: number } | null
}

/** A digest as its events have it. */
export interface DigestState {
  readonly week: string
  readonly seq: number
  readonly madeAt: number
  readonly made: Extract<DigestEvent, { type: 'digest.made' }>['data']
  readonly reminded: { readonly at: number; readonly to: readonly string[] } | null
  readonly acknowledged: { readonly by: string; readonly at: number } | null
}

/** @returns null for a stream without events */
export function foldDigest(events: readonly Placed<DigestEvent>[]): DigestState | null {
  const made = events.find((event) => event.type === 'digest.made')
  if (made?.type !== 'digest.made') return null
  const reminded = events.findLast((event) => event.type === 'digest.reminded')
  const acknowledged = events.find((event) => event.type === 'digest.acknowledged')
  return {
    ...{ week: made.data.week, seq: events.at(-1)?.seq ?? made.seq, madeAt: made.at, made: made.data },
    reminded: reminded?.type === 'digest.reminded' ? { at: reminded.at, to: reminded.data.to } : null,
    acknowledged:
      acknowledged?.type === 'digest.acknowledged' ? { by: acknowledged.data.by, at: acknowledged.at } : null,
  }
}

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

const DIGEST_STREAM = /^digest:(\d{4}-W\d{2})$/

export function digestStream(week: string): string {
  return `digest:${week}`
}

/** The week of a stream name, or null for another kind of stream. */
export function weekOfDigest(stream: string): string | null {
  return DIGEST_STREAM.exec(stream)?.[1] ?? null
}
