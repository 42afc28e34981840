import { inTransaction } from '../db/in-transaction.ts'
import { MINUTE } from '../domain/duration.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import type { ThreadDifference, ThreadEvent } from '../domain/thread-event.ts'
import { threadStream } from '../domain/thread-event.ts'
import type { ThreadAct, ThreadPage, ThreadReader } from '../ports/thread.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'
import { mirrorThread } from './mirror-thread.ts'
import { newId } from './new-id.ts'
import { lockThread, type ThreadRoot } from './thread-roots.ts'

/** A message of ours is known to us a moment after it stands there, and what is heard is on record a moment later. */
const SETTLED_MS = 10 * MINUTE
/** The platform's clock is not ours, and an update of ours is noted after it was made. */
const SKEW_MS = 5 * MINUTE

/** What the record says should stand in a thread. */
export interface Expected {
  /** What people wrote, by message: the versions on record, and when it was written. */
  readonly people: ReadonlyMap<string, { readonly versions: ReadonlySet<string>; readonly sentAt: number }>
  /** Ours, by message: under which key, and when it was last changed by us. */
  readonly ours: ReadonlyMap<string, { readonly notice: string; readonly at: number; readonly sentAt: number }>
  /** Differences that were said before. */
  readonly said: ReadonlySet<string>
  /** Times of which only the number is on record, epoch ms. */
  readonly floods: readonly { readonly from: number; readonly until: number }[]
}

/** Read before the platform is asked: what came in between is not missed. */
export async function readExpected(
  context: Context,
  root: ThreadRoot,
  timeOf: ThreadReader['timeOf'],
): Promise<Expected> {
  const { platform, channel, stream } = root
  const lines = await context.db<{ message: string; version: string; sent_at: number; differs: boolean }[]>`
    select message, version, sent_at, differs from thread_line
    where platform = ${platform} and channel = ${channel} and root = ${root.root}`
  const people = new Map<string, { versions: Set<string>; sentAt: number }>()
  for (const { message, version, sent_at } of lines.filter(({ differs }) => !differs)) {
    const known = people.get(message) ?? { versions: new Set<string>(), sentAt: sent_at }
    known.versions.add(version)
    people.set(message, known)
  }
  // A card that was posted again has a thread of its own from then on.
  const roots = await context.db<{ root: string }[]>`
    select root from thread_root where platform = ${platform} and channel = ${channel} and stream = ${stream}`
  const from = timeOf(root.root)
  const until = Math.min(...roots.map((one) => timeOf(one.root)).filter((at) => at > from))
  const notices = await context.db<{ key: string; message: string; at: number }[]>`
    select key, message, at from notice
    where stream = ${stream} and platform = ${platform} and channel = ${channel} and state = 'sent'`
  const ours = notices
    .map(({ key, message, at }) => ({ notice: key, message, at, sentAt: timeOf(message) }))
    .filter(({ sentAt }) => sentAt > from && sentAt < until)
  const events = await context.record.readStream(context.db, threadStream(stream))
  const floods = (events as unknown as ThreadEvent[]).flatMap((one) =>
    one.type === 'thread.flooded' ? [one.data] : [],
  )
  return {
    ...{ people, ours: new Map(ours.map((one) => [one.message, one])), floods },
    said: new Set(lines.flatMap(({ message, differs }) => (differs ? [message] : []))),
  }
}

