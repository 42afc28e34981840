import { afterEach, beforeEach, expect, it } from 'vitest'
import { grantStream } from '../../src/domain/grant-event.ts'
import { refuse } from '../../src/domain/refusal.ts'
import { LeaveToOthers } from '../../src/effects/effect.ts'
import type { Connector } from '../../src/ports/connector.ts'
import type { Context } from '../../src/workflow/context.ts'
import { extendGrant } from '../../src/workflow/extend-grant.ts'
import { toDraft } from '../../src/workflow/grant-store.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import {
  AT,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from '../record/record-fixture.ts'
import { createTestClock } from '../support/clock.ts'
import { signedExtension } from './signed-extension.ts'

const ID = 'G-7K3QF0'
const clock = createTestClock(AT)
let house: RecordDatabase
let replica: Replica

beforeEach(async () => {
  house = await createRecordDatabase()
  const facts = signedExtension(AT)
  await house.app.begin((tx) => house.record.append(tx, grantStream(ID), 0, facts.map(toDraft), AT))
  replica = createReplica(house, { signer: createTestSigner(), witnesses: [createFakeWitness()], clock })
  replica.sealer.start()
  await replica.sealer.sealed(grantStream(ID), facts.length)
})
afterEach(async () => {
  await replica.stop()
  await house.drop()
})

it('leaves the end where it is while the policy of this process is not the active one', async () => {
  const moved: number[] = []
  const connector = {
    moveExpiry: async (_grant: unknown, to: number) => {
      moved.push(to)
      return to
    },
  } as unknown as Connector
  const held = refuse({ code: 'policy-held', active: 'a'.repeat(64), own: 'b'.repeat(64) })
  await expect(extendGrant(contextWith(connector, held), ID)).rejects.toBeInstanceOf(LeaveToOthers)
  expect(moved).toEqual([])
})

function contextWith(connector: Connector, inForce: unknown): Context {
  return {
    ...{ db: house.app, record: house.record, witnessed: replica.witnessed, clock },
    sealed: async () => undefined,
    lanes: {
      withLane: async (_key: string, work: (lane: object) => unknown) => work({ lost: new AbortController().signal }),
    },
    policy: { provedInForce: async () => inForce },
    connectorOf: () => connector,
    connectorToGive: () => connector,
    reached: async () => undefined,
  } as unknown as Context
}
