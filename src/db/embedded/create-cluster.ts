import { execFile } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from './binaries.ts'
import { EmbeddedError } from './embedded-error.ts'
import type { ServerUser } from './server-user.ts'

const run = promisify(execFile)

/**
 * Makes a new cluster at `dataDir`. It is built beside its place and renamed into it, so a crash
 * half way leaves no half cluster, and of two processes that race one wins and the other's is dropped.
 */
export async function createCluster({ binaries, dataDir, user, password, sync = true }: NewCluster): Promise<void> {
  const parent = path.dirname(dataDir)
  await mkdir(parent, { recursive: true, mode: 0o755 })
  const staging = await mkdtemp(path.join(parent, 'initdb-'))
  try {
    const passwordFile = path.join(staging, 'password')
    const built = path.join(staging, 'data')
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
    if (user) {
      await chown(passwordFile, user.uid, user.gid)
      await chown(staging, user.uid, user.gid)
    }
    await chmod(staging, 0o700)
    await initdb(
      binaries,
      [
        `--pgdata=${built}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-instructions',
        ...(sync ? [] : ['--no-sync']),
      ],
      user,
    )
    await rename(built, dataDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function initdb(binaries: Binaries, args: string[], user: ServerUser | undefined): Promise<void> {
  try {
    await run(binaries.initdb, args, {
      cwd: '/',
      env: serverEnvironment,
      ...(user && { uid: user.uid, gid: user.gid }),
    })
  } catch (cause) {
    throw explain(cause)
  }
}

function explain(cause: unknown): EmbeddedError {
  const { code, stderr = '' } = cause as { code?: string | number; stderr?: string }
  const options = { cause }
  // The file was found before: what is missing is the loader that it names.
  if (code === 'ENOENT') {
    return new EmbeddedError(
      'no-glibc',
      'The embedded PostgreSQL needs glibc, which this system lacks (Alpine?). Use a Debian image, or set DATABASE_URL.',
      options,
    )
  }
  if (/No space left/i.test(stderr)) {
    return new EmbeddedError('disk-full', 'No space is left for the database. Make room and start again.', options)
  }
  if (/Permission denied|Read-only file system/i.test(stderr)) {
    return new EmbeddedError('not-writable', `The database folder is not writable. ${stderr.trim()}`, options)
  }
  return new EmbeddedError('start-failed', `initdb failed: ${stderr.trim() || String(cause)}`, options)
}

/** Nothing of ours is handed to the server: its environment can be read by its user. */
export const serverEnvironment = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C' }

export interface NewCluster {
  binaries: Binaries
  dataDir: string
  user: ServerUser | undefined
  /** Of the superuser `postgres`. */
  password: string
  /** False only where nothing needs to survive the machine: tests. */
  sync?: boolean
}
