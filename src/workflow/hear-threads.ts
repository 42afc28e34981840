import { inTransaction } from '../db/in-transaction.ts'
import { MINUTE } from '../domain/duration.ts'
import { type ThreadAt, type ThreadEvent, threadStream } from '../domain/thread-event.ts'
import type { HearThread, ThreadNews } from '../ports/thread.ts'
import { toDraft } from './grant-store.ts'
import { mirrorThread } from './mirror-thread.ts'
import { findThread } from './thread-roots.ts'

/** Of one thread, in one minute, by one process. More than people write who talk to each other. */
const MOST_A_MINUTE = 30
/** What waits beyond that is left to whoever reads the threads back. */
const MOST_WAITING = 500

/**
 * Hears what people write in chat. Whose thread it is is asked before anything else: what is not under one of our cards is
 * dropped unread. One after the other, on one connection, so that talk never stands in the way of a decision; of more than
 * a minute takes only the number goes on record.
 */
export function createThreadEar(around: EarOptions): ThreadEar {
  const { context, onFault } = around
  const floods = new Map<string, Flood>()
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  let unheard = 0

  async function take(news: ThreadNews): Promise<void> {
    const thread = await findThread(context.db, news)
    if (thread === null) return
    const { platform, channel } = news
    const at = { platform, channel, root: thread.root }
    const flood = floodOf(at, thread.stream)
    flood.heard += 1
    if (flood.heard > MOST_A_MINUTE) {
      flood.over += 1
      return
    }
    const act = news.read()
    if (act !== null) await mirrorThread(context, { ...at, stream: thread.stream }, news.message, act)
  }

  function floodOf(at: ThreadAt, stream: string): Flood {
    const key = JSON.stringify(at)
    const from = context.clock.now()
    const found = floods.get(key)
    if (found !== undefined && from < found.until) return found
    const flood: Flood = { until: from + MINUTE, heard: 0, over: 0 }
    floods.set(key, flood)
    context.clock.runAt(flood.until, () => {
      if (floods.get(key) === flood) floods.delete(key)
      if (flood.over > 0) void queue(() => recordFlood(context, stream, at, { count: flood.over, from }))
    })
    return flood
  }

  function queue(work: () => Promise<void>): Promise<void> {
    last = last
      .then(work)
      .catch((error: unknown) => onFault('what was written in a thread is not on record yet', error))
    return last
  }

  return {
    async hear(news) {
      if (waiting >= MOST_WAITING) {
        unheard += 1
        return
      }
      waiting += 1
      await queue(() => take(news)).finally(() => {
        waiting -= 1
      })
      if (waiting === 0 && unheard > 0) {
        const detail = `${unheard} messages came faster than they could be looked at; reading the threads back finds ours`
        unheard = 0
        context.alarm({ what: 'thread-messages-unheard', detail, grant: null })
      }
    },
    settle: () => last,
  }
}

/** That more was written than is mirrored: how much, and between which times, by our clock. */
async function recordFlood(
  context: EarOptions['context'],
  stream: string,
  at: ThreadAt,
  { count, from }: { count: number; from: number },
): Promise<void> {
  const until = context.clock.now()
  const fact: ThreadEvent = { type: 'thread.flooded', data: { ...at, count, from, until } }
  await inTransaction(context.db, { timeoutMs: 5_000 }, (tx) =>
    context.record.append(tx, threadStream(stream), null, [toDraft(fact)], until),
  )
  context.committed()
}

interface Flood {
  /** Epoch ms. */
  readonly until: number
  heard: number
  over: number
}

interface EarOptions {
  readonly context: Parameters<typeof mirrorThread>[0]
  readonly onFault: (what: string, error: unknown) => void
}

export interface ThreadEar {
  readonly hear: HearThread
  /** Waits for what was heard. */
  settle(): Promise<void>
}
