import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HOUR, SECOND } from '../../src/domain/duration.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import type { PolicyPerson } from '../../src/domain/policy.ts'
import { RetryLater } from '../../src/effects/effect.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { createProvisioning } from '../../src/workflow/provision-people.ts'
import { settlePeople, settlePerson } from '../../src/workflow/settle-people.ts'
import { sweep } from '../../src/workflow/sweep.ts'
import { AT } from '../record/record-fixture.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'
import { signedExtension } from './signed-extension.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const [ACTIVE, PENDING, OF_BO] = ['G-000001', 'G-000002', 'G-000003'] as const
const asked = signedExtension(AT).slice(0, 1)
const active = signedExtension(AT).slice(0, 5)
let house: TestContext

beforeEach(async () => {
  house = await createTestContext(AT)
  await house.happen(ACTIVE, ...active)
  await house.happen(PENDING, ...asked)
  await house.happen(OF_BO, ...asked.map((fact) => ofBo(fact)))
})
afterEach(() => house.database.drop())

describe('a person whose policy entry says left', () => {
  beforeEach(() => say('ana', { status: 'left' }))

  it('has nothing open any more, and everybody else has what they had', async () => {
    await settlePeople(house.context)
    expect([await statusOf(ACTIVE), await statusOf(PENDING), await statusOf(OF_BO)]).toEqual([
      ...['ending', 'cancelled', 'pending'],
    ])
    expect((await stateOf(ACTIVE))?.ending).toMatchObject({ cause: 'left', by: null, due: AT })
  })

  it('is on record with who said so, and settled once however often it is done', async () => {
    await settlePeople(house.context)
    await settlePeople(house.context)
    await sweep(house.context)
    const events = await eventsOf('ana')
    expect(events.map(({ type }) => type)).toEqual(['identity.left'])
    expect(events[0]?.data).toMatchObject({ source: 'policy', removed: false, effectiveAt: null })
    expect(await typesOf(PENDING)).toEqual(['request.asked', 'request.lapsed', 'closed'])
  })

  it('has the moments of the leaving on record: received, ended, seen gone, and how long it took', async () => {
    await settlePeople(house.context)
    await expect(settlePerson(house.context, 'ana', 1)).rejects.toBeInstanceOf(RetryLater)
    await house.clock.advance(6 * SECOND)
    await expect(settlePerson(house.context, 'ana', 2)).rejects.toBeInstanceOf(RetryLater)
    expect(await leavingOf('ana')).toMatchObject({ receivedAt: AT, endedAt: AT, seenGoneAt: null })
    await house.happen(ACTIVE, { type: 'grant.removed', data: { checks: [], left: [], lateMs: 0 } })
    await settlePerson(house.context, 'ana', 3)
    expect(await leavingOf('ana')).toMatchObject({ seenGoneAt: AT + 6 * SECOND, lagMs: 6 * SECOND, grants: [ACTIVE] })
    await settlePerson(house.context, 'ana', 4)
    expect((await eventsOf('ana')).map(({ type }) => type)).toEqual([
      ...['identity.left', 'leaving.ended', 'leaving.seen-gone'],
    ])
  })

  it('is found by the sweep where the job was deleted', async () => {
    await sweep(house.context)
    expect([await statusOf(ACTIVE), await statusOf(PENDING)]).toEqual(['ending', 'cancelled'])
    expect(house.enqueued).toContainEqual({ kind: 'settle-person', person: 'ana' })
  })

  it('gets nothing back by being hired again', async () => {
    await settlePeople(house.context)
    await say('ana', { status: 'active' })
    await settlePeople(house.context)
    expect((await eventsOf('ana')).at(-1)?.type).toBe('identity.returned')
    expect([await statusOf(ACTIVE), await statusOf(PENDING)]).toEqual(['ending', 'cancelled'])
  })
})

