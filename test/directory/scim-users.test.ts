import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AT } from '../record/record-fixture.ts'
import { CORE_USER, ENTERPRISE_USER, PATCH } from '../support/scim-client.ts'
import { openScim, type Scim } from './scim-door.ts'

/** What Okta's and Entra's published checks of a SCIM server ask, said in our words. */
let scim: Scim
let made = 0
const fresh = () => `person${++made}@acme.example`

beforeAll(async () => {
  scim = await openScim(AT)
})
afterAll(async () => {
  expect(scim.faults).toEqual([])
  await scim.close()
})

describe('a directory that asks what is here', () => {
  it.each(['/ServiceProviderConfig', '/ResourceTypes', '/Schemas'])('is told at %s', async (path) => {
    expect((await scim.send('GET', path)).status).toBe(200)
  })

  it('finds nobody under a random name, and gets an empty list and no fault', async () => {
    const { status, body } = await scim.send('GET', '/Users?filter=userName%20eq%20%22nobody-here%22')
    expect([status, body.totalResults, body.Resources, body.startIndex]).toEqual([200, 0, [], 1])
    expect(body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:ListResponse'])
  })

  it('gets 404 as SCIM says for an id that nobody has', async () => {
    const { status, body } = await scim.send('GET', '/Users/010101001010101011001010101011')
    expect([status, body.status, body.schemas]).toEqual([404, '404', ['urn:ietf:params:scim:api:messages:2.0:Error']])
  })

  it.each([
    ['no token', ''],
    ['another token', 'Bearer another-token-that-is-long-enough-to-be-one-000'],
    ['another scheme', 'Basic YTpi'],
    ['the beginning of the token', 'Bearer a-token'],
  ])('is refused with %s', async (_, authorization) => {
    const { status, body } = await scim.send('GET', '/Users', undefined, { authorization })
    expect([status, body.status]).toEqual([401, '401'])
  })
})

describe('a user', () => {
  it('is created, has an id and a place, and is found by name in any case, and by external id', async () => {
    const userName = fresh()
    const { status, body } = await scim.send('POST', '/Users', {
      schemas: [CORE_USER, ENTERPRISE_USER],
      ...{ userName, externalId: `00u${made}`, active: true, name: { givenName: 'Ana', familyName: 'Ruiz' } },
      emails: [{ primary: true, value: userName, type: 'work' }],
      ...{ password: 'never-kept-here-1', title: 'Engineer', [ENTERPRISE_USER]: { department: 'Ledger' } },
    })
    expect([status, body.active, body.userName]).toEqual([201, true, userName])
    expect(body.meta).toMatchObject({
      ...{ resourceType: 'User', location: `https://countersign.example/scim/v2/Users/${body.id}` },
    })
    for (const filter of [`userName eq "${userName.toUpperCase()}"`, `externalId eq "00u${made}"`]) {
      const found = await scim.send('GET', `/Users?filter=${encodeURIComponent(filter)}`)
      expect(found.body.Resources.map(({ id }) => id)).toEqual([body.id])
    }
    const read = await scim.send('GET', `/Users/${body.id}`)
    expect(read.body).toMatchObject({ name: { familyName: 'Ruiz' }, [ENTERPRISE_USER]: { department: 'Ledger' } })
    const kept = await scim.world.context.record.readStream(scim.world.context.db, `identity:${body.id}`)
    expect(JSON.stringify([read.body, kept])).not.toContain('never-kept-here-1')
    expect(JSON.stringify(kept.map(({ body }) => body))).not.toContain('Ruiz')
  })

  it('is created once: the same name, in any case, gets 409', async () => {
    const userName = fresh()
    await scim.user(userName)
    const again = await scim.send('POST', '/Users', { schemas: [CORE_USER], userName: userName.toUpperCase() })
    expect([again.status, again.body.scimType]).toEqual([409, 'uniqueness'])
  })

  it('is replaced whole by PUT', async () => {
    const userName = fresh()
    const id = await scim.user(userName, { title: 'Engineer', displayName: 'A' })
    const { status, body } = await scim.send('PUT', `/Users/${id}`, {
      ...{ schemas: [CORE_USER], id, userName, displayName: 'B', active: true },
    })
    expect([status, body.displayName, body.title]).toEqual([200, 'B', undefined])
  })

  it.each([
    ['a path', { op: 'replace', path: 'active', value: false }],
    ['no path', { op: 'replace', value: { active: false } }],
    ['the string of Entra', { op: 'Replace', path: 'active', value: 'False' }],
    ['the string without a path', { op: 'Replace', value: { active: 'False' } }],
    ['the name of the schema before it', { op: 'replace', path: `${CORE_USER}:active`, value: 'false' }],
    [
      'a list of one, as Entra wrote it once',
      { op: 'Replace', path: 'active', value: [{ $ref: null, value: 'False' }] },
    ],
    ['add in place of replace', { op: 'Add', path: 'active', value: 'False' }],
  ])('is deactivated with %s, and can still be read', async (_, operation) => {
    const id = await scim.user(fresh())
    const patched = await scim.patch(`/Users/${id}`, operation)
    expect([200, 204]).toContain(patched.status)
    expect((await scim.send('GET', `/Users/${id}`)).body.active).toBe(false)
    expect((await stateOf(id))?.left).toMatchObject({ source: 'scim', removed: false, receivedAt: AT })
    expect([200, 204]).toContain((await scim.patch(`/Users/${id}`, operation)).status)
    expect(await typesOf(id)).toEqual(['identity.entered', 'identity.left'])
  })

  it('comes back with active true, and not with silence about it', async () => {
    const userName = fresh()
    const id = await scim.user(userName)
    await scim.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: false })
    await scim.send('PUT', `/Users/${id}`, { schemas: [CORE_USER], userName })
    expect((await stateOf(id))?.left).not.toBeNull()
    await scim.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: 'True' })
    expect((await stateOf(id))?.left).toBeNull()
  })

  it.each<[string, unknown, Record<string, unknown>]>([
    ['a plain path', { op: 'replace', path: 'title', value: 'Lead' }, { title: 'Lead' }],
    ['a path into a value', { op: 'replace', path: 'name.familyName', value: 'Roy' }, { name: { familyName: 'Roy' } }],
    [
      'a filter on a list',
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'new@acme.example' },
      { emails: [{ type: 'work', value: 'new@acme.example' }] },
    ],
    [
      'a filter that matches nothing yet, as Entra adds',
      { op: 'Add', path: 'phoneNumbers[type eq "work"].value', value: '+34600' },
      { phoneNumbers: [{ value: '+34600' }] },
    ],
    [
      'the path of the enterprise extension',
      { op: 'Replace', path: `${ENTERPRISE_USER}:department`, value: 'Risk' },
      { [ENTERPRISE_USER]: { department: 'Risk' } },
    ],
    [
      'several attributes without a path',
      { op: 'Replace', value: { displayName: 'C', 'name.givenName': 'Cleo' } },
      { displayName: 'C', name: { givenName: 'Cleo' } },
    ],
    [
      'the extension without a path',
      { op: 'add', value: { [ENTERPRISE_USER]: { department: 'Tax' } } },
      { [ENTERPRISE_USER]: { department: 'Tax' } },
    ],
  ])('takes a PATCH with %s', async (_, operation, expected) => {
    const id = await scim.user(fresh(), { emails: [{ type: 'work', value: 'old@acme.example', primary: true }] })
    const { status, body } = await scim.patch(`/Users/${id}`, operation)
    expect([status, JSON.stringify(body).slice(0, 300)]).toEqual([200, expect.anything()])
    expect((await scim.send('GET', `/Users/${id}`)).body).toMatchObject(expected)
  })

  it('loses an attribute by remove', async () => {
    const id = await scim.user(fresh(), { title: 'Engineer' })
    await scim.patch(`/Users/${id}`, { op: 'Remove', path: 'title' })
    expect((await scim.send('GET', `/Users/${id}`)).body.title).toBeUndefined()
  })

  it('is gone after DELETE, can be created anew, and is somebody else then', async () => {
    const userName = fresh()
    const id = await scim.user(userName, { externalId: `gone-${made}` })
    expect((await scim.send('DELETE', `/Users/${id}`)).status).toBe(204)
    expect((await scim.send('GET', `/Users/${id}`)).status).toBe(404)
    expect((await scim.send('DELETE', `/Users/${id}`)).status).toBe(404)
    expect((await stateOf(id))?.left).toMatchObject({ removed: true })
    expect(await scim.user(userName, { externalId: `gone-${made}` })).not.toBe(id)
  })

  it('never gets another external id: that is who they are', async () => {
    const id = await scim.user(fresh(), { externalId: `fixed-${made}` })
    const { status, body } = await scim.patch(`/Users/${id}`, { op: 'replace', path: 'externalId', value: 'other' })
    expect([status, body.scimType]).toEqual([400, 'mutability'])
    expect((await stateOf(id))?.profile?.externalId).toBe(`fixed-${made}`)
  })

  it('is not written again when nothing changed', async () => {
    const id = await scim.user(fresh(), { title: 'Engineer' })
    await scim.patch(`/Users/${id}`, { op: 'replace', path: 'title', value: 'Engineer' })
    expect(await typesOf(id)).toEqual(['identity.entered'])
  })
})

