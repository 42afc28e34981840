/** A decision that binds a person: real processes, real PostgreSQL, a real browser with a virtual authenticator. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parseMacKey } from '../../src/record/key-files.ts'
import { createRecord } from '../../src/record/record.ts'
import type { ChallengeInputs } from '../../src/record/verify.ts'
import { createDevice, type Device } from '../support/authenticator.ts'
import { launchBrowser } from '../support/browser.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { passkeyPolicy } from '../support/passkey-policy.ts'
import { assertionOf, createSoftPasskey } from '../support/soft-passkey.ts'
import { accountOf, accounts, insertJob, typesOf } from '../unbreakable/attack.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let house: House
let replica: Replica
let browser: Browser
let marcus: Device

beforeAll(async () => {
  house = await openHouse({ policy: await passkeyPolicy() })
  replica = await house.startReplica()
  browser = await launchBrowser()
  marcus = await createDevice(browser)
})
afterAll(async () => {
  await browser.close()
  await house.close()
})

const words = (answer: unknown) => JSON.stringify(answer)

function linkIn(answer: unknown): string {
  const url = /http:[^"]+\/passkey\/[\w-]+/.exec(words(answer))?.[0]
  if (url === undefined) throw new Error(`no link in ${words(answer)}`)
  return url
}

async function statusOf(id: string): Promise<string> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status ?? ''
}

async function ask(what = 'prod-db 2m fix the ledger'): Promise<string> {
  return idOn(await replica.command('ana', what))
}

test('without a passkey a click decides nothing, and says how to get one', async () => {
  const id = await ask()
  const answer = words(await replica.press('marcus', 'approve', id))
  expect(answer).toContain('has no passkey here')
  expect(await statusOf(id)).toBe('pending')
  await replica.command('ana', `cancel ${id}`)
})

test('a passkey counts once a second person has confirmed it, and then signs one decision', async () => {
  const made = await marcus.follow(linkIn(await replica.command('marcus', 'passkey new')))
  expect(made).toContain('It counts as soon as')
  const id = await ask()
  expect(words(await replica.press('marcus', 'approve', id))).toContain('counts as soon as')
  const confirm = (who: string) => replica.press(who, 'confirm-passkey', 'marcus')
  expect(words(await confirm('marcus'))).toContain('Nobody confirms their own passkey')
  expect(words(await confirm('ana'))).toContain('Only the manager of its owner and compliance')
  expect(words(await confirm('carla'))).toContain('Confirmed')
  expect(words(await confirm('olga'))).toContain('No such passkey waits')

  const link = linkIn(await replica.press('marcus', 'approve', id))
  expect(await statusOf(id)).toBe('pending')
  expect(await marcus.follow(link)).toContain('Approved.')
  await until('it is active', async () => (await statusOf(id)) === 'active')
  await replica.command('ana', `done ${id}`)
  await until('it is removed', async () => (await statusOf(id)) === 'removed')
})

test('more time takes the passkey again, and evidence holds it all: both verifiers find it good', async () => {
  const id = await ask('prod-db 10s fix the ledger')
  await marcus.follow(linkIn(await replica.press('marcus', 'approve', id)))
  await until('it is active', async () => (await statusOf(id)) === 'active')
  await replica.command('ana', `extend ${id} 5s not done yet`)
  expect(await marcus.follow(linkIn(await replica.press('marcus', 'approve-extension', id)))).toContain('Approved.')
  await until('it is removed', async () => (await statusOf(id)) === 'removed')

  const file = house.file(`${id}.json`)
  const ran = await countersign(['evidence', id, '--as', 'carla', '--out', file], house.environment)
  expect(ran).toMatchObject({ code: 0, err: '' })
  const vkey = (await countersign(['key'], house.environment)).out.trim()
  const ours = await countersign(['verify', file, '--key', vkey])
  expect(ours).toMatchObject({ code: 0, err: '' })
  expect(ours.out).toContain(`${id}: authorised, ended on time, seen gone`)
  const bound = 'passkey of one device, by its own word, person verified, AAL2; AAL3 not claimed without attestation'
  expect(ours.out).toMatch(new RegExp(`Signed: \\S+ by Marcus \\(marcus\\) as manager \\(${bound}\\)`))
  expect(ours.out).toMatch(new RegExp(`More time signed: \\S+ by Marcus \\(marcus\\) as manager \\(${bound}\\)`))
  expect(ours.out).toMatch(
    /Enrolled: \S+: Marcus \(marcus\), for localhost, confirmed by Carla \(carla\) as compliance/,
  )
  expect(ours.out).not.toContain('the hand:')
  const args = ['-B', 'test/verifier/verify_evidence.py', file, '--key', vkey]
  const { stdout } = await promisify(execFile)('python3', args)
  expect(stdout).toMatch(/^verified\n/)

  const page = await countersign(
    ['evidence', id, '--as', 'carla', '--format', 'html', '--out', house.file('page.html')],
    {
      ...house.environment,
    },
  )
  expect(page).toMatchObject({ code: 0 })
  expect(await readFile(house.file('page.html'), 'utf8')).toContain(bound)

  const evidence = JSON.parse(await readFile(file, 'utf8'))
  const without = evidence.events.filter(({ body }: { body: string }) => !body.includes('"stream":"passkey:marcus"'))
  const cut = house.file('cut.json')
  await promisify(execFile)('node', [
    '-e',
    'require("fs").writeFileSync(process.argv[1], process.argv[2])',
    cut,
    JSON.stringify({ ...evidence, events: without }),
  ])
  const refused = await countersign(['verify', cut, '--key', vkey])
  expect(refused.code).not.toBe(0)
  expect(refused.out).toContain('the passkey was not enrolled for marcus at that time (passkey-wrong)')
})

/** Whoever runs the house has every key of the record, and writes what they like into it. They lack the passkey. */
async function forgeApproval(id: string, signed: (challenge: ChallengeInputs) => object): Promise<void> {
  const macKey = parseMacKey(await readFile(house.file('mac.hex'), 'utf8'))
  const record = createRecord({ macKey, seal: (text) => Buffer.from(text), open: String })
  const policy = JSON.parse((await eventsOf(`grant:${id}`))[0] ?? '').data.policy
  const [now, by] = [Date.now(), 'marcus']
  const challenge: ChallengeInputs = {
    ...{ nonce: randomBytes(32).toString('hex'), request: id, revision: 1, entitlement: 'prod-db:read' },
    ...{ durationMs: 120_000, decision: 'approve', policy, approver: by, expiresAt: now + 60_000 },
  }
  const data = { by, as: ['manager'], policy, ...signed(challenge) }
  const approved = { by: [by], policy, usableUntil: now + 600_000, stepUp: 'passkey' }
  await house.db.begin((tx) =>
    record.append(
      tx,
      `grant:${id}`,
      null,
      [
        { type: 'request.signed', data },
        { type: 'request.approved', data: approved },
      ],
      now,
    ),
  )
  await insertJob(house.db, 'provision', id)
}

