import type { Db } from '../db/transaction.ts'

/** The channel on which the kinds of waiting effects are called out. */
export const EFFECTS_CHANNEL = 'countersign_effects'

/**
 * Tells the workers of all replicas that effects wait. Not part of the transaction that keeps them: a
 * notification inside it makes every commit wait for every other one. What is asked for while one
 * statement is under way goes with the next. A lost kick costs a second: workers also look by themselves.
 */
export function createKick(db: Db, onError: (error: unknown) => void): (kinds: Iterable<string>) => void {
  const waiting = new Set<string>()
  let sending = false

  async function send(): Promise<void> {
    sending = true
    while (waiting.size > 0) {
      const kinds = [...waiting]
      waiting.clear()
      try {
        await db`select pg_notify(${EFFECTS_CHANNEL}, kind) from unnest(${kinds}::text[]) as kind`
      } catch (error) {
        onError(error)
      }
    }
    sending = false
  }

  return (kinds) => {
    for (const kind of kinds) waiting.add(kind)
    if (!sending) void send()
  }
}