describe('a manager', () => {
  const manager = (value: unknown) => ({ op: 'add', path: `${ENTERPRISE_USER}:manager`, value })

  it.each([
    ['the id of a user', (id: string) => manager({ value: id })],
    ['the path to its value', (id: string) => ({ op: 'Replace', path: `${ENTERPRISE_USER}:manager.value`, value: id })],
    ['the bare id, as Entra sends it', (id: string) => manager(id)],
  ])('is named by %s', async (_, operation) => {
    const [boss, id] = [await scim.user(fresh()), await scim.user(fresh())]
    const { status } = await scim.patch(`/Users/${id}`, operation(boss))
    expect(status).toBe(200)
    expect((await stateOf(id))?.manager).toBe(boss)
    const events = await scim.world.context.record.readStream(scim.world.context.db, `identity:${id}`)
    expect(events.at(-1)).toMatchObject({ type: 'identity.changed', data: { manager: boss, what: ['manager'] } })
  })

  it.each(['Marcus Berg', 'marcus@acme.example', 'P-00000000', ''])(
    'that is only a text (%j) is kept and is nobody',
    async (text) => {
      const id = await scim.user(fresh(), { [ENTERPRISE_USER]: { manager: { value: text } } })
      expect((await stateOf(id))?.manager).toBeNull()
    },
  )

  it('is never the person themselves, nor somebody who was removed', async () => {
    const [boss, id] = [await scim.user(fresh()), await scim.user(fresh())]
    await scim.patch(`/Users/${id}`, manager({ value: id }))
    expect((await stateOf(id))?.manager).toBeNull()
    await scim.send('DELETE', `/Users/${boss}`)
    await scim.patch(`/Users/${id}`, manager({ value: boss }))
    expect((await stateOf(id))?.manager).toBeNull()
  })
})

