import { inTransaction } from '../db/in-transaction.ts'
import { DAY, HOUR } from '../domain/duration.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { retentionStream, type ThreadEvent, type ThreadsExpired, threadStream } from '../domain/thread-event.ts'
import { ChatError } from '../ports/chat.ts'
import type { ThreadPage, ThreadReader } from '../ports/thread.ts'
import { findDifferences, mirrorUnheard, readExpected, recordDiffering } from './compare-thread.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'
import { lookAgain } from './look-again.ts'
import { findDueRoots, keepReading, type ThreadRoot } from './thread-roots.ts'

/** Pages of one thread in one round. */
const MOST_PAGES = 10
/** No platform deletes by schedule what is younger. */
const SHORTEST_RETENTION_MS = DAY
const LONGEST_PAUSE_MS = 7 * DAY

/**
 * Reads a few threads back and compares them with the record. Slow by intention: a platform may allow one look a minute. What
 * it tells to wait for goes on from where it was, and one thread that cannot be read does not hold up the others.
 * @throws ChatError throttled, with when to come back
 */
export async function reconcileThreads(context: Context): Promise<void> {
  const readable = context.chats.flatMap(({ platform, threads }) =>
    threads === undefined ? [] : [{ platform, threads }],
  )
  const due = await findDueRoots(
    context.db,
    readable.map(({ platform }) => platform),
    context.clock.now(),
  )
  for (const root of due) {
    const reader = readable.find(({ platform }) => platform === root.platform)?.threads
    if (reader === undefined) continue
    try {
      await reconcile(context, reader, root)
    } catch (error) {
      if (!(error instanceof ChatError) || error.code === 'throttled') throw error
      await keepReading(context.db, root, { ...root, nextAt: context.clock.now() + HOUR })
    }
  }
}

async function reconcile(context: Context, reader: ThreadReader, root: ThreadRoot): Promise<void> {
  const { timeOf, sameEdit } = reader
  const ref = { platform: root.platform, channel: root.channel, id: root.root }
  let { readTo, readSoFar } = root
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const now = context.clock.now()
    const expected = await readExpected(context, root, timeOf)
    const page = await readPage(reader, ref, readTo)
    const found = findDifferences(expected, page ?? NOTHING, {
      after: timeOf(readTo ?? root.root),
      now,
      timeOf,
      sameEdit,
    })
    const gone = [...found.missing, ...found.gone].map(({ message }) => message)
    const isDoubtful = page === null || (gone.length > 0 && readTo === null && !page.card)
    const isExpired = isDoubtful && (await findExpiry(context, reader, root, gone))
    let unheard = await mirrorUnheard(context, root, found.unheard)
    if (!isExpired) {
      await recordDiffering(context, root, [...found.missing, ...found.odd])
      unheard += await mirrorUnheard(context, root, found.gone)
      // The answer of the platform to the next change of the card says whether it is really gone.
      if (readTo === null && page?.card !== true) await lookAgain(context, ref)
    }
    if (unheard > 0) {
      const detail = `${root.platform} ${root.channel} ${root.root}: ${unheard} that nobody heard are on record now`
      context.alarm({ what: 'thread-messages-missed', detail, grant: grantOfStream(root.stream) })
    }
    if (page === null)
      return keepReading(context.db, root, { nextAt: null, readTo: null, readSoFar: 0, found: root.found })
    readSoFar += page.messages.length
    if (!page.more) return finish(context, root, readSoFar, isExpired)
    readTo = page.messages.at(-1)?.id ?? readTo
    await keepReading(context.db, root, { nextAt: now, readTo, readSoFar, found: root.found })
  }
}

const NOTHING: ThreadPage = { messages: [], card: false, more: false }

/** @returns null when there is no such thread any more */
async function readPage(
  reader: ThreadReader,
  root: Parameters<ThreadReader['readThread']>[0],
  after: string | null,
): Promise<ThreadPage | null> {
  try {
    return await reader.readThread(root, after)
  } catch (error) {
    if (error instanceof ChatError && error.code === 'not-found') return null
    throw error
  }
}

/** Says that it was compared, where that is news. */
async function finish(context: Context, root: ThreadRoot, found: number, isExpired: boolean): Promise<void> {
  const now = context.clock.now()
  const pauseMs = Math.min(Math.max((now - root.postedAt) / 2, HOUR), LONGEST_PAUSE_MS)
  const { platform, channel, stream } = root
  const at = { platform, channel, root: root.root }
  const fact: ThreadEvent = { type: 'thread.compared', data: { ...at, messages: found, upTo: now } }
  await inTransaction(context.db, { timeoutMs: 5_000 }, async (tx) => {
    if (found !== root.found && !isExpired) {
      await context.record.append(tx, threadStream(stream), null, [toDraft(fact)], now)
    }
    await keepReading(tx, root, { nextAt: now + Math.round(pauseMs), readTo: null, readSoFar: 0, found })
  })
  context.committed()
}

/**
 * Whether what is missing was deleted by schedule: everything in the channel up to the newest of it is gone, of everybody, and
 * nothing of it is young. That is one event for a channel, and again only when less is kept than before. Whoever deletes all
 * that stands in a channel from its beginning on looks the same: the event says since when, for people to judge.
 */
async function findExpiry(
  context: Context,
  { standsUntil, channelOf, timeOf }: ThreadReader,
  root: ThreadRoot,
  gone: readonly string[],
): Promise<boolean> {
  const newest = [root.root, ...gone].reduce((a, b) => (timeOf(a) >= timeOf(b) ? a : b))
  const now = context.clock.now()
  const age = now - timeOf(newest)
  if (age < SHORTEST_RETENTION_MS) return false
  const { platform } = root
  const channel = channelOf(root.channel)
  if (await standsUntil({ platform, channel, id: newest })) return false
  const stream = retentionStream(platform, channel)
  const before = await context.record.readStream(context.db, stream)
  const keptForMs = Math.min(...before.map(({ data }) => Number(data.keptForMs)))
  // Threads of one night are looked at one after the other.
  if (age >= keptForMs - DAY) return true
  const fact: ThreadsExpired = {
    type: 'threads.expired',
    data: { platform, channel, until: timeOf(newest), keptForMs: age },
  }
  await inTransaction(context.db, { timeoutMs: 5_000 }, (tx) => context.record.append(tx, stream, null, [fact], now))
  context.committed()
  return true
}
