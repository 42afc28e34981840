import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import type { Db, Tx } from '../../src/db/transaction.ts'
import { mintReveal, peekReveal, takeReveal } from '../../src/secrets/reveal.ts'
import { createSealing, newSecretsKey, parseSecretsKey } from '../../src/secrets/sealing.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const sealing = createSealing(parseSecretsKey(newSecretsKey()))
const NOW = Date.UTC(2026, 10, 23, 9)

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openDb(database.appUrl, { applicationName: 'test', role: 'countersign_app', max: 20 })
})
afterAll(async () => {
  await closeDb(db)
  await database.drop()
})
beforeEach(() => db`delete from reveal`)

const mint = (now = NOW) =>
  db.begin((tx: Tx) => mintReveal(tx, sealing, 'reveal', { grant: 'G-1', identity: 'ana', now }))
const take = (token: string, now = NOW) => db.begin((tx: Tx) => takeReveal(tx, sealing, 'reveal', token, now))

test('a token is taken once, for the grant and the identity that it was made for', async () => {
  const token = await mint()
  expect(token).toMatch(/^[\w-]{43,400}$/)
  expect(await take(token)).toEqual({ kind: 'taken', grant: 'G-1', identity: 'ana' })
  expect(await take(token)).toEqual({ kind: 'refused', code: 'used' })
})

test('of 50 at the same time exactly one gets it', async () => {
  const token = await mint()
  const all = await Promise.all(Array.from({ length: 50 }, () => take(token)))
  expect(all.filter(({ kind }) => kind === 'taken')).toHaveLength(1)
  expect(all.filter((taken) => taken.kind === 'refused' && taken.code === 'used')).toHaveLength(49)
})

test('looking burns nothing', async () => {
  const token = await mint()
  for (let n = 0; n < 5; n++) expect(await peekReveal(db, sealing, 'reveal', token, NOW + n)).toBe('valid')
  expect(await take(token)).toMatchObject({ kind: 'taken' })
  expect(await peekReveal(db, sealing, 'reveal', token, NOW)).toBe('used')
})

test('after 60 seconds it is worth nothing', async () => {
  const token = await mint()
  expect(await peekReveal(db, sealing, 'reveal', token, NOW + 59_999)).toBe('valid')
  expect(await peekReveal(db, sealing, 'reveal', token, NOW + 60_000)).toBe('expired')
  expect(await take(token, NOW + 60_000)).toEqual({ kind: 'refused', code: 'expired' })
  expect(await take(token, NOW + 59_999)).toMatchObject({ kind: 'taken' })
})

test('a token that was never made, or was for another link, is unknown', async () => {
  await mint()
  expect(await peekReveal(db, sealing, 'reveal', 'x'.repeat(43), NOW)).toBe('unknown')
  expect(await take('', NOW)).toEqual({ kind: 'refused', code: 'unknown' })
})

test('whoever writes rows gets no link by it, nor another one than theirs', async () => {
  const token = await mint()
  await db`insert into reveal select ${createHash('sha256').update('x'.repeat(60)).digest('hex')}, 'G-1', 'ana', ${NOW + 60_000}`
  expect(await take('x'.repeat(60))).toEqual({ kind: 'refused', code: 'unknown' })
  const admin = openDb(database.url, { applicationName: 'test', max: 1 })
  await admin`update reveal set grant_id = 'G-2', identity_id = 'bo', expires_at = 9e15`
  await closeDb(admin)
  expect(await take(token, NOW + 60_000)).toEqual({ kind: 'refused', code: 'expired' })
  expect(await take(token)).toEqual({ kind: 'taken', grant: 'G-1', identity: 'ana' })
})

test('a taking that is rolled back burns nothing', async () => {
  const token = await mint()
  await expect(
    db.begin(async (tx: Tx) => {
      await takeReveal(tx, sealing, 'reveal', token, NOW)
      throw new Error('the target is unreachable')
    }),
  ).rejects.toThrow('unreachable')
  expect(await take(token)).toMatchObject({ kind: 'taken' })
})

test('the table holds no token, and forgets links after a day', async () => {
  const token = await mint()
  expect(JSON.stringify(await db`select * from reveal`)).not.toContain(token)
  await mint(NOW + 2 * 24 * 3_600_000)
  expect(await db`select 1 from reveal`).toHaveLength(1)
})
