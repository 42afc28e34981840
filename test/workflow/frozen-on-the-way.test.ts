import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import type { Connector } from '../../src/ports/connector.ts'
import type { Context, CrashPoint } from '../../src/workflow/context.ts'
import { extendGrant } from '../../src/workflow/extend-grant.ts'
import { freezeTarget } from '../../src/workflow/freeze-target.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { provisionGrant } from '../../src/workflow/provision-grant.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import { AT, createReplica, createTestSigner, type Replica } from '../record/record-fixture.ts'
import { signedExtension } from './signed-extension.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/* A freeze that comes at the worst moment: after the last look, before the access is on record as active. */
const ID = 'G-7K3QF0'
let house: TestContext
let replica: Replica
let made: number

beforeEach(async () => {
  house = await createTestContext(AT)
  const { database, clock } = house
  replica = createReplica(database, { signer: createTestSigner(), witnesses: [createFakeWitness()], clock })
  replica.sealer.start()
  made = 0
})
afterEach(async () => {
  await replica.stop()
  await house.database.drop()
})

describe('a grant that is approved', () => {
  const approved = signedExtension(AT).slice(0, 3)

  it('is given where nothing is frozen', async () => {
    await provision(approved, null)
    expect(await statusOf()).toBe('active')
  })

  it.each([
    ['before anything is done', null, 'failed', 0],
    ['after the look, before it is on record that it may exist', 'provision:before-providing', 'failed', 0],
    ['after it was made, before it counts as active', 'provision:after-target', 'ending', 1],
  ] as const)('is not given when frozen %s', async (_when, point, status, times) => {
    if (point === null) await freeze('everywhere')
    await provision(approved, point)
    expect(await statusOf()).toBe(status)
    expect(made).toBe(times)
    const loaded = await loadGrant(house.context, house.database.app, ID)
    expect(loaded?.events.map(({ type }) => type)).not.toContain('grant.active')
    expect(loaded?.state.failure?.message).toMatch(/^(prod-db|Everything) was frozen by olga at 2/)
  })
})

it('an extension that is signed keeps its old end when frozen while the target is told', async () => {
  await house.happen(ID, ...signedExtension(AT))
  await extendGrant(contextFreezingAt('extend:after-target'), ID)
  const loaded = await loadGrant(house.context, house.database.app, ID)
  expect(loaded?.state).toMatchObject({ status: 'active', extension: null, access: { endsAt: AT + 60 * 60_000 } })
  expect(loaded?.events.at(-1)).toMatchObject({ type: 'extension.failed', data: { code: 'frozen' } })
})

async function provision(facts: readonly GrantEvent[], freezeAt: CrashPoint | null): Promise<void> {
  await house.happen(ID, ...facts)
  await provisionGrant(contextFreezingAt(freezeAt), ID, 1)
}

async function freeze(scope: string): Promise<void> {
  const act = { key: `freeze ${scope}`, account: { platform: 'local', tenant: 'local', id: 'olga' } }
  const answer = await freezeTarget(house.context, act, { scope, reason: '' })
  expect(JSON.stringify(answer)).toContain('Frozen')
}

function contextFreezingAt(point: CrashPoint | null): Context {
  const connector = {
    accountFor: () => 'jit_g_7k3qf0',
    checkPreconditions: async () => [],
    provision: async (_grant: unknown, nativeExpiry: number) => {
      made += 1
      return { account: 'jit_g_7k3qf0', nativeExpiry, checks: [] }
    },
    moveExpiry: async (_grant: unknown, nativeExpiry: number) => nativeExpiry,
  } as unknown as Connector
  return {
    ...house.context,
    witnessed: replica.witnessed,
    sealed: async (stream, seq) => {
      replica.sealer.kick()
      await replica.sealer.sealed(stream, seq, AbortSignal.timeout(5_000))
    },
    connectorToGive: () => connector,
    reached: async (reached) => {
      if (reached === point) await freeze('prod-db')
    },
  }
}

async function statusOf(): Promise<string | undefined> {
  return (await loadGrant(house.context, house.database.app, ID))?.state.status
}
