import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
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
  const passwordFile = `${original}.password`
  const owned = user && { uid: user.uid, gid: user.gid }
  const password = await readFile(passwordFile, 'utf8').catch(async () => {
    await mkdir(kept, { recursive: true })
    if (user) await chown(kept, user.uid, user.gid)
    await chmod(kept, 0o700)
    const made = randomBytes(18).toString('base64url')
    await rm(original, { recursive: true, force: true })
    const cluster = { binaries, dataDir: original, user, password: made, sync: false }
    await (major < 17 ? initOlder(cluster) : createCluster(cluster))
    await writeFile(`${passwordFile}.new`, made)
    await rename(`${passwordFile}.new`, passwordFile)
    return made
  })
  await run('cp', ['-Rp', original, dataDir], { cwd: '/', ...owned })
  return password
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
