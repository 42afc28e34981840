import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HOUR } from '../../src/domain/duration.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { orderStream } from '../../src/domain/order-event.ts'
import { RetryLater } from '../../src/effects/effect.ts'
import { carryOutOrder } from '../../src/workflow/carry-out-order.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { loadOrder } from '../../src/workflow/order-store.ts'
import { decideOrder, proposeRevokeAll } from '../../src/workflow/revoke-all.ts'
import { sweep } from '../../src/workflow/sweep.ts'
import { AT } from '../record/record-fixture.ts'
import { signedExtension } from './signed-extension.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const [ACTIVE, PENDING, LATER] = ['G-000001', 'G-000002', 'G-000003'] as const
const asked = signedExtension(AT).slice(0, 1)
const active = signedExtension(AT).slice(0, 5)
let house: TestContext
let acts = 0

beforeEach(async () => {
  house = await createTestContext(AT)
  await house.happen(ACTIVE, ...active)
  await house.happen(PENDING, ...asked)
})
afterEach(() => house.database.drop())

it('expires in the sweep when nobody confirms, and then nobody can', async () => {
  const order = await propose()
  await house.clock.advance(8 * HOUR)
  await sweep(house.context)
  expect(await typesOf(order)).toEqual(['order.proposed', 'order.expired', 'closed'])
  expect(await say('carla', (act) => decideOrder(house.context, act, order, 'confirm'))).toContain('expired')
  expect((await house.database.record.readStream(house.context.db, `after:${orderStream(order)}`)).length).toBe(1)
})

describe('a confirmed order', () => {
  let order: string
  beforeEach(async () => {
    order = await propose()
    await say('carla', (act) => decideOrder(house.context, act, order, 'confirm'))
  })

  it('is enqueued, and again by the sweep where the job was deleted', async () => {
    const times = () => house.enqueued.filter((effect) => effect.kind === 'revoke-all' && effect.order === order).length
    expect(times()).toBe(1)
    await sweep(house.context)
    expect(times()).toBe(2)
  })

  it('ends what was asked for before it, each named after it, and nothing that was asked for later', async () => {
    await house.clock.advance(1)
    await house.happen(LATER, ...asked)
    await expect(carryOutOrder(house.context, order, 1)).rejects.toBeInstanceOf(RetryLater)
    expect([await statusOf(ACTIVE), await statusOf(PENDING), await statusOf(LATER)]).toEqual([
      'ending',
      'cancelled',
      'pending',
    ])
    const ending = (await loadGrant(house.context, house.context.db, ACTIVE))?.state.ending
    expect(ending).toMatchObject({ cause: 'ordered', by: 'carla', order })
    await expect(carryOutOrder(house.context, order, 2)).rejects.toBeInstanceOf(RetryLater)
    expect(await typesOf(order)).toEqual(['order.proposed', 'order.confirmed', 'order.reached'])
  })

  it('finds what became active since it was confirmed', async () => {
    await house.happen(PENDING, ...active.slice(1))
    await expect(carryOutOrder(house.context, order, 1)).rejects.toBeInstanceOf(RetryLater)
    expect([await statusOf(ACTIVE), await statusOf(PENDING)]).toEqual(['ending', 'ending'])
  })

  it('says what is stuck, and once more when that is gone', async () => {
    await expect(carryOutOrder(house.context, order, 1)).rejects.toBeInstanceOf(RetryLater)
    await house.clock.advance(60_000)
    const failed = { step: 'disable', code: 'Unreachable', message: 'away', escalatedTo: ['carla'] } as const
    await house.happen(ACTIVE, { type: 'grant.stuck', data: failed })
    await expect(carryOutOrder(house.context, order, 2)).rejects.toBeInstanceOf(RetryLater)
    expect((await loadOrder(house.context, house.context.db, order))?.state).toMatchObject({
      ...{ status: 'confirmed', outcome: { ended: [], cancelled: [PENDING], stuck: [ACTIVE] } },
    })
    await expect(carryOutOrder(house.context, order, 3)).rejects.toBeInstanceOf(RetryLater)
    await house.happen(ACTIVE, gone())
    await carryOutOrder(house.context, order, 4)
    expect((await loadOrder(house.context, house.context.db, order))?.state).toMatchObject({
      ...{ status: 'done', closed: true, outcome: { ended: [ACTIVE], cancelled: [PENDING], stuck: [] } },
    })
    await carryOutOrder(house.context, order, 5)
    expect((await typesOf(order)).filter((type) => type === 'order.carried-out')).toHaveLength(2)
  })
})

it('a job for what nobody ordered ends nothing, and is named', async () => {
  await carryOutOrder(house.context, 'R-000000', 1)
  const order = await propose()
  await carryOutOrder(house.context, order, 1)
  expect([await statusOf(ACTIVE), await statusOf(PENDING)]).toEqual(['active', 'pending'])
  expect(house.alarms.map(({ what }) => what)).toEqual(['order-without-proposal'])
})

it('is proposed though somebody hid in the tables that anything is open', async () => {
  await house.database.admin`update grant_state set open_for = null`
  expect(await propose()).toMatch(/^R-/)
})

async function propose(): Promise<string> {
  const words = { subject: '@ana', reason: 'laptop stolen' }
  const answer = await say('olga', (act) => proposeRevokeAll(house.context, act, words))
  return /R-[0-9A-Z]{6}/.exec(answer)?.[0] ?? answer
}

async function say(who: string, act: (act: Parameters<typeof decideOrder>[1]) => Promise<unknown>): Promise<string> {
  acts += 1
  return JSON.stringify(await act({ key: `act ${acts}`, account: { platform: 'local', tenant: 'local', id: who } }))
}

async function typesOf(order: string): Promise<string[]> {
  return ((await loadOrder(house.context, house.context.db, order))?.events ?? []).map(({ type }) => type)
}

async function statusOf(id: string): Promise<string | undefined> {
  return (await loadGrant(house.context, house.context.db, id))?.state.status
}

function gone(): GrantEvent {
  return { type: 'grant.removed', data: { checks: [], left: [], lateMs: 0 } }
}
