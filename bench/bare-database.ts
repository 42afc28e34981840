import { PgBoss } from 'pg-boss'
import { closeDb, openDb } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import { migrateEffects } from '../src/effects/migrate-effects.ts'
import type { House } from '../test/support/house.ts'

export async function createDatabase(house: House, name: string): Promise<string> {
  const admin = openDb(house.cluster.urlFor('postgres'), { applicationName: 'bench', max: 1 })
  await admin`create database ${admin(name)}`
  await closeDb(admin)
  return house.cluster.urlFor(name)
}

/** The product's own tables, without the product. @returns where, with these queues in it */
export async function createBareDatabase(house: House, name: string, queues: readonly string[]): Promise<string> {
  const url = await createDatabase(house, name)
  await migrate(url, { also: [migrateEffects] })
  const boss = new PgBoss({ connectionString: url, migrate: false, supervise: false, schedule: false })
  await boss.start()
  for (const queue of queues) await boss.createQueue(queue, { policy: 'short' })
  await boss.stop({ graceful: false })
  return url
}
