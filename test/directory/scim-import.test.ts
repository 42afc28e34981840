import { afterAll, beforeAll, expect, it } from 'vitest'
import { AT } from '../record/record-fixture.ts'
import { CORE_GROUP, CORE_USER, ENTERPRISE_USER } from '../support/scim-client.ts'
import { openScim, type Scim } from './scim-door.ts'

const PEOPLE = 10_000
/** Directories push a few at a time; each of them is asked for before they are created. */
const AT_ONCE = 50

let scim: Scim
beforeAll(async () => {
  scim = await openScim(AT)
})
afterAll(() => scim.close())

it('ten thousand people come in, each on record, and each of them is found and can be in one group', async () => {
  let next = 0
  const worker = async () => {
    for (let n = next++; n < PEOPLE; n = next++) {
      const userName = `person${n}@acme.example`
      const { status } = await scim.send('POST', '/Users', {
        ...{ schemas: [CORE_USER, ENTERPRISE_USER], userName, externalId: `ext-${n}`, active: true },
        ...{ displayName: `Person ${n}`, [ENTERPRISE_USER]: { department: `D${n % 40}` } },
      })
      if (status !== 201) throw new Error(`${userName} got ${status}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))

  const { body } = await scim.send('GET', '/Users?startIndex=9990&count=100')
  expect([body.totalResults, body.Resources.length]).toEqual([PEOPLE, 11])
  const filter = encodeURIComponent('userName eq "PERSON7777@acme.example"')
  expect((await scim.send('GET', `/Users?filter=${filter}`)).body.totalResults).toBe(1)

  const { context } = scim.world
  const [counted] = await context.db`select count(*)::int as events from event where type = 'identity.entered'`
  expect(counted).toEqual({ events: PEOPLE })
  await context.people.look(context.db)
  const same = context.policy.current()
  expect(same.people.length).toBe(PEOPLE + 6)
  expect(await context.policy.inForce(context.db)).toBe(same)

  const ids = [...context.people.current().persons.keys()]
  const members = ids.map((value) => ({ value }))
  const group = await scim.send('POST', '/Groups', { schemas: [CORE_GROUP], displayName: 'Everybody', members })
  expect([group.status, group.body.members?.length]).toEqual([201, PEOPLE])
  expect(scim.faults).toEqual([])
})
