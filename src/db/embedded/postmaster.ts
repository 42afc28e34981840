import { spawn } from 'node:child_process'
import { open, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import { serverEnvironment } from './create-cluster.ts'
import { EmbeddedError } from './embedded-error.ts'
import type { ServerUser } from './server-user.ts'

const POLL_MS = 20
/** A server that ended leaves the process that writes its log a moment behind. */
const LAST_WORDS_MS = 1_000

/**
 * Starts the server in a session of its own, so that Ctrl-C reaches Countersign alone, which drains
 * first and then stops the server. Resolves when it takes connections.
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const { binaries, dataDir, user, logFile } = options
  const log = await open(logFile, 'a', 0o600)
  const from = await sizesOfLogs(options)
  try {
    const child = spawn(binaries.postgres, serverArguments(options), {
      cwd: '/',
      env: serverEnvironment,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...(user && { uid: user.uid, gid: user.gid }),
    })
    const ended = new Promise<unknown>((resolve) => {
      child.once('error', resolve)
      child.once('exit', (code, signal) => resolve(signal ?? code))
    })
    child.unref()
    const exit: { seen?: { why: unknown } } = {}
    void ended.then((why) => {
      exit.seen = { why }
    })
    while (!exit.seen) {
      const running = await readPostmaster(dataDir)
      if (running?.pid === child.pid && running?.ready && child.pid) return child.pid
      await sleep(POLL_MS)
    }
    throw await explain(options, from, exit.seen.why)
  } finally {
    await log.close()
  }
}

function serverArguments({ dataDir, port, settings = {} }: LaunchOptions): string[] {
  const all = { ...baseSettings, port: String(port), ...settings }
  return ['-D', dataDir, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

/** True when the running server was started with just these programs and settings. */
export async function runsAs(options: LaunchOptions): Promise<boolean> {
  const words = await readFile(path.join(options.dataDir, 'postmaster.opts'), 'utf8').catch(() => '')
  const expected = [options.binaries.postgres, ...serverArguments(options).map((word) => `"${word}"`)].join(' ')
  return words.trim() === expected
}

const baseSettings: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %q%a ',
  // A failing statement, or the row it names, may hold what must not be in a log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

/** What the running server, or a crashed one, wrote about itself. */
export async function readPostmaster(dataDir: string): Promise<Postmaster | undefined> {
  const text = await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
}

/** True when `pid` lives and works in `dataDir`. A pid alone is not enough: after a restart it is soon another's. */
export async function isServerOf(pid: number, dataDir: string): Promise<boolean> {
  if (!isAlive(pid)) return false
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (state !== undefined) {
    if (/\) Z /.test(state)) return false
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined)
    return cwd !== undefined && cwd === (await realpath(dataDir).catch(() => undefined))
  }
  // Without /proc (macOS) the file's own word is taken, and that it is younger than the machine's start.
  return (await stat(path.join(dataDir, 'postmaster.pid')).catch(() => undefined)) !== undefined
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * Stops the server: open transactions are rolled back, everything committed is on disk. When it does
 * not end within `patienceMs`, it is ended at once, and the next start recovers from its log.
 */
export async function stopServer(pid: number, dataDir: string, patienceMs: number): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!(await isServerOf(pid, dataDir))) return
    send(pid, signal)
    for (let waited = 0; waited < patienceMs; waited += POLL_MS) {
      if (!(await isServerOf(pid, dataDir))) return
      await sleep(POLL_MS)
    }
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function explain(
  options: LaunchOptions,
  from: ReadonlyMap<string, number>,
  why: unknown,
): Promise<EmbeddedError> {
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    const error = reasonFor(options, await saidSince(options, from), why)
    // What it says while it starts it writes itself; later its logging process does, if it has one.
    if (error.code !== 'start-failed' || why instanceof Error || waitedMs >= LAST_WORDS_MS) return error
    await sleep(POLL_MS)
  }
}

/** Where the server writes in words: beside the cluster, and in it once it collects its log. */
async function logsOf({ dataDir, logFile }: LaunchOptions): Promise<string[]> {
  const folder = path.join(dataDir, 'log')
  const names = await readdir(folder).catch(() => [])
  return [logFile, ...names.filter((name) => name.endsWith('.log')).map((name) => path.join(folder, name))]
}

async function sizesOfLogs(options: LaunchOptions): Promise<ReadonlyMap<string, number>> {
  const files = await logsOf(options)
  return new Map(
    await Promise.all(files.map(async (file) => [file, (await stat(file).catch(() => null))?.size ?? 0] as const)),
  )
}

async function saidSince(options: LaunchOptions, from: ReadonlyMap<string, number>): Promise<string> {
  const files = await logsOf(options)
  const read = async (file: string) =>
    (await readFile(file).catch(() => Buffer.of())).subarray(from.get(file)).toString()
  return (await Promise.all(files.map(read))).join('')
}

function reasonFor({ dataDir, port, logFile }: LaunchOptions, log: string, why: unknown): EmbeddedError {
  const cause = why instanceof Error ? why : new Error(`exit ${String(why)}: ${log.trim().slice(-2_000)}`)
  const options = { cause }
  const seen = `See ${logFile} and ${path.join(dataDir, 'log')}.`
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'EPERM') {
    const next = 'Start Countersign as another user than root, or set DATABASE_URL.'
    return new EmbeddedError('no-server-user', `This root may not start programs as another user. ${next}`, options)
  }
  if (/Address already in use/i.test(log)) {
    return new EmbeddedError('port-in-use', `Port ${port} is taken by another program.`, options)
  }
  if (/lock file ".*" already exists|shared memory block .* is still in use/is.test(log)) {
    return new EmbeddedError('already-running', `A server is already running in ${dataDir}.`, options)
  }
  if (/database files are incompatible/i.test(log)) {
    const next = 'Dump it with the old version and load it with the new, or start with another DATA_DIR.'
    return new EmbeddedError('wrong-version', `${dataDir} was made by another PostgreSQL version. ${next}`, options)
  }
  if (/No space left/i.test(log)) {
    return new EmbeddedError('disk-full', `No space is left on the disk of ${dataDir}. ${seen}`, options)
  }
  if (/Permission denied|Read-only file system/i.test(log)) {
    return new EmbeddedError('not-writable', `The server may not write in ${dataDir}. ${seen}`, options)
  }
  return new EmbeddedError('start-failed', `The embedded PostgreSQL did not start. ${seen}`, options)
}

export interface LaunchOptions {
  binaries: Binaries
  dataDir: string
  user: ServerUser | undefined
  port: number
  logFile: string
  settings?: Record<string, string>
}

export interface Postmaster {
  pid: number
  port: number
  ready: boolean
}
