import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, SCIM_TOKEN, until } from '../support/house.ts'
import { createScimClient, type ScimClient } from '../support/scim-client.ts'

const MACHINES = `machines:
  exporter: { name: Ledger export, kind: pipeline, owner: ana, description: Copies the ledger each night }
  backup: { name: Backup, kind: workload, owner: olga, description: Copies everything }
`

/** From the directory's door to a login that is really gone. */
let house: House
beforeAll(async () => {
  const policy = await readFile(path.join(import.meta.dirname, '../support/policy.yaml'), 'utf8')
  house = await openHouse({ policy: `${policy}${MACHINES}` })
})
afterAll(() => house.close())

it('whoever the directory switches off loses the login in the target, and what waits for them is closed', async () => {
  const replica = await house.startReplica()
  const { grant, waiting } = await giveAccess(replica)
  await leave(createScimClient(replica.url, SCIM_TOKEN))
  await expectGone(grant, waiting)
  expect(JSON.stringify(await replica.command('ana', 'prod-db 1m again please'))).toContain('has left')
  await expectOrphaned()
  await replica.stop()
})

it.each(['leave:after-commit', 'leave:after-each', 'leave:before-ended', 'revoke:after-disable'])(
  'loses nothing by kill -9 at %s',
  async (point) => {
    const first = await house.startReplica()
    await come(createScimClient(first.url, SCIM_TOKEN))
    const { grant, waiting } = await giveAccess(first)
    await first.stop()
    // The first arrival at a change of people is the leaving.
    const dying = await house.startReplica({ CRASH_AT: point })
    await leave(createScimClient(dying.url, SCIM_TOKEN)).catch(() => undefined)
    await dying.exited
    expect(dying.child.signalCode).toBe('SIGKILL')
    const second = await house.startReplica()
    await expectGone(grant, waiting)
    await second.stop()
  },
  180_000,
)

async function giveAccess(replica: Replica): Promise<{ grant: string; waiting: string }> {
  const scim = createScimClient(replica.url, SCIM_TOKEN)
  if ((await anaIn(scim)) === undefined) await scim.user('ana@acme.example', { externalId: 'scim-ana' })
  const grant = idOn(await replica.command('ana', 'prod-db 10m fix the ledger'))
  await replica.press('marcus', 'approve', grant)
  await until(`${grant} is active`, () => has(grant, 'grant.active'))
  const waiting = idOn(await replica.command('ana', 'prod-db:write 10m mend the ledger'))
  return { grant, waiting }
}

async function expectGone(grant: string, waiting: string): Promise<void> {
  await until(`${grant} is over`, () => has(grant, 'closed'))
  const account = accountName(grant)
  expect(await house.targetDb`select 1 from pg_roles where rolname = ${account}`).toEqual([])
  const types = async (id: string) =>
    (await house.db<{ type: string }[]>`select type from event where stream = ${`grant:${id}`} order by seq`).map(
      ({ type }) => type,
    )
  expect(await types(waiting)).toEqual(['request.asked', 'request.lapsed', 'closed'])
  expect((await types(grant)).filter((type) => type === 'grant.ending' || type === 'grant.removed')).toEqual([
    ...['grant.ending', 'grant.removed'],
  ])
  const [last] = await until('the leaving is over', async () => {
    const rows = await house.db<{ body: string }[]>`
        select body from event where type = 'leaving.seen-gone' order by at desc limit 1`
    const [ended] = await house.db<{ body: string }[]>`
        select body from event where type = 'leaving.ended' order by at desc limit 1`
    return ended?.body.includes(grant) && rows.length > 0 && (await isSettled()) ? rows : null
  })
  expect(JSON.parse(last?.body ?? '').data).toMatchObject({ grants: 1 })
}

/** What nobody answers for any more is said in the channel, and stands beside the leaver's moments. */
async function expectOrphaned(): Promise<void> {
  expect(await house.db`select stream, type from event where starts_with(stream, 'machine:')`).toEqual([
    { stream: 'machine:exporter', type: 'machine.orphaned' },
  ])
  await until('the channel and whoever hears what needs a person are told', async () => {
    const told = await house.db<{ channel: string }[]>`
      select channel from local_chat_messages where content like '%Ledger export has no owner%'`
    return (
      told
        .map(({ channel }) => channel)
        .toSorted()
        .join() === '@carla,access'
    )
  })
  const { code, out, err } = await countersign(['leavers'], house.environment)
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^P-\w+ {2}by scim .* grants G-\w+ {2}machines exporter \(orphaned\)\n$/)
}

async function isSettled(): Promise<boolean> {
  const [row] = await house.db`
    select 1 from directory_entry where status = 'left' and (ended_at is null or seen_gone_at is null)`
  return row === undefined
}

const has = async (id: string, type: string) =>
  (await house.db`select 1 from event where stream = ${`grant:${id}`} and type = ${type}`).length > 0

async function anaIn(scim: ScimClient): Promise<string | undefined> {
  return (await scim.send('GET', '/Users?filter=externalId%20eq%20%22scim-ana%22')).body.Resources[0]?.id
}

async function leave(scim: ScimClient): Promise<void> {
  const { status } = await scim.patch(`/Users/${await anaIn(scim)}`, { op: 'Replace', path: 'active', value: 'False' })
  expect(status).toBe(200)
}

async function come(scim: ScimClient): Promise<void> {
  const { status } = await scim.patch(`/Users/${await anaIn(scim)}`, { op: 'Replace', path: 'active', value: 'True' })
  expect(status).toBe(200)
}