it('pages through everybody, each once', async () => {
  const all = new Set<string>()
  const { totalResults } = (await scim.send('GET', '/Users?count=0')).body
  for (let startIndex = 1; startIndex <= totalResults; startIndex += 7) {
    const { body } = await scim.send('GET', `/Users?startIndex=${startIndex}&count=7`)
    expect([body.startIndex, body.totalResults]).toEqual([startIndex, totalResults])
    expect(body.itemsPerPage).toBe(body.Resources.length)
    for (const { id } of body.Resources) all.add(id)
  }
  expect(all.size).toBe(totalResults)
  expect(totalResults).toBeGreaterThan(20)
})

it('filters by more than the name', async () => {
  const id = await scim.user('filter.me@acme.example', { title: 'Auditor', displayName: 'Filter Me' })
  for (const filter of ['title eq "auditor"', 'userName sw "FILTER."', 'displayName co "lter m" and active eq true']) {
    const { body } = await scim.send('GET', `/Users?filter=${encodeURIComponent(filter)}`)
    expect(
      body.Resources.map((one) => one.id),
      filter,
    ).toEqual([id])
  }
})

it.each<[string, boolean]>([
  ['urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ACME\\\\quinn"', true],
  ['userName eq "acme\\\\Quinn"', true],
  ['title eq "the \\"q\\" \\\\ \\u00C9"', true],
  ['externalId eq "o\'neil \\"q\\" \\\\ ü/é"', true],
  ['emails.value eq "QUINN@acme.example"', true],
  ['emails[type eq "work" and value co "quinn@"]', true],
  ['emails.value eq "nobody@acme.example" or title co "\\"q\\""', true],
  ['name.givenName eq "nobody"', false],
  ['userName eq "ACME\\\\\\\\quinn"', false],
])('reads the filter %s as it is written, also of people who have less', async (filter, isFound) => {
  const who = { externalId: 'o\'neil "q" \\ ü/é', title: 'The "Q" \\ é' }
  const emails = [{ type: 'work', value: 'quinn@acme.example' }]
  await scim.user(fresh())
  const { body: before } = await scim.send('GET', `/Users?filter=${encodeURIComponent('userName eq "ACME\\\\quinn"')}`)
  const id = before.Resources[0]?.id ?? (await scim.user('ACME\\quinn', { ...who, emails }))
  const { status, body } = await scim.send('GET', `/Users?filter=${encodeURIComponent(filter)}`)
  expect([status, body.detail, body.Resources?.map((one) => one.id)]).toEqual([200, undefined, isFound ? [id] : []])
})

