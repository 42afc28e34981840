import type { JobWithMetadata } from 'pg-boss'
import type { BaseLogger } from 'pino'
import type { Db, Tx } from '../db/transaction.ts'
import { delayAfter } from './back-off.ts'
import type { EffectData, Handler, Stuck } from './effect.ts'
import { type Attempt, giveUp, holds, putBack } from './settle.ts'

const BUDGET_MS = 5 * 60_000
const BACK_OFF = { firstMs: 1_000, maxMs: 60_000 }

/** What a job of ours carries. `reported`: somebody was told that it is stuck. */
export interface Carried {
  readonly data: EffectData
  readonly reported?: boolean
}

export interface AttemptWorld {
  readonly db: Db
  readonly log: Pick<BaseLogger, 'info' | 'warn' | 'error'>
  readonly onStuck: (tx: Tx, stuck: Stuck) => Promise<void>
  /** A `forever` effect is reported after so many failed attempts. */
  readonly reportAfter: number
  /** Aborted when the process stops without waiting any longer. */
  readonly stopping: AbortSignal
  /** Called with how long the next attempt has to wait. */
  readonly onPutBack: (kind: string, delayMs: number) => void
}

/**
 * Runs a handler once and settles a failure in one transaction. Returns in both cases: pg-boss then
 * completes the job, which after a settled failure is there no more. Throws only when the process stops
 * or the failure could not be settled; then pg-boss gives the job to the next worker.
 */
export async function attemptEffect(handler: Handler, job: JobWithMetadata<Carried>, world: AttemptWorld) {
  const attempt: Attempt = { kind: job.name, id: job.id, number: job.retryCount + 1 }
  const times = handler.retry === 'forever' ? Number.POSITIVE_INFINITY : handler.retry.times
  try {
    if (attempt.number > times) throw new Error('the worker died in every attempt')
    await runWithin(handler, job, attempt, world)
  } catch (error) {
    if (world.stopping.aborted) throw new Error('the process stopped')
    await settleFailure(handler, job, attempt, times, error, world).catch((cause: unknown) => {
      world.log.error({ kind: job.name, error: nameOf(cause) }, 'a failed effect could not be settled')
      // pg-boss keeps what it catches in its table: nothing of the cause may be in it.
      throw new Error('the failure could not be settled')
    })
  }
}

async function runWithin(handler: Handler, job: JobWithMetadata<Carried>, attempt: Attempt, world: AttemptWorld) {
  const budgetMs = handler.budgetMs ?? BUDGET_MS
  const spent = new AbortController()
  const timer = setTimeout(() => spent.abort(new Error(`not done within ${budgetMs} ms`)), budgetMs)
  const signal = AbortSignal.any([spent.signal, world.stopping])
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    const context = {
      key: job.singletonKey ?? '',
      attempt: attempt.number,
      signal,
      stillMine: () => holds(world.db, attempt),
    }
    await Promise.race([handler.run(job.data.data, context), aborted.promise])
  } finally {
    clearTimeout(timer)
    // A signal that is listened to is kept for as long as one that it follows: that of the process.
    signal.removeEventListener('abort', onAbort)
  }
}

async function settleFailure(
  handler: Handler,
  job: JobWithMetadata<Carried>,
  attempt: Attempt,
  times: number,
  error: unknown,
  world: AttemptWorld,
): Promise<void> {
  const { kind, number: attempts } = attempt
  const key = job.singletonKey ?? ''
  const givenUp = attempts >= times
  const report = givenUp || (!job.data.reported && times === Number.POSITIVE_INFINITY && attempts >= world.reportAfter)
  const delayMs = delayAfter(attempts, error, handler.backOff ?? BACK_OFF, Math.random())

  const mine = await world.db.begin(async (tx) => {
    const settled = givenUp
      ? await giveUp(tx, attempt)
      : await putBack(tx, attempt, delayMs, report || job.data.reported === true)
    // In the same transaction: what it writes is there once, or the attempt is not settled.
    if (settled && report) await world.onStuck(tx, { kind, key, data: job.data.data, attempts, error, givenUp })
    return settled
  })

  const facts = { kind, key, attempt: attempts, error: nameOf(error) }
  if (!mine) world.log.warn(facts, 'effect failed after another worker had taken it over')
  else if (givenUp) world.log.error(facts, 'effect given up')
  else world.log.warn({ ...facts, delayMs: Math.round(delayMs) }, 'effect failed, will be tried again')
  if (mine && !givenUp) world.onPutBack(kind, delayMs)
}

/** Never the message: what an outside says may hold what it was sent. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}
