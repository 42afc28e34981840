import { chown, open, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedError } from './embedded-error.ts'
import { freePort } from './free-port.ts'
import { type Lease, takeLease } from './lease.ts'
import type { Placement } from './placement.ts'
import { isAlive, isServerOf, type LaunchOptions, launch, readPostmaster, runsAs, stopServer } from './postmaster.ts'
import { type SavedState, savePort } from './saved-state.ts'

const ATTEMPTS = 50
const RETRY_MS = 50
const PATIENCE_MS = 10_000
const LOG_LIMIT_BYTES = 10 * 1024 * 1024

/** A target on it shows what was done there, as docs/activity.md asks of a DBA: a file a day, in `data/log`, for a week. */
const settings = {
  ...{ logging_collector: 'on', log_destination: 'stderr,jsonlog', log_connections: 'on', log_disconnections: 'on' },
  ...{ log_filename: 'server-%a.log', log_rotation_age: '1d', log_rotation_size: '0', log_truncate_on_rotation: 'on' },
}

/**
 * Joins the server that runs on the data folder, or starts one. What runs there is an orphan of a
 * killed process, or in use by another process; one that does not answer is stopped first.
 */
export async function joinServer(place: Placement, saved: SavedState, wish: JoinWish = {}): Promise<Joined> {
  const dataDir = path.join(place.home, 'data')
  const logFile = path.join(place.home, 'server.log')
  const { patienceMs = PATIENCE_MS } = wish
  let state = saved
  for (let attempt = 1; ; attempt++) {
    const port = wish.port ?? state.port
    const server = { ...place, dataDir, logFile, port, settings, patienceMs, password: state.passwords.superuser }
    try {
      const joined = (await adopt(server)) ?? (await start(server))
      if (joined) return joined
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof EmbeddedError)) throw error
      if (error.code === 'port-in-use' && wish.port === undefined) {
        state = await savePort(place.home, state, await freePort())
      } else if (error.code !== 'already-running') throw error
    }
    // Another process starts or stops it in this moment.
    await sleep(RETRY_MS)
  }
}

async function adopt(server: Server): Promise<Joined | undefined> {
  const { dataDir, patienceMs } = server
  const running = await readPostmaster(dataDir)
  if (!running) return undefined
  const { pid, port } = running
  if (!(await isServerOf(pid, dataDir))) {
    // Left by a crash, and its pid is another program's now: PostgreSQL would refuse to start.
    if (isAlive(pid) && (await readPostmaster(dataDir))?.pid === pid) await rm(path.join(dataDir, 'postmaster.pid'))
    return undefined
  }
  const lease = await leaseOn(server, pid, port)
  if (!lease) {
    await stopServer(pid, dataDir, patienceMs)
    return undefined
  }
  // Started by an older Countersign, with other programs or settings: replaced as soon as nobody uses it.
  if (!(await runsAs({ ...server, port })) && (await lease.tryAlone())) {
    await stopServer(pid, dataDir, patienceMs)
    await lease.release()
    return undefined
  }
  return { pid, port, lease, adopted: true }
}

async function start(server: Server): Promise<Joined | undefined> {
  await prepareLog(server)
  const pid = await launch(server)
  const lease = await leaseOn(server, pid, server.port)
  return lease && { pid, port: server.port, lease, adopted: false }
}

async function leaseOn({ dataDir, password, patienceMs }: Server, pid: number, port: number) {
  try {
    return await takeLease({
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      pid,
      dataDir,
      patienceMs,
    })
  } catch (cause) {
    const next = 'Put back the server.json that was made with it, or start with another DATA_DIR.'
    throw new EmbeddedError('foreign-server', `The server in ${dataDir} refuses the saved password. ${next}`, { cause })
  }
}

async function prepareLog({ logFile, user }: LaunchOptions): Promise<void> {
  const size = (await stat(logFile).catch(() => undefined))?.size ?? 0
  if (size > LOG_LIMIT_BYTES) await rename(logFile, `${logFile}.1`)
  await (await open(logFile, 'a', 0o600)).close()
  if (user) await chown(logFile, user.uid, user.gid)
}

interface Server extends LaunchOptions {
  /** Of the superuser. */
  password: string
  patienceMs: number
}

export interface JoinWish {
  /** Exactly this port. */
  port?: number | undefined
  /** How long a ready server may stay silent, or take to stop. */
  patienceMs?: number | undefined
}

export interface Joined {
  pid: number
  port: number
  lease: Lease
  /** True when it ran already. */
  adopted: boolean
}
