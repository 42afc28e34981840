import { setTimeout as sleep } from 'node:timers/promises'
import { closeDb, openDb } from '../client.ts'
import { isServerOf, readPostmaster } from './postmaster.ts'

/** Held in shared mode by every process that uses the server; whoever gets it alone may stop the server. */
const IN_USE = 7_240_118_100
const POLL_MS = 50

/**
 * Says to other processes on this data folder that the server is in use. The server itself keeps the
 * count, as locks of live connections, so a process that is killed cannot forget to sign off.
 * @returns undefined when the server went away, or is ready but does not answer for `patienceMs`
 */
export async function takeLease(options: LeaseOptions): Promise<Lease | undefined> {
  const { url, pid, dataDir, patienceMs } = options
  let waited = 0
  while (await isServerOf(pid, dataDir)) {
    const db = openDb(url, { applicationName: 'countersign server lease', max: 1, lifetime: 'process' })
    const held = await Promise.race([
      db`select pg_advisory_lock_shared(${IN_USE})`.then(
        () => 'held' as const,
        (error: { code?: unknown }) => error,
      ),
      sleep(patienceMs, { code: 'CONNECT_TIMEOUT' }, { ref: false }),
    ])
    if (held === 'held') return leaseOn(db)
    await closeDb(db, 0)
    // Wrong password or worse: waiting would not help.
    if (String(held.code).startsWith('28')) throw held
    // A server that recovers from a crash may take long before it is ready, and must not be disturbed.
    const ready = (await readPostmaster(dataDir))?.ready
    waited += held.code === 'CONNECT_TIMEOUT' ? patienceMs : POLL_MS
    if (ready && waited >= patienceMs) return undefined
    await sleep(POLL_MS)
  }
  return undefined
}

function leaseOn(db: ReturnType<typeof openDb>): Lease {
  return {
    db,
    async tryAlone() {
      await db`select pg_advisory_unlock_shared(${IN_USE})`
      const [row] = await db`select pg_try_advisory_lock(${IN_USE}) as alone`
      if (row?.alone === true) return true
      await db`select pg_advisory_lock_shared(${IN_USE})`
      return false
    },
    async renew() {
      await db`
        select pg_advisory_lock_shared(${IN_USE})
        where not exists (select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted)`
    },
    release: () => closeDb(db, 0),
  }
}

export interface LeaseOptions {
  /** As the superuser, to the database `postgres`. */
  url: string
  pid: number
  dataDir: string
  /** How long a server that says it is ready may stay silent. */
  patienceMs: number
}

export interface Lease {
  /** The one connection that holds it. */
  db: ReturnType<typeof openDb>
  /** True when no other process uses the server now; new ones then wait until it has stopped. */
  tryAlone(): Promise<boolean>
  /** Takes it again, should the connection have been lost. */
  renew(): Promise<void>
  release(): Promise<void>
}
