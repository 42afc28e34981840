import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { type Binaries, binariesIn } from './binaries.ts'
import { EmbeddedError } from './embedded-error.ts'
import { isReachable, type ServerUser, serverUser } from './server-user.ts'

/** Where root puts what its server user could not reach, such as a data folder below /root. */
const SYSTEM_ROOT = '/var/lib/countersign'

/** Decides who runs the server and where its files lie, so that whoever runs it can read them. */
export async function placeServer(options: PlacementOptions): Promise<Placement> {
  const { dataDir, systemRoot = SYSTEM_ROOT } = options
  try {
    const user = await serverUser()
    await mkdir(dataDir, { recursive: true, mode: user ? 0o711 : 0o700 })
    const home = await findHome(path.resolve(dataDir), systemRoot, user)
    const owner = await ownerOfCluster(path.join(home, 'data'), user)
    return { home, user: owner, binaries: await reachableBinaries(options.binaries, systemRoot, owner) }
  } catch (cause) {
    throw cause instanceof EmbeddedError ? cause : explain(dataDir, cause)
  }
}

async function findHome(dataDir: string, systemRoot: string, user: ServerUser | undefined): Promise<string> {
  const beside = path.join(dataDir, 'postgres')
  await mkdir(beside, { recursive: true, mode: user ? 0o711 : 0o700 })
  const started = await stat(path.join(beside, 'data')).catch(() => undefined)
  if (!user || started || (await isReachable(beside, user, 0o1))) return beside
  const elsewhere = path.join(systemRoot, createHash('sha256').update(dataDir).digest('hex').slice(0, 12))
  await mkdir(elsewhere, { recursive: true, mode: 0o711 })
  const why = `${user.name}, who runs PostgreSQL for root, cannot enter this folder. The database is in ${elsewhere}\n`
  await writeFile(path.join(beside, 'MOVED.txt'), why)
  return elsewhere
}

/** An existing cluster is run by its owner: root may start today what a user started yesterday. */
async function ownerOfCluster(cluster: string, user: ServerUser | undefined): Promise<ServerUser | undefined> {
  const found = await stat(cluster).catch(() => undefined)
  if (!found) return user
  if (user) return found.uid === 0 ? user : { uid: found.uid, gid: found.gid, name: `user ${found.uid}` }
  if (found.uid === process.getuid?.()) return undefined
  throw new EmbeddedError(
    'not-writable',
    `${cluster} belongs to user ${found.uid}. Start as that user or as root, or set another DATA_DIR.`,
  )
}

async function reachableBinaries(
  binaries: Binaries,
  systemRoot: string,
  user: ServerUser | undefined,
): Promise<Binaries> {
  const needed = [
    binaries.postgres,
    binaries.initdb,
    path.join(binaries.root, 'lib'),
    path.join(binaries.root, 'share'),
  ]
  const reachable =
    user === undefined || (await Promise.all(needed.map((file) => isReachable(file, user)))).every(Boolean)
  return reachable ? binaries : copyBinaries(binaries, systemRoot)
}

/** The copy is named for what it was copied from, so a newer version makes a new one. */
async function copyBinaries(binaries: Binaries, systemRoot: string): Promise<Binaries> {
  const { size, mtimeMs } = await stat(binaries.postgres)
  const name = createHash('sha256').update(`${binaries.root} ${size} ${mtimeMs}`).digest('hex').slice(0, 12)
  const copy = path.join(systemRoot, `postgresql-${name}`)
  if (await stat(copy).catch(() => undefined)) return binariesIn(copy)
  await mkdir(systemRoot, { recursive: true, mode: 0o711 })
  const staging = await mkdtemp(path.join(systemRoot, 'copy-'))
  try {
    await cp(binaries.root, staging, { recursive: true, verbatimSymlinks: true })
    await promisify(execFile)('chmod', ['-R', 'a+rX', staging])
    await rename(staging, copy).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return binariesIn(copy)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

function explain(dataDir: string, cause: unknown): EmbeddedError {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC') {
    return new EmbeddedError('disk-full', `No space is left for ${dataDir}. Make room and start again.`, { cause })
  }
  const next = 'Make it writable, set another DATA_DIR, or set DATABASE_URL.'
  return new EmbeddedError('not-writable', `The data folder ${dataDir} cannot be used (${code ?? cause}). ${next}`, {
    cause,
  })
}

export interface PlacementOptions {
  dataDir: string
  binaries: Binaries
  /** Another place than /var/lib/countersign, for tests. */
  systemRoot?: string
}

export interface Placement {
  /** Holds the cluster (`data`), its log and its passwords. */
  home: string
  binaries: Binaries
  /** Who runs the server; undefined when we do. */
  user: ServerUser | undefined
}
