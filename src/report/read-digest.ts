import type { Db } from '../db/transaction.ts'
import { concludeDigest } from '../domain/conclude-digest.ts'
import { createDigestCount, type DigestCounts, type Started } from '../domain/count-digest.ts'
import { type DigestItem, type DigestList, LIST_NAMES } from '../domain/digest-lists.ts'
import { type GrantEvent, grantOfStream } from '../domain/grant-event.ts'
import type { SystemFact } from '../domain/house-event.ts'
import type { Period } from '../domain/period.ts'
import { upcast } from '../domain/upcast.ts'
import { leafIndexes } from '../record/read-period.ts'
import type { EventRecord } from '../record/record.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'
import { confirmedByAll, type Witnessed } from '../record/witnessed.ts'
import { digestItems, type FindingsOf, findingItems } from './find-to-look-at.ts'
import { type PolicyChange, readPolicyChanges } from './read-policy-changes.ts'

/** Streams whose rest is read at once. */
const AT_ONCE = 200

/**
 * Reads the digest of a period off the record: every event of it once and checked, nothing from a table of states.
 * Memory grows with what is open at one moment and with what is shown, not with the events.
 * @param options.shown of each list; the rest is counted, and `each` gets all of it
 * @throws what the database throws
 */
export async function readDigest(
  around: Reading,
  period: Period,
  { now, shown, findings, each }: ReadOptions,
): Promise<Digest> {
  const { db, record } = around
  const started = await record.newestOf(db, 'system.started', period.from)
  const count = createDigestCount(period, started === null ? null : (started.data as unknown as Started))
  const lists = new Map<DigestList, DigestItem[]>(LIST_NAMES.map((name) => [name, []]))
  const keep = async (items: readonly DigestItem[]) => {
    for (const item of items) {
      const list = lists.get(item.list)
      if (list !== undefined && list.length < shown) list.push(item)
    }
    if (items.length > 0) await each?.(await placed(around, items))
  }

  const { read, faults } = await record.readPeriod(db, period, (events) =>
    keep(events.flatMap((event) => count.add(upcast(event)))),
  )
  await keep(faults.map((fault) => count.notAsRecorded(fault)))
  for (const streams of inPieces(count.unasked())) {
    for (const { stream, at } of await record.firstOf(db, streams)) count.heardAsked(stream, at)
  }
  for (const streams of inPieces(count.unended())) {
    await keep((await eventsOf(around, streams)).flatMap((event) => count.after(event)))
  }
  const policies = await readPolicyChanges(around, period)
  await keep(policies.flatMap(({ event, stewards }) => stewards.map((note) => count.changed(event, note))))
  await keep(await findingItems(around, await findings(period), period, count.put))
  await keep(await digestItems(around, period, count.put))
  const { items, counts } = count.finish()
  await keep(items)

  const [checkpoint, check] = [await newestCheckpoint(around), await record.newestOf(db, 'record.checked', now + 1)]
  const lastCheck = check === null ? null : { at: check.at, ...(check.data as unknown as Checked) }
  const rows = new Map<DigestList, readonly DigestRow[]>()
  for (const [name, list] of lists) rows.set(name, await placed(around, list))
  return {
    ...{ period, runAt: now, events: read, counts, rows, policies, checkpoint, check: lastCheck },
    conclusion: concludeDigest(counts, lastCheck?.ok ?? null),
  }
}

/** With the place under the tree, and what a grant is about. */
async function placed({ db, record }: Reading, items: readonly DigestItem[]): Promise<DigestRow[]> {
  const streams = [...new Set(items.map(({ stream }) => stream))].filter((stream) => grantOfStream(stream) !== null)
  const [leaves, firsts] = await Promise.all([
    leafIndexes(
      db,
      items.map(({ hash }) => hash),
    ),
    record.firstOf(db, streams),
  ])
  const asked = new Map(firsts.filter(({ type }) => type === 'request.asked').map((one) => [one.stream, one.data]))
  return items.map((item) => {
    const about = asked.get(item.stream) as Asked | undefined
    return {
      ...item,
      leafIndex: leaves.get(item.hash) ?? null,
      whose: about?.for ?? null,
      what: about === undefined ? null : `${about.target}:${about.entitlement}`,
    }
  })
}

/** What is left of these streams that can be read; one that somebody changed says nothing. */
async function eventsOf(around: Reading, streams: readonly string[]): Promise<RecordedEvent[]> {
  const { db, record } = around
  const found: RecordedEvent[] = []
  try {
    for (const events of (await record.readStreams(db, streams)).values()) found.push(...events)
  } catch (error) {
    if (!(error instanceof RecordTampered)) throw error
    if (streams.length > 1) for (const stream of streams) found.push(...(await eventsOf(around, [stream])))
  }
  return found
}

/** What every witness confirms, null when one cannot be asked or holds nothing. */
async function newestCheckpoint({ witnessed }: Reading): Promise<Digest['checkpoint']> {
  const notes = await witnessed.newest().catch(() => [])
  const note = confirmedByAll(notes)
  return note === null
    ? null
    : { origin: witnessed.origin, size: note.checkpoint.size, root: note.checkpoint.root.toString('base64') }
}

function inPieces(streams: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(streams.length / AT_ONCE) }, (_, piece) =>
    streams.slice(piece * AT_ONCE, (piece + 1) * AT_ONCE),
  )
}

type Asked = Extract<GrantEvent, { type: 'request.asked' }>['data']
type Checked = Extract<SystemFact, { type: 'record.checked' }>['data']

export interface Reading {
  readonly db: Db
  readonly record: Pick<EventRecord, 'readPeriod' | 'newestOf' | 'firstOf' | 'readStreams' | 'readStream'>
  readonly witnessed: Pick<Witnessed, 'newest' | 'origin'>
}

export interface ReadOptions {
  /** Epoch ms. */
  readonly now: number
  readonly shown: number
  /** Those of the period, from their own streams. */
  readonly findings: FindingsOf
  readonly each?: (rows: readonly DigestRow[]) => Promise<void>
}

export interface DigestRow extends DigestItem {
  /** Null while it is not under the tree. */
  readonly leafIndex: number | null
  /** Whose grant, an identity id; null where it is of none. */
  readonly whose: string | null
  /** `prod-db:read` */
  readonly what: string | null
}

export interface Digest {
  readonly period: Period
  /** Epoch ms. */
  readonly runAt: number
  /** Of the period, read and checked. */
  readonly events: number
  readonly counts: DigestCounts
  /** The first of each list. */
  readonly rows: ReadonlyMap<DigestList, readonly DigestRow[]>
  readonly policies: readonly PolicyChange[]
  /** The newest that every witness confirms. */
  readonly checkpoint: { readonly origin: string; readonly size: number; readonly root: string } | null
  /** The newest check of the whole record. */
  readonly check: (Checked & { readonly at: number }) | null
  readonly conclusion: ReturnType<typeof concludeDigest>
}
