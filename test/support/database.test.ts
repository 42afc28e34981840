import { expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { createTestDatabase } from './database.ts'

test('each test database is its own, and its logins may act as their roles only', async () => {
  const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()])
  const db = openDb(one.url, { applicationName: 'test' })
  const app = openDb(one.appUrl, { applicationName: 'test', role: 'countersign_app' })
  try {
    await db`create table only_here (id bigint)`
    expect(await app`select current_user, session_user`).toEqual([
      { current_user: 'countersign_app', session_user: 'test_app' },
    ])
    await expect(app`set role countersign_owner`).rejects.toMatchObject({ code: '42501' })
    await expect(app`select * from only_here`).rejects.toMatchObject({ code: '42501' })
    const other = openDb(two.url, { applicationName: 'test' })
    expect(await other`select to_regclass('only_here') as found`).toEqual([{ found: null }])
    await closeDb(other)
  } finally {
    await Promise.all([closeDb(db), closeDb(app)])
    await Promise.all([one.drop(), two.drop()])
  }
})
