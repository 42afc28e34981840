import { closeDb, openDb } from '../../src/db/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Db, Tx } from '../../src/db/transaction.ts'
import type { Effect, Handler, Stuck } from '../../src/effects/effect.ts'
import { enqueue } from '../../src/effects/enqueue.ts'
import { migrateEffects } from '../../src/effects/migrate-effects.ts'
import { createEffects, type Effects, type EffectsOptions } from '../../src/effects/run-effects.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { createTestLog } from './log.ts'

/** A database with the effects schema, and workers that are stopped with it. */
export async function createEffectsDatabase(): Promise<EffectsDatabase> {
  const database = await createTestDatabase()
  await migrate(database.ownerUrl, { also: [migrateEffects] })
  const db = openDb(database.appUrl, { applicationName: 'test', role: 'countersign_app' })
  const running: Effects[] = []
  return {
    ...database,
    db,
    async work(handlers, options = {}) {
      const stuck: Stuck[] = []
      const { log, lines } = createTestLog()
      const effects = createEffects({
        url: database.appUrl,
        db,
        handlers,
        log,
        onStuck: async (_tx, what) => void stuck.push(what),
        ...options,
      })
      running.push(effects)
      await effects.start()
      return Object.assign(effects, { stuck, lines })
    },
    async add(...effects) {
      await db.begin((tx: Tx) => enqueue(tx, effects, 0))
    },
    async drop() {
      await Promise.all(running.map((effects) => effects.stop()))
      await closeDb(db)
      await database.drop()
    },
  }
}

/** Waits until it is so, with a limit that only a fault reaches. */
export async function until(isSo: () => boolean | Promise<boolean>, what = 'what the test waits for'): Promise<void> {
  for (let look = 0; look < 6_000; look++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`${what} did not come to pass`)
}

export interface EffectsDatabase extends TestDatabase {
  db: Db
  work(handlers: Record<string, Handler>, options?: Partial<EffectsOptions>): Promise<Worker>
  /** Keeps effects in a transaction of their own. */
  add(...effects: Effect[]): Promise<void>
}

export type Worker = Effects & { stuck: Stuck[]; lines: Record<string, unknown>[] }
