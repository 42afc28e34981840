import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { announcePolicies } from '../../src/cards/policy-announcements.ts'
import { createPolicyDirectory } from '../../src/directory/policy-directory.ts'
import { POLICY_STREAM } from '../../src/domain/house-event.ts'
import { isRefused } from '../../src/domain/refusal.ts'
import { parsePolicy } from '../../src/policy/parse-policy.ts'
import { createRecord } from '../../src/record/record.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { activatePolicy } from '../../src/workflow/activate-policy.ts'
import {
  createPolicyInForce,
  type PolicyInForce,
  type PolicyText,
  readPolicyFacts,
} from '../../src/workflow/policy-in-force.ts'
import { createFakeWitness, type FakeWitness } from '../record/fake-witness.ts'
import {
  append,
  asVandal,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
} from '../record/record-fixture.ts'
import { createTestClock } from '../support/clock.ts'

const text = await readFile(path.join(import.meta.dirname, '../support/policy.yaml'), 'utf8')
const first = parsed(text)
const second = parsed(text.replace('Read the ledger', 'Read the whole ledger').replace('local: ana }', 'local: anna }'))
const third = parsed(text.replaceAll('prod-db', 'other-db'))

let house: RecordDatabase
let witness: FakeWitness
let unproved: string[]
const clock = createTestClock()
const signer = createTestSigner()
beforeEach(async () => {
  witness = createFakeWitness('one')
  unproved = []
  house = await createRecordDatabase()
})
afterEach(() => house.drop())

it('keeps the active policy while the file says something else, and holds decisions', async () => {
  const policy = await started(first)
  await policy.reload(second)
  expect(policy.ownHash()).toBe(second.policy.hash)
  expect(policy.current()).toBe(first.policy)
  const directory = createPolicyDirectory(policy.current)
  expect(await directory.byAccount({ platform: 'local', tenant: 'local', id: 'ana' })).toMatchObject({ id: 'ana' })
  expect(await directory.byAccount({ platform: 'local', tenant: 'local', id: 'anna' })).toBeNull()
  expect(await policy.inForce(house.app)).toEqual({
    refused: { code: 'policy-held', active: first.policy.hash, own: second.policy.hash },
  })
  await policy.reload(first)
  expect(await policy.inForce(house.app)).toBe(first.policy)
})

it('takes an activation in at once, without a restart', async () => {
  const policy = await started(first)
  await policy.reload(second)
  await activate(second)
  expect(await policy.inForce(house.app)).toBe(second.policy)
  expect(policy.current()).toBe(second.policy)
  expect([...policy.everActive()]).toEqual([second.policy, first.policy])
})

it('reads the active policy from the record where its own file is another', async () => {
  await started(first)
  const other = await started(second)
  expect(other.current()).toEqual(first.policy)
  expect(isRefused(await other.inForce(house.app))).toBe(true)
  expect([...other.everActive()].map(({ hash }) => hash)).toEqual([first.policy.hash])
})

it('knows nobody before it has looked at the record', () => {
  expect(opened(second).current()).toMatchObject({ people: [], targets: {}, compliance: [], escalateTo: [] })
})

it('puts every one of many loads at once on record, with its host, and the text once', async () => {
  await Promise.all(Array.from({ length: 8 }, () => started(first)))
  const events = await house.record.readStream(house.app, POLICY_STREAM)
  expect(events.filter(({ type }) => type === 'policy.activated')).toHaveLength(1)
  const loads = events.filter(({ type }) => type === 'policy.loaded')
  expect(loads).toHaveLength(8)
  expect(loads.every(({ data }) => typeof data.host === 'string')).toBe(true)
  expect(loads.map(({ texts }) => texts.text ?? null)).toEqual([first.text, ...Array(7).fill(null)])
})

it('stays with its file when the database is away at the reload, and takes the new one at the next look', async () => {
  const network = { isAway: false }
  const policy = opened(first, network)
  await policy.load()
  network.isAway = true
  await expect(policy.reload(second)).rejects.toThrow('away')
  expect(policy.ownHash()).toBe(first.policy.hash)
  network.isAway = false
  await policy.reload(second)
  expect((await house.record.readStream(house.app, POLICY_STREAM)).at(-1)?.data).toMatchObject({
    policy: second.policy.hash,
    before: first.policy.hash,
  })
})

it('announces what is new or not active, and no start with the policy in force', async () => {
  await started(first)
  await started(first)
  await started(second)
  await started(second)
  await activate(second)
  await started(second)
  const facts = await readPolicyFacts(house.record, house.app)
  const said = announcePolicies(facts, 'access', (id) => id).map(({ message }) => 'title' in message && message.title)
  expect(said).toEqual([
    'The first policy is in force',
    'A changed policy was loaded',
    'A changed policy was loaded',
    'A policy is now in force',
  ])
})

it('reads a text of any size back from the record', async () => {
  const large = parsed(
    `${text}${'# a remark of a hundred characters that says nothing at all to anybody who might read it\n'.repeat(3000)}`,
  )
  await started(large)
  expect((await started(first)).current()).toEqual(large.policy)
})

it('goes on ending by what it knew, and decides nothing, when the stream was cut', async () => {
  const policy = await started(first)
  await policy.reload(second)
  await activate(second)
  await policy.inForce(house.app)
  await house.admin`update stream_head set seq = 2 where stream = ${POLICY_STREAM}`
  expect(await policy.inForce(house.app)).toMatchObject({ refused: { code: 'policy-held' } })
  expect(policy.current()).toBe(second.policy)
})

