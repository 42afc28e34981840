import { setTimeout as sleep } from 'node:timers/promises'
import { type JobWithMetadata, PgBoss } from 'pg-boss'
import { type AttemptWorld, attemptEffect, type Carried } from './attempt.ts'
import type { Handler } from './effect.ts'
import { createKick } from './kick.ts'
import { type Depth, measureDepth } from './measure-depth.ts'

const LOOK_EVERY_S = 1
const CONCURRENCY = 4
const DRAIN_MS = 20_000
const HANDING_OVER_MS = 2_000
/** Failures of the database come once a second from every worker: one line is enough for them. */
const QUIET_MS = 5_000

/**
 * Runs effects in this process, beside any number of others. Each kind has a queue of its own, so a
 * flood of one never delays another, and a kind without a handler here is left to replicas that have one.
 */
export function createEffects({
  url,
  role,
  handlers,
  drainMs = DRAIN_MS,
  reportAfter = 8,
  ...given
}: EffectsOptions): Effects {
  const boss = new PgBoss({
    connectionString: role === undefined ? url : actingAs(role, url),
    application_name: 'countersign effects',
    max: 4,
    migrate: false,
    schedule: false,
    useListenNotify: true,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    maintenanceIntervalSeconds: 60,
  })
  const kinds = Object.keys(handlers)
  const hurry = new AbortController()
  const timers = new Set<NodeJS.Timeout>()
  const world: AttemptWorld = { ...given, reportAfter, stopping: hurry.signal, onPutBack: wakeAfter }
  let started: Promise<void> | null = null
  let stopped: Promise<void> | null = null
  let quiet = false

  boss.on('warning', ({ message }) => given.log.warn({ warning: message }, 'pg-boss warns'))
  boss.on('error', (error) => {
    if (quiet) return
    quiet = true
    setTimeout(() => {
      quiet = false
    }, QUIET_MS).unref()
    given.log.error({ code: codeOf(error), error: error.message }, 'the effects cannot be looked at')
  })

  async function start(): Promise<void> {
    await boss.start()
    for (const kind of kinds) await boss.createQueue(kind, { policy: 'short', notify: true })
    for (const [kind, handler] of Object.entries(handlers)) {
      for (let n = handler.concurrency ?? CONCURRENCY; n > 0; n--) await startWorker(kind, handler)
    }
  }

  async function startWorker(kind: string, handler: Handler): Promise<void> {
    const id = await boss.work(
      kind,
      {
        includeMetadata: true,
        // One at a time of a key: a second one waits in the queue and not in a worker that others need.
        groupConcurrency: 1,
        pollingIntervalSeconds: LOOK_EVERY_S,
        notifyPollingIntervalSeconds: LOOK_EVERY_S,
      },
      async ([job]: JobWithMetadata<Carried>[]) => {
        if (job) await attemptEffect(handler, job, world)
        // Or it would sleep after every job, with thousands waiting.
        boss.notifyWorker(id)
      },
    )
  }

  async function drain(): Promise<void> {
    await started?.catch(() => undefined)
    const finished = Promise.all(kinds.map((kind) => boss.offWork(kind, { wait: true })))
    if (!(await isDoneWithin(finished, drainMs))) {
      given.log.warn({ drainMs }, 'effects were still running at the end: other replicas go on with them')
      hurry.abort(new Error('the process stops'))
      await isDoneWithin(finished, HANDING_OVER_MS)
    }
    for (const timer of timers) clearTimeout(timer)
    await boss.stop({ graceful: false })
  }

  function wakeAfter(kind: string, delayMs: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      for (const { id, name } of boss.getWipData()) if (name === kind) boss.notifyWorker(id)
    }, delayMs + 1)
    timers.add(timer)
  }

  return {
    start: () => (started ??= start()),
    stop: () => (stopped ??= drain()),
    kick: createKick(given.db, (error) =>
      given.log.warn({ code: codeOf(error) }, 'workers could not be told of effects'),
    ),
    depth: () => measureDepth(given.db),
  }
}

/** pg has no setting for it, but sends what the URL says in `options` when it connects. */
function actingAs(role: string, url: string): string {
  const acting = new URL(url)
  acting.searchParams.set('options', `${acting.searchParams.get('options') ?? ''} -c role=${role}`.trim())
  return acting.href
}

async function isDoneWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const patience = new AbortController()
  const late = sleep(ms, false, { signal: patience.signal }).catch(() => false)
  const done = await Promise.race([work.then(() => true), late])
  patience.abort()
  return done
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

export interface EffectsOptions extends Pick<AttemptWorld, 'db' | 'log' | 'onStuck'> {
  /** Where pg-boss connects, with a driver and a pool of its own. */
  url: string
  /** What it acts as there, when the login is more than the application. */
  role?: string
  handlers: Readonly<Record<string, Handler>>
  reportAfter?: number
  /** How long `stop` waits for what is running. */
  drainMs?: number
}

export interface Effects {
  start(): Promise<void>
  /** Takes no more, waits for what runs, and leaves to others what takes too long. */
  stop(): Promise<void>
  /** To be called after a commit, with the kinds that it kept. */
  kick(kinds: Iterable<string>): void
  depth(): Promise<Depth[]>
}
