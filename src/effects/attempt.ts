import type { BaseLogger } from 'pino'
import type { Db, Tx } from '../db/transaction.ts'
import { delayAfter } from './back-off.ts'
import { type EffectData, type Handler, LeaveToOthers, RetryLater, type Stuck } from './effect.ts'
import { type Attempt, giveUp, holds, putBack } from './settle.ts'

const BUDGET_MS = 5 * 60_000
const BACK_OFF = { firstMs: 1_000, maxMs: 60_000 }

/**
 * Runs a handler once, and settles what went wrong.
 * @returns true when it is done; false when it waits again, was given up, or is somebody else's. Never throws:
 * what cannot be settled is taken over from this process as if it had died.
 */
export async function attemptEffect(handler: Handler, taken: Taken, world: AttemptWorld): Promise<boolean> {
  const { kind, key, number: attempt } = taken
  try {
    if (attempt > timesOf(handler)) throw new Error('no attempt is left: the process died in the last one')
    await runWithin(handler, taken, world)
    return true
  } catch (error) {
    const delayMs = delayAfter(attempt, error, handler.backOff ?? BACK_OFF, Math.random())
    const reported = taken.carried.reported === true
    try {
      if (world.stopping.aborted) await putBack(world.db, taken, { delayMs: 0, reported, counts: false })
      else await settleFailure(handler, taken, error, delayMs, world)
    } catch (cause) {
      world.log.error({ kind, key, attempt, error: nameOf(cause) }, 'a failed effect could not be settled')
      await putBack(world.db, taken, { delayMs, reported, counts: true }).catch(() => undefined)
    }
    return false
  }
}

async function runWithin(handler: Handler, taken: Taken, world: AttemptWorld): Promise<void> {
  const budgetMs = handler.budgetMs ?? BUDGET_MS
  const spent = new AbortController()
  const timer = setTimeout(() => spent.abort(new Error(`not done within ${budgetMs} ms`)), budgetMs)
  const signal = AbortSignal.any([spent.signal, world.stopping])
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    const context = { key: taken.key, attempt: taken.number, signal, stillMine: () => holds(world.db, taken) }
    await Promise.race([handler.run(taken.carried.data, context), aborted.promise])
  } finally {
    clearTimeout(timer)
    // A signal that is listened to is kept for as long as one that it follows: that of the process.
    signal.removeEventListener('abort', onAbort)
  }
}

async function settleFailure(handler: Handler, taken: Taken, error: unknown, delayMs: number, world: AttemptWorld) {
  const { kind, key, number: attempts, carried } = taken
  const givenUp = attempts >= timesOf(handler)
  const late = handler.retry === 'forever' && attempts >= world.reportAfter && carried.reported !== true
  const report = givenUp || late

  const mine = await world.db.begin(async (tx: Tx) => {
    const settled = givenUp
      ? await giveUp(tx, taken)
      : await putBack(tx, taken, { delayMs, reported: report || carried.reported === true, counts: true })
    // In the same transaction: what it writes is there once, or the attempt is not settled.
    if (settled && report) await world.onStuck(tx, { kind, key, data: carried.data, attempts, error, givenUp })
    return settled
  })

  const facts = { kind, key, attempt: attempts, error: nameOf(error) }
  if (!mine) world.log.warn(facts, 'effect failed after another worker had taken it over')
  else if (givenUp) world.log.error(facts, 'effect given up')
  else if (error instanceof RetryLater)
    world.log.info({ ...facts, delayMs: Math.round(delayMs) }, 'effect comes back later')
  else world.log.warn({ ...facts, delayMs: Math.round(delayMs) }, 'effect failed, will be tried again')
  if (!mine || givenUp) return
  if (error instanceof LeaveToOthers) world.onLeft(kind, delayMs)
  else world.onPutBack(kind, delayMs)
}

function timesOf({ retry }: Handler): number {
  return retry === 'forever' ? Number.POSITIVE_INFINITY : retry.times
}

/** Never the message: what an outside says may hold what it was sent. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? `${error.name} ${code}` : error.name
}

export interface Taken extends Attempt {
  readonly key: string
  readonly carried: Carried
}

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
  /** Called when the next attempt, after so long, is better made by another process. */
  readonly onLeft: (kind: string, delayMs: number) => void
}
