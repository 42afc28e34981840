import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hashPolicy } from '../../src/policy/build-policy.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/*
 * A policy file is changed under running processes: what nobody activated has no effect, and what was
 * activated needs no restart.
 */
let house: House
let text: string
let replica: Replica

beforeAll(async () => {
  house = await openHouse()
  text = await readFile(house.file('policy.yaml'), 'utf8')
  replica = await house.startReplica()
})
afterAll(() => house.close())

it('starts four processes at once with a changed file, each on record', async () => {
  await writeFile(house.file('four.yaml'), text.replace('Read the ledger', 'Read all of it'))
  const four = await Promise.all([1, 2, 3, 4].map(() => house.startReplica({ POLICY_FILE: house.file('four.yaml') })))
  const [row] = await house.db<{ loads: number }[]>`
    select count(*)::int as loads from event where stream = 'policy' and type = 'policy.loaded'`
  expect(row?.loads).toBe(5)
  await Promise.all(four.map((one) => one.kill()))
})

it('knows people, owners and compliance by the active policy, where the file is another', async () => {
  const request = await give('ana', '1m')
  const changed = text
    .replace(/^ {2}ana: .*\n/m, '')
    .replace('owners: [olga, dirk]', 'owners: [bo]')
    .replace('compliance: [carla]', 'compliance: [bo]')
    .replace('default: read', '$&\n    channel: elsewhere')
  await writeFile(house.file('taken.yaml'), changed)
  const taken = await house.startReplica({ POLICY_FILE: house.file('taken.yaml') })

  expect(JSON.stringify(await taken.command('bo', `end ${request}`))).toContain('You may not end this one')
  expect(JSON.stringify(await taken.press('bo', 'connect', request))).toContain('Only ')
  expect(JSON.stringify(await taken.press('ana', 'connect', request))).toContain('/reveal/')
  expect(JSON.stringify(await taken.command('ana', 'prod-db:write 1m fix INC-42'))).toContain(
    'No decision can be taken',
  )
  expect(JSON.stringify(await taken.command('ana', `end ${request}`))).toContain('Ending now')
  await until('it is removed', async () => (await statusOf(request)) === 'removed')
  await taken.kill()
})

it('takes away on time with a file that does not know the target any more', async () => {
  const request = await give('ana', '3s')
  await replica.kill()
  await writeFile(house.file('renamed.yaml'), text.replace('  prod-db:\n', '  other-db:\n'))
  const renamed = await house.startReplica({ POLICY_FILE: house.file('renamed.yaml') })
  await until('it is removed', async () => (await statusOf(request)) === 'removed')
  expect(await house.targetDb`select from pg_roles where rolname like 'jit\\_%'`).toHaveLength(0)
  await renamed.kill()
  replica = await house.startReplica()
})

it('gives what an activated policy adds, to whom it adds, where it says, without a restart', async () => {
  const [start, write] = text.split(/^ {6}write:$/m)
  const narrow = `${start}`.replace(/^ {2}bo: .*\n/m, '')
  const wide = `${narrow}      write:${write}`
    .replace(/^people:\n/m, '$&  eve: { name: Eve, title: Engineer, manager: marcus, accounts: [{ local: eve }] }\n')
    .replace('default: read', '$&\n    channel: ledger')
  await writeFile(house.file('moving.yaml'), narrow)
  const moving = await house.startReplica({ POLICY_FILE: house.file('moving.yaml') })
  await activate(narrow)
  await give('ana', '1m', moving)
  await writeFile(house.file('moving.yaml'), wide)
  await until('the file is read again', async () => (await loaded(wide)) > 0)
  expect(await moving.command('eve', 'list').catch(String)).toContain('nobody called eve')
  await activate(wide)
  await moving.command('ana', 'list')

  const request = idOn(await moving.command('eve', 'prod-db:write 1m fix the ledger'))
  await moving.press('marcus', 'approve', request)
  await moving.press('olga', 'approve', request)
  await until('it is active', async () => (await statusOf(request)) === 'active')
  await until('it is announced where the policy says', async () => {
    const rows = await house.db`select from local_chat_messages where channel = 'ledger'`
    return rows.length > 0
  })
})

async function give(person: string, duration: string, at = replica): Promise<string> {
  const request = idOn(await at.command(person, `prod-db ${duration} look at the ledger`))
  await at.press('marcus', 'approve', request)
  await until('it is active', async () => (await statusOf(request)) === 'active')
  return request
}

async function activate(words: string): Promise<void> {
  const ran = await countersign(['policy', 'activate', hashPolicy(words), '--as', 'carla'], house.environment)
  expect(ran, ran.err).toMatchObject({ code: 0 })
}

async function loaded(words: string): Promise<number> {
  const rows = await house.db<{ body: string }[]>`select body from event where type = 'policy.loaded'`
  return rows.filter(({ body }) => body.includes(hashPolicy(words))).length
}

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}
