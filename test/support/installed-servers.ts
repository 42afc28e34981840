import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { type Binaries, binariesIn } from '../../src/db/embedded/binaries.ts'
import type { NewCluster } from '../../src/db/embedded/create-cluster.ts'

const run = promisify(execFile)

/** The PostgreSQL servers of 15 and newer that this machine has, where Debian, Ubuntu and PGDG put them. */
export function installedServers(): InstalledServer[] {
  return globSync('/usr/lib/postgresql/*/bin/initdb')
    .map((file) => file.replace(/\/bin\/initdb$/, ''))
    .map((root) => ({ major: Number(root.split('/').at(-1)), binaries: binariesIn(root) }))
    .filter(({ major }) => major >= 15)
    .sort((a, b) => a.major - b.major)
}

/** As `createCluster` does, in words that every version knows. */
export async function initInstalled({ binaries, dataDir, user, password }: NewCluster): Promise<void> {
  const passwordFile = `${dataDir}.password`
  await writeFile(passwordFile, `${password}\n`, { mode: 0o644 })
  const options = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync']
  await run(binaries.initdb, [`--pgdata=${dataDir}`, `--pwfile=${passwordFile}`, ...options], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  await rm(passwordFile)
}

export interface InstalledServer {
  readonly major: number
  readonly binaries: Binaries
}