async function eventsOf(stream: string): Promise<string[]> {
  const rows = await house.db<{ body: string }[]>`select body from event where stream = ${stream} order by seq`
  return rows.map(({ body }) => body)
}

async function ownPasskey() {
  const bodies = (await eventsOf('passkey:marcus')).map((body) => JSON.parse(body))
  return bodies.find(({ type }) => type === 'passkey.enrolled').data.passkey
}

test.each<[string, () => Promise<(challenge: ChallengeInputs) => object>]>([
  ['a click', async () => () => ({ assurance: 'click-only' })],
  ['a passkey without an assertion', async () => () => ({ assurance: 'passkey' })],
  [
    'a key of their own under the name of the passkey',
    async () => {
      const { credential, publicKey } = await ownPasskey()
      return (challenge) => ({
        assurance: 'passkey',
        assertion: { ...assertionOf(createSoftPasskey(), challenge, { origin: replica.url }), credential, publicKey },
      })
    },
  ],
  [
    'a key of their own that nobody enrolled',
    async () => {
      const forged = createSoftPasskey()
      return (challenge) => ({
        assurance: 'passkey',
        assertion: assertionOf(forged, challenge, { origin: replica.url }),
      })
    },
  ],
  [
    'an assertion that the passkey gave for another request',
    async () => {
      const rows = await house.db<
        { body: string }[]
      >`select body from event where type = 'request.signed' order by at limit 1`
      const { assertion } = JSON.parse(rows[0]?.body ?? '').data
      return () => ({ assurance: 'passkey', assertion })
    },
  ],
])('an operator with all keys of the record who writes %s opens no target', async (_, make) => {
  const id = await ask()
  await forgeApproval(id, await make())
  await until('it is given up', async () => (await typesOf(house, id)).includes('grant.failed'))
  expect(JSON.stringify(await eventsOf(`grant:${id}`))).toContain('passkey-missing')
  expect(await typesOf(house, id)).not.toContain('grant.providing')
  expect(await accounts(house)).not.toContain(accountOf(id))
})

test('a passkey that was taken back after it signed gives nothing any more', async () => {
  const id = await ask()
  const link = linkIn(await replica.press('marcus', 'approve', id))
  await house.db.begin(async (tx) => {
    // Nothing is sealed meanwhile, so nothing is given.
    await tx`lock table tile in exclusive mode`
    expect(await marcus.follow(link)).toContain('Approved.')
    expect(words(await replica.command('olga', 'passkey reset @marcus'))).toContain('Taken back.')
  })
  await until('it is given up', async () => (await typesOf(house, id)).includes('grant.failed'))
  expect(JSON.stringify(await eventsOf(`grant:${id}`))).toContain('passkey-missing')
  expect(await accounts(house)).not.toContain(accountOf(id))
})
