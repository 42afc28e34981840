import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { parseSigningKey } from '../../src/record/signer.ts'
import { countersign } from '../support/command-line.ts'
import { type House, openHouse } from '../support/house.ts'

// A command is a process of its own, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

describe('migrate', () => {
  it('brings an empty database to this version with the address alone, and says what it applied', async () => {
    const [first, second] = [
      await countersign(['migrate'], { DATABASE_OWNER_URL: house.cluster.urlFor('countersign') }),
      await countersign(['migrate'], { DATABASE_URL: house.cluster.urlFor('countersign') }),
    ]
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toContain('Applied 0000_')
    expect(first.out).toContain('The schema is current')
    expect(second).toMatchObject({ code: 0, err: '' })
    expect(second.out).not.toContain('Applied')
  })

  it.each([
    ['postgres://app:swordfish@127.0.0.1:1/countersign', 'The database cannot be reached (ECONNREFUSED)'],
    ['mysql://app:swordfish@127.0.0.1/countersign', 'DATABASE_URL is not the address of a PostgreSQL database'],
  ])('says what is wrong with %s, without its password', async (url, said) => {
    const ran = await countersign(['migrate'], { DATABASE_URL: url })
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain(said)
    expect(ran.err).not.toContain('swordfish')
  })

  it('says when the login is refused, or the database is not there', async () => {
    const [login, database] = await Promise.all([
      countersign(['migrate'], { DATABASE_URL: house.cluster.urlFor('countersign', 'postgres', 'swordfish') }),
      countersign(['migrate'], { DATABASE_URL: house.cluster.urlFor('nowhere') }),
    ])
    expect(login.err).toContain('password authentication failed')
    expect(login.err).toContain('Check the login')
    expect(login.err).not.toContain('swordfish')
    expect(database.err).toContain('database "nowhere" does not exist')
    expect([login.code, database.code]).toEqual([1, 1])
  })
})

describe('key', () => {
  it('prints the key of the log and nothing else, and never the signing key', async () => {
    const pem = await readFile(house.file('signing.pem'), 'utf8')
    const { vkey } = parseSigningKey(pem, 'test.example/log')
    expect(await countersign(['key'], house.environment)).toEqual({ code: 0, out: `${vkey}\n`, err: '' })
  })

  it('says which key file is missing', async () => {
    const ran = await countersign(['key'], { ...house.environment, SIGNING_KEY_FILE: '/nowhere/signing.pem' })
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('SIGNING_KEY_FILE=/nowhere/signing.pem cannot be read')
  })
})

describe('target setup-sql', () => {
  it('prints a script that a server accepts, twice, and that gives the named roles alone', async () => {
    const args = ['target', 'setup-sql', 'postgres', '--bot', 'our "bot"', '--role', 'ledger_read', '--role', "o'neil"]
    const { code, out, err } = await countersign(args)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const target = house.cluster.urlFor(new URL(house.targetUrl).pathname.slice(1))
    await house.targetDb`delete from jit.allowed_role`
    await runScript(target, out)
    await runScript(target, out)
    const allowed = await house.targetDb`select role_name from jit.allowed_role order by 1`
    expect(allowed.map((row) => row.role_name)).toEqual(['ledger_read', "o'neil"])
    expect(await house.targetDb`select from pg_roles where rolname = 'our "bot"'`).toHaveLength(1)
    expect(out).toContain('--all-databases')
  })

  it('prints the part for every other database', async () => {
    const { code, out } = await countersign(['target', 'setup-sql', 'postgres', '--all-databases'])
    expect(code).toBe(0)
    expect(out).toContain('select datname from pg_database where datallowconn')
    await runScript(house.cluster.urlFor('countersign'), out)
    expect(await house.db`select from pg_proc where proname = 'purge_database'`).toHaveLength(1)
  })

  it('refuses names that would hide among those of people', async () => {
    const ran = await countersign(['target', 'setup-sql', 'postgres', '--bot', 'jit_bot', '--role', 'ledger_read'])
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('"jit_bot" cannot be a role of the set-up')
  })
})

async function runScript(url: string, script: string): Promise<void> {
  const db = openDb(url, { applicationName: 'dba', max: 1 })
  try {
    await db.unsafe(script)
  } finally {
    await closeDb(db)
  }
}
