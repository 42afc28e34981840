import { inTransaction } from '../db/in-transaction.ts'
import { platformSkew } from '../domain/platform-time.ts'
import type { Context } from './context.ts'

const QUIET_MS = 60 * 60_000
const BUDGET_MS = 1_000

/**
 * Compares the platform's time of an act with ours as it arrives, before it is done. A difference is an alarm, at most
 * one an hour; it stops nothing, because neither clock is known to be the right one.
 */
export async function compareClocks(context: Context, { platform, platformAt, key }: Heard): Promise<void> {
  const now = context.clock.now()
  const skew = platformAt === undefined ? null : platformSkew(platformAt, now)
  if (skew === null || now - (toldAt.get(context.people) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return
  if (skew.platform === 'behind' && (await wasDone(context, key))) return
  toldAt.set(context.people, now)
  const seconds = Math.round(skew.byMs / 1000)
  const detail =
    skew.platform === 'ahead'
      ? `${platform}: its clock is ${seconds} s ahead of ours`
      : `${platform}: an act arrived ${seconds} s after its time there: our clock is ahead, or it was long on its way`
  context.alarm({ what: 'platform-clock', detail, grant: null })
}

/** Platforms send again what they saw no answer to: that says nothing of clocks. Unknown counts as done. */
async function wasDone({ db }: Context, key: string | null): Promise<boolean> {
  try {
    const rows = await inTransaction(db, { timeoutMs: BUDGET_MS }, (tx) => tx`select from act where key = ${key}`)
    return rows.length > 0
  } catch {
    return true
  }
}

/** One a process, whatever act it is. */
const toldAt = new WeakMap<object, number>()

interface Heard {
  readonly platform: string
  readonly platformAt?: number
  /** Of the act; null where none was let in. */
  readonly key: string | null
}
