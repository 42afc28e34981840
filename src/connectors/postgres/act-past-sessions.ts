import type { Sql } from 'postgres'
import { ConnectorError, type TargetGrant } from '../../ports/connector.ts'
import { type Nameless, observe } from './observe.ts'
import { inDatabase, type PostgresTarget } from './postgres-target.ts'
import type { Sessions } from './sessions.ts'

/**
 * Takes a step of an ending, and ends the account's sessions while it gets no answer: a person who left
 * open what the step needs (their own new password, a lock on their table) would hold up their own end.
 * The step stays first in the queue for the lock, so a client that comes back does not overtake it.
 * @param where the database in which the step is taken
 * @returns its answer, and whether sessions had to be ended for it
 */
export async function actPastSessions<T>(
  target: PostgresTarget,
  grant: TargetGrant,
  ask: (sql: Sql) => Promise<T>,
  where: Sessions = target.sessions,
): Promise<{ answer: T; endedSessions: boolean }> {
  const answer = awaitAnswer()
  let ending = Promise.resolve(false)
  try {
    const answered = await where
      .act((sql) => {
        // Not before: a step that waits for one of our own connections is held up by nobody but us.
        ending = endWhatHoldsUp(target, grant, answer)
        return ask(sql)
      })
      .finally(answer.came)
    return { answer: answered, endedSessions: await ending }
  } catch (error) {
    await ending
    throw await withPrepared(target, grant, error)
  }
}

/** Never fails: the step's own answer tells whether it got through. */
async function endWhatHoldsUp(target: PostgresTarget, grant: TargetGrant, answer: Answer): Promise<boolean> {
  const { endpoint, patience } = target
  if (!(await answer.isMissingAfter(patience.heldUpMs))) return false
  let ended = false
  // A connection of its own: those of the pool may all be waiting like the step.
  await inDatabase(target, endpoint.database, async (second) => {
    do {
      const told = await killSessions(second, grant).catch(() => [])
      ended ||= told.length > 0
    } while (await answer.isMissingAfter(patience.pollMs))
  })
  return ended
}

/** An AbortController does the same, and makes an error with its stack for every answer that comes. */
function awaitAnswer(): Answer {
  let isHere = false
  let stop = () => {}
  return {
    came() {
      isHere = true
      stop()
    },
    isMissingAfter: (ms) =>
      new Promise((resolve) => {
        if (isHere) return resolve(false)
        const timer = setTimeout(() => resolve(true), ms)
        stop = () => {
          clearTimeout(timer)
          resolve(false)
        }
      }),
  }
}

interface Answer {
  came(): void
  /** Waits for the answer, so long at most. */
  isMissingAfter(ms: number): Promise<boolean>
}

/** A prepared transaction keeps its locks without a session: only its owner or a superuser can end it. */
async function withPrepared(target: PostgresTarget, grant: TargetGrant, error: unknown): Promise<unknown> {
  if (!(error instanceof ConnectorError && error.code === 'Throttled')) return error
  const { prepared } = await observe(target, grant).catch(() => ({ prepared: [] }))
  if (prepared.length === 0) return error
  const undo = prepared.map((gid) => `rollback prepared '${gid.replaceAll("'", "''")}'`).join('; ')
  const message = `${error.message}. ${grant.account} left prepared transactions: in the database of each, run ${undo}`
  return new ConnectorError('Throttled', message, { cause: error, retryAfterMs: error.retryAfterMs ?? 0 })
}

/** @param nameless backends that hid their name for too long. @returns the pids that were told to end */
export async function killSessions(
  sessions: Sessions,
  { account, id }: TargetGrant,
  nameless: readonly Nameless[] = [],
): Promise<readonly number[]> {
  const [row] = await sessions.act(
    (sql) => sql<{ ended: number[] }[]>`select jit.kill(${account}, ${id}, ${sql.json([...nameless])}) as ended`,
  )
  return row?.ended ?? []
}
