import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AT } from '../record/record-fixture.ts'
import { CORE_GROUP } from '../support/scim-client.ts'
import { openScim, type Scim } from './scim-door.ts'

let scim: Scim
let [ana, bo] = ['', '']
beforeAll(async () => {
  scim = await openScim(AT)
  ana = await scim.user('ana@acme.example')
  bo = await scim.user('bo@acme.example')
})
afterAll(async () => {
  expect(scim.faults).toEqual([])
  await scim.close()
})

const group = async (displayName: string, ...members: string[]) => {
  const { status, body } = await scim.send('POST', '/Groups', {
    ...{ schemas: [CORE_GROUP], displayName, members: members.map((value) => ({ value })) },
  })
  expect(status).toBe(201)
  return body.id
}
const membersOf = async (id: string) =>
  ((await scim.send('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }) => value).sort()

it('is created, found by name, renamed, and is gone after DELETE', async () => {
  const id = await group('Database people', ana)
  const filter = encodeURIComponent('displayName eq "database people"')
  expect((await scim.send('GET', `/Groups?filter=${filter}`)).body.Resources.map((one) => one.id)).toEqual([id])
  await scim.patch(`/Groups/${id}`, { op: 'Replace', path: 'displayName', value: 'DBA' })
  expect((await scim.send('GET', `/Groups/${id}`)).body.displayName).toBe('DBA')
  expect((await scim.send('DELETE', `/Groups/${id}`)).status).toBe(204)
  expect((await scim.send('GET', `/Groups/${id}`)).status).toBe(404)
})

it('has a name of its own, in any case', async () => {
  await group('Twins')
  const { status, body } = await scim.send('POST', '/Groups', { schemas: [CORE_GROUP], displayName: 'TWINS' })
  expect([status, body.scimType]).toEqual([409, 'uniqueness'])
})

describe('members', () => {
  it.each<[string, (id: string) => unknown, 'both' | 'bo' | 'none']>([
    ['add', () => ({ op: 'Add', path: 'members', value: [{ value: bo }] }), 'both'],
    ['add twice', () => ({ op: 'add', path: 'members', value: [{ value: bo }, { value: bo }] }), 'both'],
    ['add without a path', () => ({ op: 'add', value: { members: [{ value: bo }] } }), 'both'],
    ['replace', () => ({ op: 'replace', path: 'members', value: [{ value: bo }] }), 'bo'],
    ['remove with a filter', () => ({ op: 'remove', path: `members[value eq "${ana}"]` }), 'none'],
    ['remove with a value, as Entra does', () => ({ op: 'Remove', path: 'members', value: [{ value: ana }] }), 'none'],
    ['remove of all', () => ({ op: 'remove', path: 'members' }), 'none'],
  ])('change by %s', async (name, operation, expected) => {
    const id = await group(`Members by ${name}`, ana)
    const { status } = await scim.patch(`/Groups/${id}`, operation(id))
    expect([200, 204]).toContain(status)
    const wanted = { both: [ana, bo].sort(), bo: [bo], none: [] }[expected]
    expect(await membersOf(id)).toEqual(wanted)
  })

  it('are users that are here, by id', async () => {
    const members = [{ value: 'P-NOBODY00' }]
    const { status, body } = await scim.send('POST', '/Groups', { schemas: [CORE_GROUP], displayName: 'X', members })
    expect([status, body.scimType]).toEqual([400, 'invalidValue'])
  })

  it('may be many thousands: no event grows past what the record takes', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, (_, n) => scim.user(`many${n}@acme.example`)))
    const id = await group('Many', ...ids)
    expect((await membersOf(id)).length).toBe(60)
  })
})

it('stands in the policy by the name that the policy gives it, and decides for whoever asks next', async () => {
  await group('Ledger owners', bo)
  scim.world.setPolicy({
    directory: {
      ...{ groups: { ledger: 'ledger OWNERS', gone: 'Nobody has this' }, slackEmail: {}, teamsTenant: null },
      ...{ identityAssurance: false, administrators: [] },
    },
    compliance: ['carla', 'group:ledger'],
    escalateTo: ['group:gone', 'carla'],
  })
  await scim.world.context.people.look(scim.world.context.db)
  const policy = scim.world.context.policy.current()
  expect([policy.compliance, policy.escalateTo]).toEqual([['carla', bo], ['carla']])
  expect([policy.groups.ledger, policy.groups.gone, policy.groups.dba]).toEqual([[bo], [], ['dirk', 'olga']])
})

it('gives nobody a say who could have put themselves into it', async () => {
  await group('Self made', ana, bo)
  const rules = { groups: { made: 'Self made' }, slackEmail: {}, teamsTenant: null, identityAssurance: false }
  scim.world.setPolicy({ directory: { ...rules, administrators: [bo] } })
  await scim.world.context.people.look(scim.world.context.db)
  expect(scim.world.context.policy.current().groups.made).toEqual([ana])
})
