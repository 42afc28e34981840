import type { Db, Tx } from '../db/transaction.ts'
import { SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventRecord } from '../record/record.ts'
import { withholdSecrets } from '../secrets/find-secret.ts'
import type { Alarm } from './context.ts'
import { recordFact } from './record-fact.ts'

/** The same alarm is put on record once in this time; the log has each. */
const QUIET_MS = 60 * 60_000
/** Of this many alarms it is remembered when they were raised. */
const REMEMBERED = 10_000

/**
 * Makes something that a person must look at known: to the log at once, to the record as soon as it
 * can be written. Never throws, never waits: whoever raises it has work to do.
 */
export function createAlarms(around: {
  readonly db: Db
  readonly record: EventRecord
  readonly clock: Clock
  readonly log: (alarm: Alarm, cause?: unknown) => void
  readonly committed: () => void
  /** Once it is known who sees to findings. Left out where nobody does. */
  readonly find?: Promise<Finds>
}): { raise(alarm: Alarm): void; idle(): Promise<void> } {
  const last = new Map<string, number>()
  const writing = new Set<Promise<void>>()

  /** What a target or a library said may hold more than it should: the record and chat keep it for years. */
  async function write(raised: Alarm): Promise<void> {
    const alarm = { ...raised, detail: await withholdSecrets(raised.detail) }
    const fact: SystemFact = { type: 'system.alarm', data: alarm }
    try {
      await recordBoth(alarm, fact)
      around.committed()
    } catch (error) {
      around.log({ what: 'alarm-not-recorded', detail: alarm.what, grant: alarm.grant }, error)
    }
  }

  /** That it was raised is on record also when nobody could be given to see to it. */
  async function recordBoth(alarm: Alarm, fact: SystemFact): Promise<void> {
    const find = await around.find
    try {
      await recordFact(around, SYSTEM_STREAM, fact, find && ((tx, now) => find(tx, alarm, now)))
    } catch (error) {
      if (find === undefined) throw error
      around.log({ what: 'finding-not-opened', detail: alarm.what, grant: alarm.grant }, error)
      await recordFact(around, SYSTEM_STREAM, fact)
    }
  }

  return {
    raise(alarm) {
      around.log(alarm)
      const key = `${alarm.what} ${alarm.grant ?? ''} ${alarm.detail}`
      const now = around.clock.now()
      if (now - (last.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return
      last.delete(key)
      last.set(key, now)
      const [oldest] = last.keys()
      if (last.size > REMEMBERED && oldest !== undefined) last.delete(oldest)
      const work = write(alarm).finally(() => writing.delete(work))
      writing.add(work)
    },
    async idle() {
      await Promise.all(writing)
    },
  }
}

/** Opens the finding that an alarm is, in the transaction that puts it on record. */
export type Finds = (tx: Tx, alarm: Alarm, now: number) => Promise<void>