it('lets people end what they have by its own file, where the record was changed and tells nothing', async () => {
  await started(first)
  await house.admin`update stream_head set seq = 1 where stream = ${POLICY_STREAM}`
  const policy = await started(second)
  expect(policy.isFromRecord()).toBe(false)
  expect(policy.current()).toBe(second.policy)
  expect([...policy.everActive()]).toEqual([second.policy])
  expect(await policy.inForce(house.app)).toMatchObject({ refused: { code: 'policy-held' } })
  await house.admin`update stream_head set seq = 2 where stream = ${POLICY_STREAM}`
  expect(isRefused(await policy.inForce(house.app))).toBe(true)
  expect(policy.isFromRecord()).toBe(true)
  expect(policy.current()).toEqual(first.policy)
})

it('finds what was active before, so that a target that left can still be reached', async () => {
  await started(first)
  await started(third)
  await activate(third)
  const policy = await started(third)
  expect([...policy.everActive()].map(({ targets }) => Object.keys(targets))).toEqual([['other-db'], ['prod-db']])
})

describe('where the newest activation was deleted while nothing ran', () => {
  const cut = async () => {
    await started(first)
    await started(second)
    await activate(second)
    await sealed()
    await asVandal(house.admin, (sql) => sql`delete from event where stream = ${POLICY_STREAM} and seq = 4`)
    await house.admin`update stream_head set seq = 3, hash = (
      select leaf_hash from event where stream = ${POLICY_STREAM} and seq = 3) where stream = ${POLICY_STREAM}`
  }

  it('gives nothing by the policy that was in force before, says so, and goes on ending by it', async () => {
    await cut()
    const policy = await started(first)
    expect(await policy.provedInForce(house.app)).toEqual({ refused: { code: 'policy-unproved' } })
    expect(unproved[0]).toEqual(expect.stringContaining('may hold another event of it, and does not'))
    expect(policy.current()).toEqual(first.policy)
  })

  it('gives by a policy again once a person has said which one is in force, on record with what is wrong', async () => {
    await cut()
    const policy = await started(first)
    await activate(first)
    const facts = await readPolicyFacts(house.record, house.app)
    expect(facts.at(-1)).toMatchObject({
      type: 'policy.activated',
      data: { policy: first.policy.hash, by: 'carla', unproved: expect.stringContaining('may hold another event') },
    })
    await sealed()
    expect(await policy.provedInForce(house.app)).toEqual(first.policy)
  })

  it('puts nothing in its place by itself', async () => {
    await cut()
    await (await started(first)).reload(third)
    expect(await house.record.readStream(house.app, POLICY_STREAM)).toHaveLength(3)
  })
})

it('gives nothing where any event was deleted that may have been a policy, such as a freeze', async () => {
  await started(first)
  await append(house, 'freeze:*', 0, { type: 'freeze.set', data: { by: 'olga' } })
  await sealed()
  await asVandal(house.admin, (sql) => sql`delete from event where stream = 'freeze:*'`)
  await house.admin`delete from stream_head where stream = 'freeze:*'`
  const policy = await started(first)
  expect(await policy.provedInForce(house.app)).toEqual({ refused: { code: 'policy-unproved' } })
})

it('lets people decide while no witness can be asked, gives nothing by it, and puts its file on record later', async () => {
  await started(first)
  await sealed()
  witness.isReachable = false
  const policy = await started(first)
  expect(await policy.inForce(house.app)).toEqual(first.policy)
  expect(await policy.provedInForce(house.app)).toEqual({ refused: { code: 'policy-unproved' } })
  expect(await house.record.readStream(house.app, POLICY_STREAM)).toHaveLength(2)
  witness.isReachable = true
  expect(await policy.provedInForce(house.app)).toEqual(first.policy)
  await policy.reload(first)
  expect(await house.record.readStream(house.app, POLICY_STREAM)).toHaveLength(3)
})

/** All that is recorded so far, as a process that then stops. */
async function sealed(): Promise<void> {
  const replica = createReplica(house, { signer, witnesses: [witness], clock })
  replica.sealer.start()
  const end = await house.record.endOf(house.app, POLICY_STREAM)
  await replica.sealer.sealed(POLICY_STREAM, end)
  await replica.stop()
}

async function started(file: PolicyText): Promise<PolicyInForce> {
  const policy = opened(file)
  await policy.load()
  return policy
}

/** As a process of its own: it shares nothing but the database. */
function opened(file: PolicyText, network = { isAway: false }): PolicyInForce {
  const changed = async () => {
    if (network.isAway) throw new Error('the database is away')
  }
  return createPolicyInForce(file, { ...around(), changed, onUnproved: ({ message }) => unproved.push(message) })
}

function activate({ policy }: PolicyText) {
  return activatePolicy({ ...around(), changed: async () => undefined }, policy.hash, 'carla')
}

function around() {
  return {
    ...{ db: house.app, record: createRecord(house.keys), clock, committed: () => undefined },
    witnessed: createWitnessed(signer.vkey, [witness]),
  }
}

function parsed(words: string): PolicyText {
  const reading = parsePolicy(words, 'policy.yaml')
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults))
  return { policy: reading.policy, text: words }
}
