import { chmod, chown, mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findBinaries } from '../../src/db/embedded/binaries.ts'
import { freePort } from '../../src/db/embedded/free-port.ts'
import { isAlive, isServerOf, launch, readPostmaster, stopServer } from '../../src/db/embedded/postmaster.ts'
import { isReachable, serverUser } from '../../src/db/embedded/server-user.ts'
import { copyCluster } from './new-cluster.ts'
import { type Major, NEWEST, packageOf } from './postgres-versions.ts'

const STOP_PATIENCE_MS = 15_000
/** A run has up to fifteen servers at once, each of a hundred megabytes. */
const PLENTY_BYTES = 6 * 1024 ** 3
const PREFIX = 'countersign-test-'

/** Quick and careless: for tests that do not crash the server. */
export const carelessSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

const roomySettings = { max_connections: '300', shared_buffers: '64MB', jit: 'off' }

/**
 * A PostgreSQL server of one's own, to crash, to fill, or to run with other settings. It writes as
 * carefully as in production unless told otherwise.
 */
export async function startScratchCluster({
  settings = {},
  major = NEWEST,
}: ScratchOptions = {}): Promise<ScratchCluster> {
  await sweepAbandoned()
  const [binaries, user] = await Promise.all([findBinaries(packageOf(major)), serverUser()])
  const [inMemory, onDisk] = await temporaryRoots()
  const root = settings.fsync === 'off' && (await hasPlenty(inMemory)) ? inMemory : onDisk
  const folder = await mkdtemp(path.join(root, `${PREFIX}${process.pid}-`))
  if (user) await chown(folder, user.uid, user.gid)
  await chmod(folder, 0o700)
  const dataDir = path.join(folder, 'data')
  const password = await copyCluster({ kept: keptFolder(root), major, binaries, dataDir, user })
  const port = await freePort()
  const logFile = path.join(folder, 'server.log')
  const start = () => launch({ binaries, dataDir, user, port, logFile, settings: { ...roomySettings, ...settings } })

  const cluster: ScratchCluster = {
    port,
    dataDir,
    logFile,
    pid: await start(),
    urlFor: (database, login = 'postgres', secret = password) => {
      const url = new URL(`postgres://127.0.0.1:${port}/${database}`)
      url.username = login
      url.password = secret
      return url.href
    },
    async crash() {
      process.kill(cluster.pid, 'SIGKILL')
      while (await isServerOf(cluster.pid, dataDir)) await sleep(5)
    },
    async start() {
      // After a crash the killed server's children hold its memory for a moment.
      for (let attempt = 0; ; attempt++) {
        try {
          cluster.pid = await start()
          return
        } catch (error) {
          if (attempt === 100 || (error as { code?: string }).code !== 'already-running') throw error
          await sleep(20)
        }
      }
    },
    stop: () => stopServer(cluster.pid, dataDir, STOP_PATIENCE_MS),
    async remove() {
      await stopServer(cluster.pid, dataDir, STOP_PATIENCE_MS)
      await rm(folder, { recursive: true, force: true })
    },
  }
  return cluster
}

/** What the servers of this run are copied from, by the name of the process that lives as long: a worker's parent. */
function keptFolder(root: string): string {
  const owner = process.env.VITEST_POOL_ID === undefined ? process.pid : process.ppid
  return path.join(root, `${PREFIX}${owner}-clusters`)
}

/** At the end of the run. */
export async function removeKept(): Promise<void> {
  for (const root of await temporaryRoots()) await rm(keptFolder(root), { recursive: true, force: true })
}

/**
 * For careless servers there is memory: a database is three hundred files, and a disk that has just deleted as many is
 * slow at making new ones.
 */
async function temporaryRoots(): Promise<readonly [inMemory: string, onDisk: string]> {
  const user = await serverUser()
  return ['/dev/shm', !user || (await isReachable(tmpdir(), user)) ? tmpdir() : '/tmp']
}

async function hasPlenty(root: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(root).catch(() => ({ bavail: 0, bsize: 0 }))
  return Math.min(bavail * bsize, process.availableMemory()) > PLENTY_BYTES
}

/** A run that was killed leaves its server behind; the next run of the same user ends it. */
async function sweepAbandoned(): Promise<void> {
  for (const root of await temporaryRoots()) {
    for (const name of await readdir(root).catch(() => [])) {
      const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1]
      if (!owner || isAlive(Number(owner))) continue
      const dataDir = path.join(root, name, 'data')
      const server = await readPostmaster(dataDir)
      if (server) await stopServer(server.pid, dataDir, STOP_PATIENCE_MS)
      await rm(path.join(root, name), { recursive: true, force: true }).catch(() => undefined)
    }
  }
}

export interface ScratchOptions {
  /** PostgreSQL settings, such as `{ statement_timeout: '1s' }`. */
  settings?: Record<string, string>
  /** Another PostgreSQL than the one that Countersign brings. */
  major?: Major
}

export interface ScratchCluster {
  port: number
  dataDir: string
  logFile: string
  /** Of the running postmaster. */
  pid: number
  /** As the superuser, unless another login is named. */
  urlFor(database: string, login?: string, password?: string): string
  /** Kills the server as a power cut would; `start` again recovers it. */
  crash(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  remove(): Promise<void>
}
