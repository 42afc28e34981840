import { expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { judgeDurability, readDurability, type ServerSettings } from '../../src/db/durability.ts'
import { createTestDatabase } from '../support/database.ts'

const careful: ServerSettings = {
  fsync: true,
  synchronousCommit: 'on',
  fullPageWrites: true,
  syncStandbys: '',
  inRecovery: false,
}

test.each<[string, Partial<ServerSettings>, string, RegExp]>([
  ['a careful single server', {}, 'crash-safe', /survives a crash.*failover can lose/],
  ['a standby that confirms', { syncStandbys: 'ANY 1 (a, b)' }, 'replicated', /loss of this server.*ANY 1 \(a, b\)/],
  ['a standby that is not waited for', { syncStandbys: 'a', synchronousCommit: 'local' }, 'crash-safe', /failover/],
  ['commits that are not waited for', { synchronousCommit: 'off' }, 'may-lose', /Set synchronous_commit=on/],
  ['no fsync, whatever else', { fsync: false, syncStandbys: 'a' }, 'unsafe', /Set fsync=on/],
  ['torn pages', { fullPageWrites: false }, 'unsafe', /Set full_page_writes=on/],
  ['a standby that we talk to', { inRecovery: true }, 'read-only', /Point DATABASE_URL at the primary/],
])('%s is named for what it is worth', (_, settings, level, words) => {
  const judged = judgeDurability({ ...careful, ...settings })
  expect(judged.level).toBe(level)
  expect(judged.words).toMatch(words)
})

test('the settings are read from the server, as the application itself', async () => {
  const database = await createTestDatabase()
  const db = openDb(database.appUrl, { applicationName: 'test', role: 'countersign_app' })
  // The run's server is quick and careless on purpose.
  expect(await readDurability(db)).toMatchObject({
    fsync: false,
    synchronousCommit: 'off',
    fullPageWrites: false,
    syncStandbys: '',
    inRecovery: false,
    level: 'unsafe',
  })
  await closeDb(db)
  await database.drop()
})
