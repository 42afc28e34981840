import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { hashPolicy } from '../../src/policy/build-policy.ts'
import type { Answer } from '../../src/ports/chat.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

// A command is a process of its own, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let house: House
let older: Replica
let newer: Replica
let olderHash: string
let newerHash: string

beforeAll(async () => {
  house = await openHouse()
  const text = await readFile(house.file('policy.yaml'), 'utf8')
  const changed = text
    .replace('Read the ledger', 'Read the whole ledger')
    .replace('Dirk, title: Owner', '$&, status: left')
    .replace('[olga, dirk]', '[olga]')
  olderHash = hashPolicy(text)
  newerHash = hashPolicy(changed)
  await writeFile(house.file('newer.yaml'), changed)
  older = await house.startReplica()
})
afterAll(() => house.close())

const activate = (...args: string[]) => countersign(['policy', 'activate', ...args], house.environment)
const ask = (replica: Replica, person: string) => replica.command(person, 'prod-db 1m look at the ledger')

it('refuses a policy that is not on record, and says how it gets there', async () => {
  const ran = await activate(house.file('newer.yaml'), '--as', 'carla')
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toContain(`The policy ${newerHash.slice(0, 12)} is not on the record`)
  expect(ran.err).toContain('Let a process read that file first')
})

it('holds decisions where the file differs, until a named person activates it; then the other holds', async () => {
  newer = await house.startReplica({ POLICY_FILE: house.file('newer.yaml') })
  expect(heldIn(await ask(newer, 'ana'))).toBe(true)
  const request = idOn(await ask(older, 'ana'))

  const ran = await activate(newerHash.slice(0, 12), '--as', 'carla')
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out).toContain(`The policy ${newerHash} is in force, by carla.`)
  expect(ran.out).toContain(`Until now it was ${olderHash}`)
  expect(ran.out).toMatch(/^-.*Read the ledger/m)
  expect(ran.out).toMatch(/^\+.*Read the whole ledger/m)

  expect(heldIn(await ask(older, 'bo'))).toBe(true)
  expect(JSON.stringify(await newer.press('marcus', 'approve', request))).toContain('Approved.')
  await until('access is given under the new policy', async () => (await statusOf(request)) === 'active')
  await newer.command('ana', `end ${request}`)
  await until('it is removed', async () => (await statusOf(request)) === 'removed')
})

it('puts the activation on record under the person, sealed, and says it in the channel', async () => {
  const [event] = await house.db<{ body: string; sealed: boolean }[]>`
    select body, exists (select from leaf l where l.leaf_hash = e.leaf_hash) as sealed from event e
    where stream = 'policy' and type = 'policy.activated' order by seq desc limit 1`
  expect(JSON.parse(event?.body ?? '{}').data).toEqual({ policy: newerHash, by: 'carla' })
  expect(event?.sealed).toBe(true)
  await until('it is announced', async () => {
    const rows = await house.db`select from notice where key = 'policy:4' and state = 'sent'`
    return rows.length > 0
  })
})

it('takes a file for the hash of its text, and says so when it is in force already', async () => {
  const ran = await activate(house.file('newer.yaml'), '--as', 'carla')
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toContain(`${newerHash.slice(0, 12)} is in force already`)
})

it('refuses who is no active person of the policy in force, and keeps that on record', async () => {
  const [nobody, left] = await Promise.all([
    activate(olderHash, '--as', 'mallory'),
    activate(olderHash, '--as', 'dirk'),
  ])
  expect(nobody).toMatchObject({ code: 1, out: '' })
  expect(nobody.err).toContain('"mallory" is no person of the policy in force. Known are ana, bo, marcus, olga, carla')
  expect(left.code).toBe(1)
  expect(left.err).toContain('dirk (Dirk) has left')
  const rows = await house.db<{ body: string }[]>`
    select body from event where stream like 'stranger:%' and type = 'act.refused' order by at`
  expect(rows.map(({ body }) => JSON.parse(body).data.code).toSorted()).toEqual(['left', 'unknown-person'])
})

it('refuses a policy without the target of an open grant, naming the grant and what to do', async () => {
  const text = await readFile(house.file('newer.yaml'), 'utf8')
  await writeFile(house.file('moved.yaml'), text.replace('  prod-db:\n', '  other-db:\n'))
  const moved = await house.startReplica({ POLICY_FILE: house.file('moved.yaml') })
  const pending = idOn(await newer.command('bo', 'prod-db 1m look at the ledger'))
  const open = idOn(await newer.command('ana', 'prod-db 1m look at the ledger'))
  await newer.press('marcus', 'approve', open)
  await until('it is active', async () => (await statusOf(open)) === 'active')

  const refused = await activate(house.file('moved.yaml'), '--as', 'carla')
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain(`${open} is active on prod-db:read`)
  expect(refused.err).toContain(`End it (/access end ${open}) and wait until it is removed; or keep the target`)
  expect(refused.err).not.toContain(pending)
  expect(heldIn(await ask(moved, 'ana'))).toBe(true)

  await newer.command('ana', `end ${open}`)
  await until('it is removed', async () => (await statusOf(open)) === 'removed')
  expect(await activate(house.file('moved.yaml'), '--as', 'carla')).toMatchObject({ code: 0 })
  await until('its decisions count', async () => !heldIn(await moved.command('ana', 'other-db 1m look at it')))
})

it('refuses a policy that points the target of an open grant at another server, until it is removed', async () => {
  const text = await readFile(house.file('moved.yaml'), 'utf8')
  const elsewhere = text.replace('env:DEMO_TARGET_URL', 'env:NEW_TARGET_URL')
  await writeFile(house.file('elsewhere.yaml'), elsewhere)
  const secret = { NEW_TARGET_URL: house.environment.DEMO_TARGET_URL ?? '' }
  const before = await house.startReplica({ POLICY_FILE: house.file('moved.yaml') })
  const after = await house.startReplica({ POLICY_FILE: house.file('elsewhere.yaml'), ...secret })
  const open = idOn(await before.command('ana', 'other-db 1m look at the ledger'))
  await before.press('marcus', 'approve', open)
  await until('it is active', async () => (await statusOf(open)) === 'active')

  const refused = await activate(house.file('elsewhere.yaml'), '--as', 'carla')
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain(
    `${open} is active on other-db:read, and the policy ${hashPolicy(elsewhere).slice(0, 12)} says that other-db is postgres at env:NEW_TARGET_URL, while the access was given at postgres at env:DEMO_TARGET_URL`,
  )
  expect(refused.err).toContain(
    `End it (/access end ${open}) and wait until it is removed; or keep the target as it is, and add a new server under another name`,
  )
  await before.command('ana', `end ${open}`)
  await until('it is removed', async () => (await statusOf(open)) === 'removed')
  expect(await activate(house.file('elsewhere.yaml'), '--as', 'carla')).toMatchObject({ code: 0 })
  await until('its decisions count', async () => !heldIn(await after.command('ana', 'other-db 1m look at it')))
})

it('says that the database cannot be reached, without its password', async () => {
  const url = 'postgres://postgres:swordfish@127.0.0.1:1/countersign'
  const ran = await countersign(['policy', 'activate', olderHash, '--as', 'carla'], {
    ...house.environment,
    DATABASE_URL: url,
  })
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toContain('The database cannot be reached (ECONNREFUSED)')
  expect(ran.err).not.toContain('swordfish')
})

function heldIn(answer: Answer): boolean {
  return JSON.stringify(answer).includes('No decision can be taken here now')
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}
