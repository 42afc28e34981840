import { afterAll, beforeAll, expect, it } from 'vitest'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { type SshAgent, startSshAgent } from '../support/ssh-agent.ts'

/* The key that signs the record is in another process. Without it nothing new is given, and endings go on. */
let agent: SshAgent
let key: Awaited<ReturnType<SshAgent['makeKey']>>
let house: House
let replica: Replica
let environment: Record<string, string>
let given: string

beforeAll(async () => {
  agent = await startSshAgent()
  key = await agent.makeKey('ed25519')
  await key.add()
  house = await openHouse()
  environment = { SIGNING_KEY_FILE: '', SIGNER: `ssh-agent:${agent.socket}?key=${key.text}` }
  replica = await house.startReplica(environment)
})
afterAll(async () => {
  await house.close()
  await agent.close()
})

it('gives access under checkpoints that the agent signed, and evidence verifies under its key', async () => {
  given = await approved('ana')
  await until('it is active', async () => (await statusOf(given)) === 'active')
  const mine = { ...house.environment, ...environment }
  const vkey = (await countersign(['key'], mine)).out.trim()
  expect(vkey).toContain(Buffer.concat([Buffer.of(1), key.publicKey.subarray(-32)]).toString('base64'))
  const file = house.file('evidence.json')
  expect(await countersign(['evidence', given, '--as', 'carla', '--out', file], mine)).toMatchObject({ code: 0 })
  expect((await countersign(['verify', file, '--key', vkey])).out).toMatch(/^VERIFIED/)
})

it('gives nothing while the agent is away, says so, and takes away what is to end', async () => {
  await agent.stop()
  const waiting = await approved('bo')
  await until('readiness says why', async () => (await recordLine()).includes('cannot be reached'))
  await replica.press('ana', 'done', given)
  await until('it is removed', async () => (await statusOf(given)) === 'removed')
  expect(await statusOf(waiting)).toBe('planned')

  await replica.kill()
  replica = await house.startReplica(environment)
  expect(await statusOf(waiting)).toBe('planned')
  await agent.startAgain()
  await key.add()
  await until('it is active', async () => (await statusOf(waiting)) === 'active')
})

it('hands the log over to another key in the agent, and not to one that does not sign', async () => {
  const next = await agent.makeKey('ed25519')
  const mine = () => ({ ...house.environment, ...environment })
  const old = (await countersign(['key'], mine())).out.trim()
  environment = { ...environment, NEXT_SIGNER: `ssh-agent:${agent.socket}?key=${next.text}` }
  await replica.kill()
  replica = await house.startReplica(environment)
  const early = await countersign(['record', 'new-signer', '--as', 'carla'], mine())
  expect(early).toMatchObject({ code: 1, err: expect.stringContaining('agent') })
  const went = await approved('ana')
  await until('it is active', async () => (await statusOf(went)) === 'active')

  await next.add()
  const changed = await countersign(['record', 'new-signer', '--as', 'carla'], mine())
  expect(changed).toMatchObject({ code: 0, out: expect.stringContaining('From now on') })
  await key.remove()
  const after = await approved('bo')
  await until('it is active', async () => (await statusOf(after)) === 'active')
  environment = { ...environment, SIGNER: environment.NEXT_SIGNER ?? '', NEXT_SIGNER: '' }
  const file = house.file('after.json')
  expect(await countersign(['evidence', after, '--as', 'carla', '--out', file], mine())).toMatchObject({ code: 0 })
  const vkey = (await countersign(['key'], mine())).out.trim()
  expect(changed.out).toContain(vkey)
  for (const one of [old, vkey]) {
    expect((await countersign(['verify', file, '--key', one])).out).toMatch(/^VERIFIED/)
  }
})

async function approved(who: string): Promise<string> {
  const id = idOn(await replica.command(who, 'prod-db 5m fix the ledger INC-42'))
  await replica.press('marcus', 'approve', id)
  return id
}

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
