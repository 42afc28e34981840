import { afterEach, beforeEach, expect, it } from 'vitest'
import { announceGrant } from '../../src/cards/announcements.ts'
import { refuse } from '../../src/domain/refusal.ts'
import type { Connector } from '../../src/ports/connector.ts'
import { cardContext } from '../../src/workflow/card-context.ts'
import type { Context } from '../../src/workflow/context.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { provisionGrant } from '../../src/workflow/provision-grant.ts'
import { wordsOf } from '../cards/grant-story.ts'
import { createFakeWitness, type FakeWitness } from '../record/fake-witness.ts'
import { AT, createReplica, createTestSigner, type Replica } from '../record/record-fixture.ts'
import { signedExtension } from './signed-extension.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const ID = 'G-7K3QF0'
let house: TestContext
let replica: Replica
let witness: FakeWitness
let context: Context

beforeEach(async () => {
  house = await createTestContext(AT)
  witness = createFakeWitness()
  const { database, clock } = house
  replica = createReplica(database, { signer: createTestSigner(), witnesses: [witness], clock })
  const connector = {
    accountFor: () => 'jit_g_7k3qf0',
    checkPreconditions: async () => [],
    provision: async (_grant: unknown, nativeExpiry: number) => ({ account: 'jit_g_7k3qf0', nativeExpiry, checks: [] }),
  } as unknown as Connector
  context = { ...house.context, witnessed: replica.witnessed, connectorToGive: () => connector }
  await house.happen(ID, ...signedExtension(AT).slice(0, 3))
})
afterEach(async () => {
  await replica.stop()
  await house.database.drop()
})

it('whoever waits for a witness is told once that they do, and then has the access', async () => {
  witness.isReachable = false
  await tryInVain()
  expect(await typesOf()).not.toContain('grant.waiting')
  await house.clock.advance(10_000)
  await tryInVain()
  await tryInVain()
  expect((await typesOf()).filter((type) => type === 'grant.waiting')).toHaveLength(1)
  expect(await said()).toContain('No witness has confirmed the approval yet, and nothing is given before one has.')
  expect(await said()).toContain('approved, waits')

  witness.isReachable = true
  replica.sealer.start()
  await replica.sealer.sealed(`grant:${ID}`, 3)
  await provisionGrant(context, ID, 4)
  expect((await typesOf()).at(-1)).toBe('grant.active')
  expect(await said()).not.toContain('approved, waits')
})

it('whoever waits for a policy to be settled is told why', async () => {
  replica.sealer.start()
  await replica.sealer.sealed(`grant:${ID}`, 3)
  const held = refuse({ code: 'policy-unproved' })
  context = { ...context, policy: { ...context.policy, provedInForce: async () => held } }
  await house.clock.advance(10_000)
  await tryInVain()
  expect(await said()).toContain('It is not settled which policy is in force, and nothing is given until it is.')
})

async function tryInVain(): Promise<void> {
  await expect(provisionGrant(context, ID, 1)).rejects.toThrow()
}

async function typesOf(): Promise<string[]> {
  const loaded = await loadGrant(context, house.database.app, ID)
  return loaded?.events.map(({ type }) => type) ?? []
}

/** All that chat shows of it. */
async function said(): Promise<string> {
  const loaded = await loadGrant(context, house.database.app, ID)
  const wanted = announceGrant(ID, loaded?.events ?? [], cardContext(context))
  return wanted.map(({ message }) => `${'badge' in message ? message.badge : ''} ${wordsOf(message)}`).join('\n')
}
