import type { JobWithMetadata, PgBoss } from 'pg-boss'
import { type AttemptWorld, attemptEffect, type Carried } from './attempt.ts'
import type { Handler } from './effect.ts'
import { type Attempt, finish } from './settle.ts'

const CONCURRENCY = 16
/** What ends within this time is finished, and replaced, by one statement each. */
const GATHER_MS = 5
const BEAT_MS = 1_000

/**
 * Takes effects of one kind as there is room for them, and runs each by itself. pg-boss's own workers
 * either look at the whole queue for every single job, or let one slow job hold up its whole batch.
 */
export function createTaker({ boss, kind, handler, world, onError }: TakerOptions): Taker {
  const room = handler.concurrency ?? CONCURRENCY
  const running = new Map<string, Promise<void>>()
  let done: Attempt[] = []
  let looking: Promise<void> | null = null
  let lookAgain = false
  let gathering: NodeJS.Timeout | null = null
  let resting: NodeJS.Timeout | null = null
  let stopped = false
  const beating = setInterval(beat, BEAT_MS)

  function look(): void {
    lookAgain = true
    looking ??= takeWhatFits().finally(() => {
      looking = null
    })
  }

  async function takeWhatFits(): Promise<void> {
    try {
      while (lookAgain) {
        lookAgain = false
        // While stopping too: what is done and still in the table looks dead to others after 8 s.
        await finishDone()
        const free = stopped || resting ? 0 : room - running.size
        if (free === 0) continue
        const jobs = await boss.fetch<Carried>(kind, {
          batchSize: free,
          includeMetadata: true,
          // One at a time of a key: a second one waits in the queue and not where others could run.
          groupConcurrency: 1,
        })
        for (const job of jobs) running.set(job.id, run(job))
      }
    } catch (error) {
      onError(error)
    }
  }

  async function run(job: JobWithMetadata<Carried>): Promise<void> {
    const attempt = { kind, id: job.id, number: job.retryCount + 1 }
    if (await attemptEffect(handler, { ...attempt, key: job.singletonKey ?? '', carried: job.data }, world)) {
      done.push(attempt)
    }
    running.delete(job.id)
    gathering ??= setTimeout(() => {
      gathering = null
      look()
    }, GATHER_MS)
  }

  /** Before anything new is taken: a waiting effect of the same key comes after it. */
  async function finishDone(): Promise<void> {
    const batch = done
    done = []
    if (batch.length > 0) await finish(world.db, batch)
  }

  function beat(): void {
    if (running.size > 0) boss.touch(kind, [...running.keys()]).catch(onError)
  }

  return {
    look,
    rest(ms) {
      if (resting) clearTimeout(resting)
      resting = setTimeout(() => {
        resting = null
        look()
      }, ms)
    },
    async stop() {
      stopped = true
      await looking
      await Promise.all(running.values())
      clearInterval(beating)
      if (gathering) clearTimeout(gathering)
      if (resting) clearTimeout(resting)
      look()
      await looking
    },
  }
}

export interface TakerOptions {
  boss: PgBoss
  kind: string
  handler: Handler
  world: AttemptWorld
  onError: (error: unknown) => void
}

export interface Taker {
  /** Looks now, or again right after the look that is under way. */
  look(): void
  /** Takes nothing for so long; what runs goes on. */
  rest(ms: number): void
  /** Takes no more, and waits for what runs. */
  stop(): Promise<void>
}
