import { type ScheduledTask, schedule } from 'node-cron'
import type { BaseLogger } from 'pino'
import type { Db } from '../db/transaction.ts'
import type { Clock } from '../ports/clock.ts'
import { type Job, runDueSlots } from './run-due-slots.ts'
import { readCron } from './slots.ts'

/**
 * The calendar of a process, beside any number of others: node-cron looks once a minute; the clock
 * says what is due, and the table what has been run. What was missed while nobody ran is caught up.
 *
 * node-cron's own run coordinator is not used: it takes a slot before the run, so that a kill between
 * the two would lose the run. Here both are one transaction.
 *
 * @throws TypeError when a job's expression or the time zone cannot be used
 */
export function createSchedule({ db, clock, timeZone, jobs, log }: ScheduleOptions): Schedule {
  let zone = timeZone()
  const entries = jobs.map((job) => ({ job, cron: readCron(job.cron, zone), lookedUntil: 0 }))
  if (new Set(jobs.map(({ name }) => name)).size < jobs.length) throw new TypeError('two jobs have the same name')
  let ticker: ScheduledTask | null = null
  let looking: Promise<void> | null = null
  let stopped = false

  function runDue(): Promise<void> {
    if (stopped) return Promise.resolve()
    looking ??= lookThrough().finally(() => {
      looking = null
    })
    return looking
  }

  async function lookThrough(): Promise<void> {
    if (zone !== timeZone()) {
      zone = timeZone()
      for (const entry of entries) entry.cron = readCron(entry.job.cron, zone)
    }
    for (const entry of entries) {
      if (stopped) return
      const now = clock.now()
      try {
        await runDueSlots(db, entry.job, entry.cron, now, entry.lookedUntil)
        entry.lookedUntil = now
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined
        log.error({ job: entry.job.name, code }, 'a scheduled job failed and is run again within a minute')
      }
    }
  }

  return {
    runDue,
    async start() {
      if (ticker || stopped) return
      ticker = schedule('* * * * *', runDue, {
        name: 'countersign schedule',
        noOverlap: true,
        suppressMissedWarning: true,
        // A minute that a busy process missed is looked at late rather than not at all.
        missedExecutionTolerance: 60_000,
        logger: quiet,
      })
      await runDue()
    },
    async stop() {
      stopped = true
      await ticker?.destroy()
      await looking
    },
  }
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined }

export interface ScheduleOptions {
  db: Db
  clock: Clock
  /** The IANA name of the zone that counts now. */
  timeZone: () => string
  jobs: readonly Job[]
  log: Pick<BaseLogger, 'error'>
}

export interface Schedule {
  /** Catches up what was missed, then looks every minute. */
  start(): Promise<void>
  /** Waits for the job at hand. Twice is harmless. */
  stop(): Promise<void>
  /** Runs what is due now. Never rejects: failures are logged, and tried again. */
  runDue(): Promise<void>
}
