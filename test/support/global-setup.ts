import type { TestProject } from 'vitest/node'
import { closeDb, openDb } from '../../src/db/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import { APP_ROLE, OWNER_ROLE, SEALER_ROLE } from '../../src/db/roles.ts'
import { migrateEffects } from '../../src/effects/migrate-effects.ts'
import { bundleProcesses } from './bundle-processes.ts'
import { carelessSettings, removeKept, startScratchCluster } from './cluster.ts'

const TEMPLATE = 'countersign_template'
const LOGINS = { app: APP_ROLE, sealer: SEALER_ROLE, owner: OWNER_ROLE }

/** One server for the whole run, with one migrated database that every test's own is copied from. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const bundled = await bundleProcesses()
  process.env.TEST_REPLICA = bundled.replica
  process.env.TEST_CLI = bundled.cli
  const cluster = await startScratchCluster({ settings: carelessSettings })
  const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'test set-up', max: 1 })
  try {
    await admin`create database ${admin(TEMPLATE)}`
    await migrate(cluster.urlFor(TEMPLATE), { also: [migrateEffects] })
    for (const [login, role] of Object.entries(LOGINS)) {
      await admin.unsafe(`create role test_${login} login password 'test' in role ${role}`)
    }
    project.provide('cluster', {
      template: TEMPLATE,
      url: cluster.urlFor('postgres'),
      appUrl: cluster.urlFor('postgres', 'test_app', 'test'),
      sealerUrl: cluster.urlFor('postgres', 'test_sealer', 'test'),
      ownerUrl: cluster.urlFor('postgres', 'test_owner', 'test'),
    })
  } catch (error) {
    await cluster.remove()
    throw error
  } finally {
    await closeDb(admin)
  }
  return async () => {
    await cluster.remove()
    await removeKept()
  }
}

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: { template: string; url: string; appUrl: string; sealerUrl: string; ownerUrl: string }
  }
}
