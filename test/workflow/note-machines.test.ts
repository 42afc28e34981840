import { afterEach, beforeEach, expect, it } from 'vitest'
import { SECOND } from '../../src/domain/duration.ts'
import type { PolicyMachine } from '../../src/domain/policy.ts'
import { RetryLater } from '../../src/effects/effect.ts'
import { announce } from '../../src/workflow/announce.ts'
import { createPeople } from '../../src/workflow/people-store.ts'
import { createPopulatedPolicy } from '../../src/workflow/populated-policy.ts'
import { createProvisioning } from '../../src/workflow/provision-people.ts'
import { settlePeople, settlePerson } from '../../src/workflow/settle-people.ts'
import { sweep } from '../../src/workflow/sweep.ts'
import { wordsOf } from '../cards/grant-story.ts'
import { AT } from '../record/record-fixture.ts'
import { testPolicy } from '../support/policy.ts'
import { createTestContext, type TestContext } from './test-context.ts'

let house: TestContext
beforeEach(async () => {
  house = await createTestContext(AT)
  say({ exporter: 'ana', backup: 'bo' })
})
afterEach(() => house.database.drop())

it('a machine whose owner the file says to have left is orphaned once, whoever looks and however often', async () => {
  say({ exporter: 'ana', backup: 'bo' }, ['ana'])
  await Promise.all([settlePeople(house.context), settlePeople(anotherReplica()), sweep(house.context)])
  await sweep(house.context)
  expect(await typesOf('exporter')).toEqual(['machine.orphaned'])
  expect(await typesOf('backup')).toEqual([])
  expect(house.enqueued.filter((one) => 'urgent' in one)).toEqual([
    { kind: 'announce', stream: 'machine:exporter', urgent: true },
  ])
})

it('is told in the channel and to those who hear what needs a person, until somebody else owns it', async () => {
  say({ exporter: 'ana' }, ['ana'])
  await settlePeople(house.context)
  await announce(house.context, 'machine:exporter')
  const shown = () => [...house.chat.messages.values()].map(({ to, message }) => [to.kind, wordsOf(message)])
  expect(shown().map(([kind]) => kind)).toEqual(['channel', 'person'])
  for (const [, words] of shown()) expect(words).toMatch(/Exporter has no owner: Ana has left.*Owner before: Ana/s)
  say({ exporter: 'bo' }, ['ana'])
  await settlePeople(house.context)
  await announce(house.context, 'machine:exporter')
  for (const [, words] of shown()) expect(words).toMatch(/Exporter had no owner.*Owner after: Bo/s)
})

it('a leaver without machines says nothing', async () => {
  say({ exporter: 'ana' }, ['bo'])
  await settlePeople(house.context)
  await house.clock.advance(6 * SECOND)
  await settlePerson(house.context, 'bo', 1)
  expect(house.enqueued.filter(({ kind }) => kind === 'announce')).toEqual([])
  expect((await leavingOf('bo'))?.machines).toEqual([])
})

it('is orphaned by the directory too, under the name that the file has for its owner, and kept with the lag', async () => {
  const people = testPolicy().people.map((one) => (one.id === 'ana' ? { ...one, externalId: 'x-ana' } : one))
  house.setPolicy({ people, machines: [machine('exporter', 'ana'), machine('backup', 'bo')] })
  const provisioning = createProvisioning(house.context)
  const user = { userName: 'ana@acme.example', externalId: 'x-ana' }
  const entered = await provisioning.enter({ ...user, active: true })
  const id = 'id' in entered ? entered.id : ''
  await provisioning.change(id, { ...user, active: false }, null)
  await expect(settlePerson(house.context, id, 1)).rejects.toBeInstanceOf(RetryLater)
  expect(await typesOf('exporter')).toEqual(['machine.orphaned'])
  await house.clock.advance(6 * SECOND)
  await settlePerson(house.context, id, 2)
  expect(await leavingOf(id)).toMatchObject({ machines: ['exporter'], grants: [], lagMs: 0 })
})

it('stays an orphan when its owner is hired again, through any policy that says nothing new', async () => {
  say({ exporter: 'ana' }, ['ana'])
  await settlePeople(house.context)
  say({ exporter: 'ana' })
  await settlePeople(house.context)
  say({ exporter: 'ana', backup: 'bo' })
  await settlePeople(house.context)
  say({ exporter: 'ana' }, ['ana'])
  await settlePeople(house.context)
  expect(await typesOf('exporter')).toEqual(['machine.orphaned'])
  say({ exporter: 'bo' }, ['ana'], 'carla')
  await settlePeople(house.context)
  say({ exporter: 'ana' }, [], 'carla')
  await settlePeople(house.context)
  const [, owned, ...more] = await eventsOf('exporter')
  expect(owned).toMatchObject({ type: 'machine.owned', data: { owner: 'bo', before: 'ana', by: 'carla' } })
  expect(more).toEqual([])
})

it('that is given to somebody who left as well is orphaned anew; one that no policy names any more is none', async () => {
  say({ exporter: 'ana' }, ['ana'])
  await settlePeople(house.context)
  say({ exporter: 'bo' }, ['ana', 'bo'])
  await settlePeople(house.context)
  say({}, ['ana', 'bo'], 'carla')
  await settlePeople(house.context)
  await settlePeople(house.context)
  expect((await eventsOf('exporter')).map(({ type, data }) => [type, data.owner ?? data.by])).toEqual([
    ['machine.orphaned', 'ana'],
    ['machine.orphaned', 'bo'],
    ['machine.unlisted', 'carla'],
  ])
})

it('is not judged by the policy of before: whoever looks asks first which one is in force', async () => {
  say({ exporter: 'ana' }, ['ana'])
  await settlePeople(house.context)
  // Another process activates, and this one has not looked yet.
  let stale = true
  const { policy } = house.context
  const [before, history] = [policy.current(), policy.activations()]
  const late = {
    ...{ ...policy, current: () => (stale ? before : policy.current()) },
    activations: () => (stale ? history : policy.activations()),
  }
  const inForce: typeof policy.inForce = (db) => {
    stale = false
    return policy.inForce(db)
  }
  say({ exporter: 'bo' }, ['ana'])
  await settlePeople(house.context)
  await settlePerson({ ...house.context, policy: { ...late, inForce } }, 'olga', 1)
  expect(await typesOf('exporter')).toEqual(['machine.orphaned', 'machine.owned'])
})

function say(owners: Readonly<Record<string, string>>, left: readonly string[] = [], by: string | null = null): void {
  const people = testPolicy().people.map((one) => (left.includes(one.id) ? { ...one, status: 'left' as const } : one))
  house.setPolicy({ people, machines: Object.entries(owners).map(([id, owner]) => machine(id, owner)) }, by)
}

function machine(id: string, owner: string): PolicyMachine {
  const name = id.charAt(0).toUpperCase() + id.slice(1)
  return { id, name, kind: 'pipeline', owner, description: 'Copies the ledger each night' }
}

/** With a memory of its own. */
function anotherReplica(): TestContext['context'] {
  const people = createPeople({ record: house.context.record, db: house.context.db })
  return { ...house.context, people, policy: createPopulatedPolicy(house.context.policy, people) }
}

const eventsOf = (id: string) => house.context.record.readStream(house.context.db, `machine:${id}`)
const typesOf = async (id: string) => (await eventsOf(id)).map(({ type }) => type)
const leavingOf = async (id: string) => (await house.context.people.look(house.context.db)).persons.get(id)?.left
