import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { OWNER_ROLE } from '../../src/db/roles.ts'

/** A migrated database of one's own on the run's server. One a test file is the usual measure. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const cluster = inject('cluster')
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(
    // Copied as files: half the work of writing every page to the server's log.
    (admin) => admin`
      create database ${admin(name)} template ${admin(cluster.template)} owner ${admin(OWNER_ROLE)} strategy file_copy`,
  )
  const at = (url: string) => Object.assign(new URL(url), { pathname: name }).href
  return {
    name,
    url: at(cluster.url),
    appUrl: at(cluster.appUrl),
    sealerUrl: at(cluster.sealerUrl),
    ownerUrl: at(cluster.ownerUrl),
    async drop() {
      await asAdmin((admin) => admin`drop database if exists ${admin(name)} with (force)`)
    },
  }
}

async function asAdmin(run: (admin: ReturnType<typeof openDb>) => Promise<unknown>): Promise<void> {
  const admin = openDb(inject('cluster').url, { applicationName: 'test', max: 1 })
  try {
    await run(admin)
  } finally {
    await closeDb(admin)
  }
}

export interface TestDatabase {
  name: string
  /** The superuser: may do anything, as a DBA may. */
  url: string
  /** A login that may do what the application may, and no more. */
  appUrl: string
  /** A login that may do what the sealer may, and no more. */
  sealerUrl: string
  /** A login that may act as the owner: for migrations. */
  ownerUrl: string
  drop(): Promise<void>
}
