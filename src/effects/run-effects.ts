import { setTimeout as sleep } from 'node:timers/promises'
import { PgBoss } from 'pg-boss'
import type { AttemptWorld } from './attempt.ts'
import type { Handler } from './effect.ts'
import { findDue } from './find-due.ts'
import { createKick, EFFECTS_CHANNEL } from './kick.ts'
import { type Depth, measureDepth } from './measure-depth.ts'
import { createTaker, type Taker } from './take-effects.ts'

const LOOK_EVERY_MS = 1_000
const DRAIN_MS = 20_000
const HANDING_OVER_MS = 2_000
/** Without a database every kind fails every second: one line is enough for them. */
const QUIET_MS = 5_000

/**
 * Runs effects in this process, beside any number of others. Each kind has a queue of its own, so a
 * flood of one never delays another, and a kind without a handler here is left to replicas that have one.
 */
export function createEffects({ url, role, handlers, ...given }: EffectsOptions): Effects {
  const { db, log, drainMs = DRAIN_MS, reportAfter = 8 } = given
  const boss = new PgBoss({
    connectionString: addressForPg(url, role),
    application_name: 'countersign effects',
    max: 4,
    migrate: false,
    schedule: false,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    maintenanceIntervalSeconds: 60,
  })
  const hurry = new AbortController()
  const world: AttemptWorld = {
    ...{ db, log, onStuck: given.onStuck, reportAfter, stopping: hurry.signal, onPutBack: lookAfter },
    onLeft: (kind, delayMs) => takers.get(kind)?.rest(2 * delayMs),
  }
  const takers = new Map<string, Taker>()
  const timers = new Set<NodeJS.Timeout>()
  let listening: { close(): Promise<void> } | undefined
  let looking: NodeJS.Timeout | undefined
  let asking: Promise<void> | null = null
  let started: Promise<void> | null = null
  let stopped: Promise<void> | null = null
  let quiet = false

  boss.on('warning', ({ message }) => log.warn({ warning: message }, 'pg-boss warns'))
  boss.on('error', onError)

  async function start(): Promise<void> {
    await boss.start()
    for (const [kind, handler] of Object.entries(handlers)) {
      await boss.createQueue(kind, { policy: 'short' })
      takers.set(kind, createTaker({ boss, kind, handler, world, onError }))
    }
    try {
      listening = await boss.getDb().listen?.(EFFECTS_CHANNEL, (kind) => takers.get(kind)?.look(), lookAtDue)
    } catch (error) {
      log.warn({ code: codeOf(error) }, 'effects are not called out here: they are looked for every second')
    }
    looking = setInterval(lookAtDue, LOOK_EVERY_MS)
    lookAtDue()
  }

  async function stop(): Promise<void> {
    await started?.catch(() => undefined)
    clearInterval(looking)
    for (const timer of timers) clearTimeout(timer)
    // First: who hangs up slowly would still be given something new.
    const finished = Promise.all([asking, ...[...takers.values()].map((taker) => taker.stop())])
    await listening?.close()
    if (!(await isDoneWithin(finished, drainMs))) {
      log.warn({ drainMs }, 'effects were still running at the end: other replicas go on with them')
      hurry.abort(new Error('the process stops'))
      await isDoneWithin(finished, HANDING_OVER_MS)
    }
    await boss.stop({ graceful: false })
  }

  function lookAtDue(): void {
    asking ??= findDue(boss, takers.keys())
      .then((kinds) => {
        for (const kind of kinds) takers.get(kind)?.look()
      }, onError)
      .finally(() => {
        asking = null
      })
  }

  function lookAfter(kind: string, delayMs: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      takers.get(kind)?.look()
    }, delayMs + 1)
    timers.add(timer)
  }

  function onError(error: unknown): void {
    if (quiet) return
    quiet = true
    setTimeout(() => {
      quiet = false
    }, QUIET_MS).unref()
    log.error({ code: codeOf(error) }, 'the effects cannot be looked at')
  }

  return {
    start: () => (started ??= start()),
    stop: () => (stopped ??= stop()),
    kick: createKick(db, (error) => log.warn({ code: codeOf(error) }, 'workers could not be told of effects')),
    depth: () => measureDepth(db),
  }
}

/**
 * pg has no setting for a role, but sends what the URL says in `options` when it connects. And it takes `require` for
 * `verify-full`, so that it would not enter where all other connections do.
 */
function addressForPg(url: string, role: string | undefined): string {
  const address = new URL(url)
  const query = address.searchParams
  if (role !== undefined) query.set('options', `${query.get('options') ?? ''} -c role=${role}`.trim())
  if (/^(prefer|require)$/.test(query.get('sslmode') ?? '')) query.set('sslmode', 'no-verify')
  return address.href
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
