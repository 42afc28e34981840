import { expect, it } from 'vitest'
import { foldIdentity, type IdentityState } from '../../src/domain/identity-state.ts'
import { NOBODY } from '../../src/domain/people.ts'
import { heldPersons, populatePolicy } from '../../src/domain/populate-policy.ts'
import { parsePolicy } from '../../src/policy/parse-policy.ts'
import { changed } from '../policy/policy-text.ts'

const policy = tied('    externalId: x-ana\n')

it.each([
  ['before', 1, 2],
  ['together', 1, 1],
  ['after', 2, 1],
])('who reads the mailbox of somebody whom the policy ties is nobody, entered %s them', (_, otherAt, tiedAt) => {
  const other = entered('P-00000001', otherAt, { userName: 'ana.r', emails: [{ value: 'Ana+x@acme.example' }] })
  const own = entered('P-00000002', tiedAt, {
    ...{ userName: 'ana', externalId: 'x-ana', emails: [{ value: 'ana@acme.example' }] },
  })
  const people = { ...NOBODY, version: 1, persons: new Map([other, own].map((one) => [one.id, one])) }
  expect(heldPersons(policy, people).map(({ id }) => id)).toEqual([other.id])
  expect(populatePolicy(policy, people).people.map(({ id }) => id)).toEqual(['E1', 'E2', 'E3', 'E4'])
})

function tied(line: string) {
  const reading = parsePolicy(changed('    name: Ana Ruiz\n', `    name: Ana Ruiz\n${line}`), 'policy.yaml')
  if (!('policy' in reading)) throw new Error(JSON.stringify(reading.faults))
  return reading.policy
}

function entered(id: string, at: number, resource: object): IdentityState {
  const data = { source: 'scim' as const, manager: null, assurance: null, profile: JSON.stringify(resource) }
  const state = foldIdentity(id, [{ type: 'identity.entered', data, seq: 1, at }])
  if (state === null) throw new Error(`${id} has no events`)
  return state
}
