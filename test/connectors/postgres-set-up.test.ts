import { createHash, createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDemoTarget } from '../../src/connectors/demo-target.ts'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { newPassword, scramVerifier } from '../../src/connectors/postgres/scram.ts'
import { setupDatabaseSql, setupSql } from '../../src/connectors/postgres/set-up.ts'
import { type DemoServer, inOneHour, newGrant, startDemoServer } from './postgres-fixture.ts'

let server: DemoServer
beforeAll(async () => {
  server = await startDemoServer()
})
afterAll(() => server?.close())

test('the verifier is the one of the published example', async () => {
  // RFC 7677 section 3: user "user", password "pencil".
  const verifier = await scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))
  const [, storedKey = '', serverKey = ''] =
    /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$(.+):(.+)$/.exec(verifier) ?? []
  const nonce = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const message = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`
  const signed = (key: string) => createHmac('sha256', Buffer.from(key, 'base64')).update(message).digest()
  expect(signed(serverKey).toString('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64')
  const clientKey = signed(storedKey).map((byte, i) => byte ^ (proof[i] ?? 0))
  expect(createHash('sha256').update(clientKey).digest('base64')).toBe(storedKey)
})

test('a password that SASLprep might change is refused', async () => {
  for (const password of ['', 'naïve', 'a\u00adb', 'tab\t', '\u2163'])
    await expect(scramVerifier(password)).rejects.toThrow(RangeError)
  expect(newPassword()).toMatch(/^[\w-]{32}$/)
})

test('every grant has a login of its own, and it needs no quotes', () => {
  expect(accountName('G-7K3QF')).toBe('jit_g_7k3qf')
  expect(accountName('A'.repeat(48))).toHaveLength(52)
  for (const id of ['', 'g-7k3qf', 'G_7K3QF', 'G--1', '-G', 'G-', 'G 1', 'Ä', 'A'.repeat(49)]) {
    expect(() => accountName(id)).toThrow(RangeError)
  }
})

test('names of the set-up are quoted, and none may look like a person’s', () => {
  const sql = setupSql({ bot: 'bo"t', quarantine: "qu'ar", owner: 'own', allowedRoles: ["o'brien"] })
  expect(sql).toContain('to "bo""t"')
  expect(sql).toContain("values ('qu''ar')")
  expect(sql).toContain("insert into jit.allowed_role values ('o''brien')")
  expect(sql).not.toMatch(/:["'](bot|owner|quarantine)/)
  expect(() => setupDatabaseSql({ bot: 'jit_bot', quarantine: 'q' })).toThrow(RangeError)
})

test('the set-up runs again without harm, with running grants, and under names of any kind', async () => {
  const connector = server.connect()
  const grant = newGrant()
  await connector.provision(grant, inOneHour())
  const first = await server.dba()`select count(*) from payments`
  const again = await createDemoTarget(server.cluster.urlFor('postgres'), 'the-bot')
  expect(again).toEqual({ database: 'prod_db', url: server.url })
  expect(await server.dba()`select count(*) from payments`).toEqual(first)
  expect((await connector.listGrants()).find(({ account }) => account === grant.account)?.grantId).toBe(grant.id)
  await server.dba().unsafe('create database odd')
  const names = { bot: 'The "Bot"', quarantine: "it's left", owner: 'Own Er' }
  await server.dba('odd').unsafe(`drop schema jit cascade; ${setupSql({ ...names, allowedRoles: ['ledger_read'] })}`)
})

test('the demo shows a ledger that its reader may read and its writer may correct', async () => {
  const dba = server.dba()
  expect((await dba`select from payments`).length).toBeGreaterThan(5)
  expect(
    await dba`select has_table_privilege('ledger_read', 'payments', 'SELECT') as read,
      has_table_privilege('ledger_read', 'payments', 'UPDATE') as meddle,
      has_table_privilege('ledger_write', 'payments', 'UPDATE') as correct`,
  ).toEqual([{ read: true, meddle: false, correct: true }])
})