it('somebody whom the policy names no more has left, too', async () => {
  const { people } = testPolicy()
  house.setPolicy({ people: people.filter(({ id }) => id !== 'ana') })
  await settlePeople(house.context)
  expect([await statusOf(ACTIVE), await statusOf(PENDING), await statusOf(OF_BO)]).toEqual([
    ...['ending', 'cancelled', 'pending'],
  ])
  expect((await eventsOf('ana'))[0]?.data).toMatchObject({ removed: true })
})

describe('an approver who leaves', () => {
  it('is not waited for: the request asks others, or is held and escalated when there are none', async () => {
    const onlyManager = testTarget({
      entitlements: { read: testEntitlement({ approvals: [{ need: 1, from: [{ kind: 'manager' }] }] }) },
    })
    const people = testPolicy().people.map((one) => (one.id === 'marcus' ? { ...one, status: 'left' as const } : one))
    house.setPolicy({ people, targets: { 'prod-db': onlyManager } })
    await settlePeople(house.context)
    expect(await typesOf(PENDING)).toContain('request.held')
    const held = (await loadGrant(house.context, house.context.db, PENDING))?.events.findLast(
      ({ type }) => type === 'request.held',
    )
    expect(held?.data).toMatchObject({ escalatedTo: ['carla'] })
    await house.clock.advance(6 * SECOND)
    await settlePerson(house.context, 'marcus', 1)
    expect((await eventsOf('marcus'))[1]?.data).toMatchObject({ approvals: [PENDING, OF_BO], grants: [], requests: [] })
  })

  it('signed in vain, also after coming back', async () => {
    const two = testTarget({
      entitlements: {
        read: testEntitlement({ approvals: [{ need: 2, from: [{ kind: 'manager' }, { kind: 'owners' }] }] }),
      },
    })
    house.setPolicy({ targets: { 'prod-db': two } })
    await house.happen(PENDING, {
      type: 'request.signed',
      data: { by: 'marcus', as: ['manager'], policy: 'a'.repeat(64), assurance: 'click-only' },
    })
    const people = testPolicy().people
    const left = people.map((one) => (one.id === 'marcus' ? { ...one, status: 'left' as const } : one))
    house.setPolicy({ targets: { 'prod-db': two }, people: left })
    await settlePeople(house.context)
    house.setPolicy({ targets: { 'prod-db': two }, people })
    await settlePeople(house.context)
    expect((await stateOf(PENDING))?.signatures).toEqual([])
    expect(await typesOf(PENDING)).toContain('request.signature-void')
  })
})

it('a click that the policy counts no longer is said on its card when that policy comes into force', async () => {
  const click = { by: 'marcus', as: ['manager'], policy: 'a'.repeat(64), assurance: 'click-only' } as const
  await house.happen(PENDING, { type: 'request.signed', data: click })
  const said = () => house.enqueued.filter((one) => 'stream' in one && one.stream === `grant:${PENDING}`).length
  const needing = (stepUp: 'passkey' | 'none') => {
    const read = testEntitlement({ approvals: [{ need: 2, from: [{ kind: 'manager' }, { kind: 'owners' }] }], stepUp })
    house.setPolicy({ targets: { 'prod-db': testTarget({ entitlements: { read } }) } })
  }
  needing('none')
  await settlePeople(house.context)
  const before = said()
  needing('passkey')
  await settlePeople(house.context)
  expect(said()).toBe(before + 1)
})

