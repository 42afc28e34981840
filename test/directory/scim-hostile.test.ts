import { afterAll, beforeAll, expect, it } from 'vitest'
import { AT } from '../record/record-fixture.ts'
import { CORE_GROUP, CORE_USER, ENTERPRISE_USER, PATCH } from '../support/scim-client.ts'
import { openScim, type Scim } from './scim-door.ts'

let scim: Scim
let id = ''
let group = ''
beforeAll(async () => {
  scim = await openScim(AT)
  id = await scim.user('ana@acme.example', { emails: [{ type: 'work', value: 'ana@acme.example' }] })
  group = (await scim.send('POST', '/Groups', { schemas: [CORE_GROUP], displayName: 'DBA', members: [{ value: id }] }))
    .body.id
})
afterAll(() => scim.close())

const user = (more: object) => ({ schemas: [CORE_USER], userName: `u${Math.random()}@acme.example`, ...more })
const patch = (...operations: unknown[]) => ({ schemas: [PATCH], Operations: operations })
let deep: unknown = 'x'
for (let n = 0; n < 50; n++) deep = { a: deep }

/** Whatever comes in is answered as SCIM says, is no fault of ours, and changes nothing that it may not. */
it.each<[string, string, string, unknown]>([
  ['no JSON', 'POST', '/Users', '{"userName": '],
  ['nothing', 'POST', '/Users', undefined],
  ['an empty body', 'POST', '/Users', ''],
  ['null', 'POST', '/Users', 'null'],
  ['a list', 'POST', '/Users', [user({})]],
  ['a string', 'POST', '/Users', '"ana"'],
  ['a number', 'PUT', '/Users/:id', '7'],
  ['no user name', 'POST', '/Users', { schemas: [CORE_USER] }],
  ['a user name that is none', 'POST', '/Users', user({ userName: { a: 1 } })],
  ['a blank user name', 'POST', '/Users', user({ userName: ' \u200b ' })],
  ['another schema', 'POST', '/Users', user({ schemas: ['urn:evil'] })],
  ['a prototype', 'POST', '/Users', '{"schemas":["x"],"userName":"p","__proto__":{"admin":true}}'],
  ['a constructor', 'POST', '/Users', user({ constructor: { prototype: { admin: true } } })],
  ['a body nested deep', 'POST', '/Users', user({ name: deep })],
  ['a huge title', 'POST', '/Users', user({ title: 'x'.repeat(50_000) })],
  ['a body of megabytes', 'POST', '/Users', user({ title: 'x'.repeat(3_000_000) })],
  ['active that is neither', 'POST', '/Users', user({ active: 'perhaps' })],
  ['emails that are no list', 'POST', '/Users', user({ emails: 'ana@acme.example' })],
  ['emails of numbers', 'POST', '/Users', user({ emails: [1, null, true] })],
  ['a manager that is a list', 'POST', '/Users', user({ [ENTERPRISE_USER]: { manager: [{ value: 'x' }] } })],
  ['operations that are none', 'PATCH', '/Users/:id', { schemas: [PATCH], Operations: 'all' }],
  ['no operations', 'PATCH', '/Users/:id', { schemas: [PATCH], Operations: [] }],
  ['an operation that is null', 'PATCH', '/Users/:id', patch(null)],
  ['another operation', 'PATCH', '/Users/:id', patch({ op: 'move', path: 'title', value: 'x' })],
  ['a path that is none', 'PATCH', '/Users/:id', patch({ op: 'replace', path: '[[[', value: 'x' })],
  ['a path into the prototype', 'PATCH', '/Users/:id', patch({ op: 'add', path: '__proto__.admin', value: true })],
  ['an unknown attribute', 'PATCH', '/Users/:id', patch({ op: 'replace', path: 'admin', value: true })],
  ['a filter that is none', 'PATCH', '/Users/:id', patch({ op: 'replace', path: 'emails[type eq].value', value: 'x' })],
  ['a number for a path', 'PATCH', '/Users/:id', patch({ op: 'replace', path: 7, value: 'x' })],
  ['the id', 'PATCH', '/Users/:id', patch({ op: 'replace', path: 'id', value: 'P-00000000' })],
  ['the user name away', 'PATCH', '/Users/:id', patch({ op: 'remove', path: 'userName' })],
  ['members that are no list', 'POST', '/Groups', { schemas: [CORE_GROUP], displayName: 'G', members: 'all' }],
  [
    'a group inside a group',
    'POST',
    '/Groups',
    { schemas: [CORE_GROUP], displayName: 'G', members: [{ value: ':group' }] },
  ],
  [
    'a group with a huge externalId',
    'POST',
    '/Groups',
    { schemas: [CORE_GROUP], displayName: 'G', externalId: 'x'.repeat(100_000) },
  ],
  ['a group without a name', 'POST', '/Groups', { schemas: [CORE_GROUP], displayName: ' ' }],
  ['an unknown filter', 'GET', '/Users?filter=userName%20is%20%22ana%22', undefined],
  ['an empty filter', 'GET', '/Users?filter=', undefined],
  ['a filter of brackets', 'GET', `/Users?filter=${'('.repeat(5_000)}`, undefined],
  ['two filters', 'GET', '/Users?filter=a&filter=b', undefined],
  ['attributes that are none', 'GET', '/Users?attributes=', undefined],
  ['an id that is no text', 'GET', '/Users/%00', undefined],
  ['an id that cannot be decoded', 'GET', '/Users/%E0%A4%A', undefined],
  ['bulk', 'POST', '/Bulk', { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'], Operations: [] }],
  ['nothing that is here', 'GET', '/Nothing', undefined],
  ['a delete of all', 'DELETE', '/Users', undefined],
])('%s', async (_, method, path, body) => {
  const before = (await scim.send('GET', `/Users/${id}`)).body
  const text =
    body === undefined ? undefined : (typeof body === 'string' ? body : JSON.stringify(body)).replace(':group', group)
  const answered = await scim.send(method, path.replace(':id', id), text)
  expect(answered.status).toBeGreaterThanOrEqual(400)
  expect(answered.status, JSON.stringify(answered.body)).not.toBe(500)
  expect(answered.body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error'])
  expect(answered.body.status).toBe(String(answered.status))
  expect((await scim.send('GET', `/Users/${id}`)).body).toEqual(before)
  expect(scim.faults).toEqual([])
  expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false)
})

/** What a PATCH may reach is who they are to the directory, and never who they are to us. */
const CORE = `${CORE_USER}:`
it.each<[string, unknown]>([
  ['in other letters', patch({ op: 'Replace', path: 'EXTERNALID', value: 'x-victim' })],
  ['by its full name', patch({ op: 'replace', path: `${CORE}externalId`, value: 'x-victim' })],
  ['in a value without a path', patch({ op: 'add', value: { externalId: 'x-victim', id: 'P-00000000' } })],
  ['by its full name in a value', patch({ op: 'add', value: { [`${CORE}externalId`]: 'x-victim' } })],
  ['in a value of the core schema', patch({ op: 'add', value: { [CORE_USER]: { externalId: 'x-victim' } } })],
  ['by removing it', patch({ op: 'remove', path: 'externalId' })],
  ['by removing it first', patch({ op: 'remove', path: 'externalId' }, { op: 'add', path: 'externalId', value: 'v' })],
  ['by null', patch({ op: 'replace', path: 'externalId', value: null })],
  ['by their id', patch({ op: 'replace', value: { id: 'P-00000000', meta: { resourceType: 'Group' } } })],
  ['by a group that they put themselves into', patch({ op: 'add', path: 'groups', value: [{ value: 'all' }] })],
  ['by the prototype', JSON.stringify(patch({ op: 'add', value: { p: 1 } })).replace('"p"', '"__proto__"')],
  ['by links of ours', patch({ op: 'add', value: { accounts: [{ platform: 'teams' }], seq: 0, left: null } })],
  ['by the user name of another', patch({ op: 'replace', path: 'userName', value: 'ANA@acme.example' })],
])('nobody becomes somebody else by a PATCH of who they are: %s', async (_, body) => {
  const eva = await scim.user(`eva${Math.random()}@acme.example`, { externalId: `x-eva-${Math.random()}` })
  const before = (await scim.send('GET', `/Users/${eva}`)).body
  const { status } = await scim.send('PATCH', `/Users/${eva}`, typeof body === 'string' ? body : JSON.stringify(body))
  expect(status).toBeLessThan(500)
  const after = (await scim.send('GET', `/Users/${eva}`)).body as unknown as Record<string, unknown>
  const known = before as unknown as Record<string, unknown>
  for (const name of ['id', 'externalId', 'userName', 'active', 'groups', 'accounts', 'left']) {
    expect([name, after[name]]).toEqual([name, known[name]])
  }
  expect(Object.keys(after).toSorted()).toEqual(Object.keys(known).toSorted())
  expect((await scim.send('GET', `/Groups/${group}`)).body).toMatchObject({ members: [{ value: id }] })
  expect(Object.hasOwn(Object.prototype, 'p')).toBe(false)
  expect(scim.faults).toEqual([])
})
