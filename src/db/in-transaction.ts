import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { classifyFailure, isConnectionLoss, isRetryable, TransactionFailure } from './failure.ts'
import type { Db, Tx } from './transaction.ts'

const ATTEMPTS = 3
const RETRY_MS = 20
/** How long after the statements' own limit the answer of a silent network is awaited. */
const GRACE_MS = 500

/**
 * Runs one act: all of it is written, or nothing. A statement may take `timeoutMs`, a lock `lockMs`
 * or three quarters of it, and all together, waiting for a connection included, half a second more. A deadlock
 * or a serialization failure is tried again, so `run` must have no other effect than through `tx`.
 * @throws TransactionFailure when the database or the way to it failed; what `run` throws, otherwise
 */
export async function inTransaction<T>(db: Db, limits: TransactionLimits, run: (tx: Tx) => Promise<T>): Promise<T> {
  const act: Act = { step: 'running' }
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(giveUp(act)), limits.timeoutMs + GRACE_MS)
  })
  try {
    return await Promise.race([attempt(db, limits, run, act), deadline])
  } finally {
    clearTimeout(timer)
  }
}

async function attempt<T>(db: Db, limits: TransactionLimits, run: (tx: Tx) => Promise<T>, act: Act): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await once(db, limits, run, act)
    } catch (error) {
      if (isRetryable(error) && tried < ATTEMPTS && act.step !== 'given-up') {
        act.step = 'running'
        // At once, it could take the lock again before the one that was let through wakes up.
        await sleep((RETRY_MS * 2 ** tried * (50 + randomInt(100))) / 100)
        continue
      }
      throw explain(error, act)
    }
  }
}

async function once<T>(db: Db, limits: TransactionLimits, run: (tx: Tx) => Promise<T>, act: Act): Promise<T> {
  const { timeoutMs, lockMs = Math.ceil(timeoutMs * 0.75) } = limits
  const work = async (tx: Tx) => {
    checkpoint(act)
    // Sent ahead of the first statement, which also shows if it failed: its answer is not waited for.
    tx`
      select set_config('statement_timeout', ${String(timeoutMs)}, true),
        set_config('lock_timeout', ${String(lockMs)}, true),
        -- A machine that vanished must not keep its locks until TCP notices.
        set_config('idle_in_transaction_session_timeout', ${String(timeoutMs + GRACE_MS)}, true)`.catch(() => undefined)
    const value = await run(tx)
    checkpoint(act)
    act.step = 'committing'
    // A timeout that strikes while a synchronous standby is awaited would call a commit good that no standby has.
    const stands = tx.unsafe('set local statement_timeout = 0').execute()
    stands.catch(() => undefined)
    return { value, stands }
  }
  const done = await db.begin('', work, (connection) => {
    act.connection = connection
  })
  // Sent ahead of COMMIT, which reports success after a failed statement: this one's answer tells.
  await done.stands
  return done.value
}

/** A transaction that was given up must not commit later, when the network comes back. */
function checkpoint(act: Act): void {
  if (act.step === 'given-up') throw new TransactionFailure('not-recorded')
}

function giveUp(act: Act): TransactionFailure {
  const outcome = act.step === 'committing' ? 'unknown' : 'not-recorded'
  act.step = 'given-up'
  // A connection that fell silent would keep its place in the pool for many minutes.
  act.connection?.lose()
  return new TransactionFailure(outcome, { cause: new Error('no answer in time') })
}

function explain(error: unknown, act: Act): unknown {
  if (isConnectionLoss(error)) {
    return new TransactionFailure(act.step === 'committing' ? 'unknown' : 'not-recorded', { cause: error })
  }
  return classifyFailure(error) === 'not-recorded' && !(error instanceof TransactionFailure)
    ? new TransactionFailure('not-recorded', { cause: error })
    : error
}

export interface TransactionLimits {
  /** For each statement, in milliseconds. */
  timeoutMs: number
  /** How long a statement may wait for what somebody else has locked, in milliseconds. */
  lockMs?: number
}

interface Act {
  step: 'running' | 'committing' | 'given-up'
  /** That it runs on, once it has one. */
  connection?: { lose(): void }
}
