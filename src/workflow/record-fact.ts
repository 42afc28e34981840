import { randomBytes } from 'node:crypto'
import { classifyFailure } from '../db/failure.ts'
import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import type { Draft } from '../record/compose.ts'
import type { Context } from './context.ts'

/**
 * Puts a fact that no state is folded from at the end of a stream. Where somebody changed the stream so that it takes no
 * more, the fact goes into one beside it, of a name that nobody could foresee: it must not go unsaid.
 * @param along what is written with it, in the same transaction
 */
export async function recordFact(
  around: Pick<Context, 'db' | 'record' | 'clock'>,
  stream: string,
  fact: Draft,
  along: (tx: Tx, now: number) => Promise<void> = async () => undefined,
): Promise<void> {
  const append = (to: string) =>
    inTransaction(around.db, { timeoutMs: 10_000 }, async (tx) => {
      const now = around.clock.now()
      await along(tx, now)
      await around.record.append(tx, to, null, [fact], now)
    })
  try {
    await append(stream)
  } catch (error) {
    if (classifyFailure(error) !== 'refused') throw error
    await append(`${stream}:beside:${randomBytes(8).toString('hex')}`)
  }
}