/** What is not as the record says, in one page of a thread: from the message after which it was read to its last one. */
export function findDifferences(expected: Expected, page: ThreadPage, read: PageRange): Differences {
  const { after, now, timeOf, sameEdit } = read
  const last = page.messages.at(-1)
  const until = page.more && last !== undefined ? timeOf(last.id) : Number.POSITIVE_INFINITY
  const inRange = (sentAt: number) => sentAt > after && sentAt <= until
  const there = new Set(page.messages.map(({ id }) => id))
  const settled = (sentAt: number) => now - sentAt > SETTLED_MS
  const missing = [...expected.ours]
    .filter(([id, { sentAt, at }]) => !there.has(id) && inRange(sentAt) && settled(at) && !expected.said.has(id))
    .map(([message, { notice, sentAt }]): Differs => ({ what: 'missing', message, sentAt, notice }))
  const gone = [...expected.people]
    .filter(([id, { sentAt, versions }]) => !there.has(id) && inRange(sentAt) && !versions.has('deleted'))
    .map(([message, { sentAt }]): Unheard => ({ message, read: () => ({ kind: 'deleted', sentAt, before: null }) }))
  const odd: Differs[] = []
  const unheard: Unheard[] = []
  for (const { id, from, edited, read } of page.messages) {
    const sentAt = timeOf(id)
    const own = expected.ours.get(id)
    if (from === 'person') {
      const versions = [...(expected.people.get(id)?.versions ?? [])]
      const known = versions.some((one) => sameEdit(one, edited?.version ?? ''))
      const counted = expected.floods.some((flood) => sentAt >= flood.from - SKEW_MS && sentAt <= flood.until + SKEW_MS)
      if (!known && !counted && settled(edited?.at ?? sentAt)) unheard.push({ message: id, read })
    } else if (expected.said.has(id) || !settled(edited?.at ?? sentAt)) continue
    else if (from === 'bot' || own === undefined) odd.push({ what: 'foreign', message: id, sentAt })
    else if (edited !== null && edited.at > own.at + SKEW_MS) {
      odd.push({ what: 'edited', message: id, sentAt, notice: own.notice })
    }
  }
  return { missing, gone, odd, unheard }
}

/** Each difference becomes an event, once, and an alarm. */
export async function recordDiffering(context: Context, root: ThreadRoot, found: readonly Differs[]): Promise<void> {
  const { platform, channel, stream } = root
  for (const { what, message, sentAt, notice } of found) {
    const line = newId('T')
    const at = { platform, channel, root: root.root, message }
    const said = { what, ...(notice !== undefined && { notice }) }
    const fact: ThreadEvent = { type: 'thread.differs', data: { ...at, line, sentAt, ...said } }
    const to = threadStream(stream)
    const isNew = await inTransaction(context.db, { timeoutMs: 5_000 }, async (tx) => {
      await lockThread(tx, to)
      const kept = await tx`
        insert into thread_line (platform, channel, message, version, root, stream, line, sent_at, differs)
        values (${platform}, ${channel}, ${message}, ${what}, ${root.root}, ${to}, ${line}, ${sentAt}, true)
        on conflict do nothing returning 1`
      if (kept.length > 0) await context.record.append(tx, to, null, [toDraft(fact)], context.clock.now())
      return kept.length > 0
    })
    if (!isNew) continue
    context.committed()
    const detail = `${platform} ${channel} ${message}${notice === undefined ? '' : `, which says ${notice}`}`
    context.alarm({ what: `thread-message-${what}`, detail, grant: grantOfStream(stream) })
  }
}

/** What was written, changed or deleted while nobody heard it goes on record now, and is said to be late. */
export async function mirrorUnheard(context: Context, root: ThreadRoot, found: readonly Unheard[]): Promise<number> {
  const { platform, channel, stream } = root
  const at = { platform, channel, root: root.root, stream }
  let made = 0
  for (const { message, read } of found) {
    const act = read()
    if (act !== null && (await mirrorThread(context, at, message, act, true)) > 0) made += 1
  }
  return made
}

export interface Differs {
  readonly what: ThreadDifference
  readonly message: string
  readonly sentAt: number
  readonly notice?: string
}

export interface Unheard {
  readonly message: string
  read(): ThreadAct | null
}

export interface Differences {
  /** Ours, not there. */
  readonly missing: readonly Differs[]
  /** People's, not there. */
  readonly gone: readonly Unheard[]
  /** There, and not as it should be. */
  readonly odd: readonly Differs[]
  /** People's, there, and not on record. */
  readonly unheard: readonly Unheard[]
}

interface PageRange {
  /** Epoch ms of the message after which the page was read. */
  readonly after: number
  readonly now: number
  readonly timeOf: ThreadReader['timeOf']
  readonly sameEdit: ThreadReader['sameEdit']
}