it('says of a filter with a backslash that escapes nothing that it is none, and of nothing else', async () => {
  const { status, body } = await scim.send('GET', `/Users?filter=${encodeURIComponent('userName eq "ACME\\quinn"')}`)
  expect([status, body.scimType]).toEqual([400, 'invalidFilter'])
  expect(scim.faults).toEqual([])
})

it.each([
  { op: 'replace', path: 'Active', value: 'False' },
  { op: 'Replace', value: { Active: 'False' } },
  { op: 'replace', path: `${CORE_USER}:ACTIVE`, value: false },
])('leaves by %j: names of attributes are read in any letters', async (operation) => {
  const id = await scim.user(fresh())
  expect((await scim.patch(`/Users/${id}`, operation)).status).toBeLessThan(300)
  expect((await scim.send('GET', `/Users/${id}`)).body.active).toBe(false)
})

it('does not let a PATCH win over another that it has not seen', async () => {
  const id = await scim.user(fresh())
  const answers = await Promise.all(
    ['A', 'B', 'C', 'D'].map((title) =>
      scim.send('PATCH', `/Users/${id}`, {
        schemas: [PATCH],
        Operations: [{ op: 'replace', path: 'title', value: title }],
      }),
    ),
  )
  const statuses = answers.map(({ status }) => status)
  expect(
    statuses.every((status) => status === 200 || status === 412),
    String(statuses),
  ).toBe(true)
  const last = (await scim.send('GET', `/Users/${id}`)).body.title
  expect(answers.some(({ status, body }) => status === 200 && body.title === last)).toBe(true)
  expect((await typesOf(id)).length).toBe(1 + statuses.filter((status) => status === 200).length)
})

async function stateOf(id: string) {
  return (await scim.world.context.people.look(scim.world.context.db)).persons.get(id)
}

async function typesOf(id: string): Promise<string[]> {
  const events = await scim.world.context.record.readStream(scim.world.context.db, `identity:${id}`)
  return events.map(({ type }) => type)
}
