import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Binaries } from '../../src/db/embedded/binaries.ts'
import { createCluster, type NewCluster } from '../../src/db/embedded/create-cluster.ts'
import type { Major } from './postgres-versions.ts'

const run = promisify(execFile)

/**
 * Makes a cluster at `dataDir` by copying one that this run made before: initdb takes a second, a copy a tenth of it.
 * @param kept a folder that lasts as long as the run
 * @returns the password of `postgres`
 */
export async function copyCluster({ kept, major, binaries, dataDir, user }: CopiedCluster): Promise<string> {
  const original = path.join(kept, String(major))
  const secret = () => readFile(path.join(original, 'password'), 'utf8')
  const password = await secret().catch(async () => {
    await makeOriginal(original, { major, binaries, user })
    return secret()
  })
  await run('cp', ['-Rp', path.join(original, 'data'), dataDir], {
    cwd: '/',
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  return password
}

/** Of two that make it at once one wins, and the other's is dropped. */
async function makeOriginal(original: string, { major, binaries, user }: Omit<CopiedCluster, 'kept' | 'dataDir'>) {
  await mkdir(path.dirname(original), { recursive: true, mode: 0o755 })
  const staging = await mkdtemp(`${original}-`)
  if (user) await chown(staging, user.uid, user.gid)
  const password = randomBytes(18).toString('base64url')
  const cluster = { binaries, dataDir: path.join(staging, 'data'), user, password, sync: false }
  await (major < 17 ? initOlder(cluster) : createCluster(cluster))
  await writeFile(path.join(staging, 'password'), password, { mode: 0o600 })
  await rename(staging, original).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    await rm(staging, { recursive: true, force: true })
  })
}

/** As `createCluster` does, in words that servers before 17 know. */
async function initOlder({ binaries, dataDir, user, password }: NewCluster): Promise<void> {
  const passwordFile = `${dataDir}.initial`
  await writeFile(passwordFile, `${password}\n`, { mode: 0o644 })
  const options = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
  await run(binaries.initdb, [`--pgdata=${dataDir}`, `--pwfile=${passwordFile}`, ...options], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  await rm(passwordFile)
}

interface CopiedCluster {
  kept: string
  major: Major
  binaries: Binaries
  dataDir: string
  user: NewCluster['user']
}
