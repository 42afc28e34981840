import { copyFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { newSigningKey } from '../../src/record/key-files.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/* The operator gives the log another signing key: what they call, in which order, and what they are told. */
let house: House
let replica: Replica
let given: string
const settings = { NEXT_SIGNING_KEY_FILE: '' }
const run = (...words: string[]) => countersign(words, { ...house.environment, ...settings })

beforeAll(async () => {
  house = await openHouse()
  settings.NEXT_SIGNING_KEY_FILE = house.file('next.pem')
  await writeFile(house.file('next.pem'), newSigningKey())
  replica = await house.startReplica()
  given = idOn(await replica.command('ana', 'prod-db 5m fix the ledger INC-42'))
}, 60_000)
afterAll(() => house.close())

it('is refused without a next key, by nobody, and where the processes do not have it yet', async () => {
  const without = await countersign(['record', 'new-signer', '--as', 'carla'], house.environment)
  expect(without).toMatchObject({ code: 1, err: expect.stringContaining('Set NEXT_SIGNING_KEY_FILE') })
  expect(await run('record', 'new-signer', '--as', 'nobody')).toMatchObject({ code: 1 })
  const early = await run('record', 'new-signer', '--as', 'carla')
  expect(early).toMatchObject({ code: 1, err: expect.stringContaining('nothing has changed') })
}, 60_000)

it('follows while access is given; evidence verifies with the old key and the new one', async () => {
  const old = (await run('key')).out.trim()
  await replica.kill()
  replica = await house.startReplica(settings)
  const changed = await run('record', 'new-signer', '--as', 'carla')
  expect(changed).toMatchObject({ code: 0, out: expect.stringContaining('From now on, the log is signed') })
  expect((await run('record', 'new-signer', '--as', 'carla')).out).toContain('Since before')
  await replica.press('marcus', 'approve', given)
  await until('it is active', async () => (await statusOf(given)) === 'active')

  await replica.kill()
  await copyFile(house.file('signing.pem'), house.file('old.pem'))
  await copyFile(house.file('next.pem'), house.file('signing.pem'))
  settings.NEXT_SIGNING_KEY_FILE = ''
  replica = await house.startReplica()
  const vkey = (await run('key')).out.trim()
  expect(changed.out).toContain(vkey)
  const file = house.file('evidence.json')
  expect(await run('evidence', given, '--as', 'carla', '--out', file)).toMatchObject({ code: 0 })
  for (const key of [old, vkey]) {
    expect((await countersign(['verify', file, '--key', key])).out).toMatch(/^VERIFIED/)
  }
  expect(await run('verify', '--log')).toMatchObject({ code: 0 })
}, 90_000)

it('with the old key alone a process says which key it needs, and takes away what is to end', async () => {
  await replica.kill()
  replica = await house.startReplica({ SIGNING_KEY_FILE: house.file('old.pem') })
  await until('readiness says why', async () => (await recordLine()).includes('Set SIGNING_KEY_FILE'))
  await replica.press('ana', 'done', given)
  await until('it is removed', async () => (await statusOf(given)) === 'removed')
}, 60_000)

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}

async function recordLine(): Promise<string> {
  const { checks } = (await (await fetch(`${replica.url}/readyz`)).json()) as {
    checks: { name: string; detail: string }[]
  }
  return checks.find(({ name }) => name === 'record')?.detail ?? ''
}