describe('a person who moved', () => {
  it('keeps what they may still ask for, and loses what they may not', async () => {
    const forBo = testTarget({ entitlements: { read: testEntitlement({ requesters: ['bo'] }) } })
    house.setPolicy({ targets: { 'prod-db': forBo } })
    await settlePeople(house.context)
    expect([await statusOf(ACTIVE), await statusOf(PENDING), await statusOf(OF_BO)]).toEqual([
      ...['ending', 'cancelled', 'pending'],
    ])
    expect((await stateOf(ACTIVE))?.ending?.cause).toBe('moved')
  })

  it('asks their new manager, at once', async () => {
    await say('ana', { manager: 'carla' })
    await settlePerson(house.context, 'ana', 1)
    expect((await stateOf(PENDING))?.approvers.map(({ id }) => id)).toContain('carla')
    expect(await statusOf(ACTIVE)).toBe('active')
  })

  it('is not signed for by whoever made themselves their manager, by a policy of their own', async () => {
    const people = testPolicy().people.map((one) => (one.id === 'ana' ? { ...one, manager: 'bo' } : one))
    house.setPolicy({ people }, 'bo')
    await settlePerson(house.context, 'ana', 1)
    expect((await stateOf(PENDING))?.approvers.map(({ id }) => id)).not.toContain('bo')
    house.setPolicy({ people }, 'carla')
    await settlePerson(house.context, 'ana', 1)
    // Whoever activates the same again does not wash it.
    expect((await stateOf(PENDING))?.approvers.map(({ id }) => id)).not.toContain('bo')
  })
})

describe('a person of the directory whom the policy file has too', () => {
  const provisioning = () => createProvisioning(house.context)

  it('leaves by what the directory says, whatever the file says', async () => {
    await say('ana', { externalId: 'x-ana' })
    const entered = await provisioning().enter({ userName: 'ana@acme.example', externalId: 'x-ana', active: true })
    const id = 'id' in entered ? entered.id : ''
    await settlePerson(house.context, id, 1)
    expect(await statusOf(ACTIVE)).toBe('active')
    await provisioning().change(id, { userName: 'ana@acme.example', externalId: 'x-ana', active: false }, null)
    expect(house.enqueued).toContainEqual({ kind: 'settle-person', person: id })
    await settlePerson(house.context, id, 1).catch(() => undefined)
    expect([await statusOf(ACTIVE), await statusOf(PENDING)]).toEqual(['ending', 'cancelled'])
    expect((await house.context.directory.byId('ana'))?.status).toBe('left')
  })

  it('is one human: nobody of the directory acts beside an untied person of the same name', async () => {
    await provisioning().enter({ userName: 'ana2@acme.example', displayName: 'ANA', active: true })
    await house.context.people.look(house.context.db)
    expect(house.context.policy.current().people.filter(({ name }) => name.toLowerCase() === 'ana')).toHaveLength(1)
  })

  it('lends nobody a manager whom the administrators of the directory made of themselves', async () => {
    const rules = { groups: {}, slackEmail: {}, teamsTenant: null, identityAssurance: false }
    const cleo = await provisioning().enter({ userName: 'cleo@acme.example', displayName: 'Cleo' })
    const boss = 'id' in cleo ? cleo.id : ''
    const manager = { 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { manager: { value: boss } } }
    const eva = await provisioning().enter({ userName: 'eva@acme.example', displayName: 'Eva', ...manager })
    const id = 'id' in eva ? eva.id : ''
    const managerOf = async () => {
      await house.context.people.look(house.context.db)
      const person = await house.context.directory.byId(id)
      return [person?.manager, person?.managerSetBy]
    }
    expect(await managerOf()).toEqual([boss, []])
    house.setPolicy({ directory: { ...rules, administrators: [boss] } })
    expect(await managerOf()).toEqual([boss, [boss]])
  })
})

async function say(id: string, change: Partial<PolicyPerson>): Promise<void> {
  house.setPolicy({ people: testPolicy().people.map((one) => (one.id === id ? { ...one, ...change } : one)) })
}

function ofBo(fact: GrantEvent): GrantEvent {
  if (fact.type !== 'request.asked') return fact
  return { ...fact, data: { ...fact.data, by: 'bo', for: 'bo', pendingUntil: AT + HOUR } }
}

const stateOf = async (id: string) => (await loadGrant(house.context, house.context.db, id))?.state
const statusOf = async (id: string) => (await stateOf(id))?.status
const typesOf = async (id: string) =>
  (await loadGrant(house.context, house.context.db, id))?.events.map(({ type }) => type) ?? []
const eventsOf = (id: string) => house.context.record.readStream(house.context.db, `identity:${id}`)
const leavingOf = async (id: string) => (await house.context.people.look(house.context.db)).persons.get(id)?.left
