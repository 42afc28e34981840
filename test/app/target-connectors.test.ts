import { expect, it } from 'vitest'
import { createTargetConnectors } from '../../src/app/target-connectors.ts'
import type { Policy, Target } from '../../src/domain/policy.ts'
import type { Connector } from '../../src/ports/connector.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'

it('gives by the policy in force alone, and takes away by the last that is known', () => {
  const house = open([testPolicy()])
  const before = house.connectors.known('prod-db')
  house.history.unshift(testPolicy({ targets: { 'new-db': testTarget({ name: 'new-db' }) } }))
  expect(house.connectors.known('prod-db')).toBe(before)
  expect(house.connectors.toGive(house.now(), 'prod-db')).toBeNull()
  expect(house.connectors.names().sort()).toEqual(['new-db', 'prod-db'])
  expect(house.connectors.known('constructor')).toBeNull()
})

it('goes on taking away when a variable is not set any more, also after a restart with a wrong name in the policy', () => {
  const house = open([testPolicy()])
  const before = house.connectors.known('prod-db')
  house.secrets.clear()
  expect(house.connectors.known('prod-db')).toBe(before)
  expect(() => house.connectors.toGive(house.now(), 'prod-db')).toThrow('env:PROD_DB_URL')

  const wrong = testTarget({ connector: { kind: 'postgres', url: 'env:WRONG' } })
  const restarted = open([testPolicy({ targets: { 'prod-db': wrong } }), testPolicy()])
  expect(restarted.connectors.known('prod-db')).not.toBeNull()
  expect(restarted.made).toMatchObject([{ url: 'postgres://bot:one@db' }])
})

it('looks for what was given on the server where it was given, and on no other', () => {
  const moved = testTarget({ connector: { kind: 'postgres', url: 'env:NEW_DB_URL' } })
  const old = { ...testPolicy(), hash: 'old' }
  const house = open([{ ...testPolicy({ targets: { 'prod-db': moved } }), hash: 'new' }, old])
  house.secrets.set('env:NEW_DB_URL', 'postgres://bot:one@new')
  const there = house.connectors.known('prod-db', 'old')
  expect(house.made).toMatchObject([{ url: 'postgres://bot:one@db' }])
  expect(house.connectors.known('prod-db')).not.toBe(there)
  expect(house.connectors.known('prod-db', 'new')).toBe(house.connectors.known('prod-db'))

  const restarted = open(house.history)
  restarted.secrets.clear()
  restarted.secrets.set('env:NEW_DB_URL', 'postgres://bot:one@new')
  expect(restarted.connectors.known('prod-db', 'new')).not.toBeNull()
  expect(restarted.connectors.known('prod-db', 'old')).toBeNull()
  expect(restarted.connectors.known('prod-db', 'a text that was erased')).not.toBeNull()
})

it('may give an entitlement that came with an activated policy, without a restart', () => {
  const house = open([testPolicy()])
  house.connectors.toGive(house.now(), 'prod-db')
  const more = { read: testEntitlement(), audit: testEntitlement({ name: 'audit', grants: 'ledger_audit' }) }
  house.history.unshift(testPolicy({ targets: { 'prod-db': testTarget({ entitlements: more }) } }))
  house.connectors.toGive(house.now(), 'prod-db')
  house.connectors.toGive(house.now(), 'prod-db')
  expect(house.made.map(({ target }) => Object.keys(target.entitlements))).toEqual([
    ['read', 'write'],
    ['read', 'audit'],
  ])
})

it('takes a rotated secret', () => {
  const house = open([testPolicy()])
  house.connectors.known('prod-db')
  house.secrets.set('env:PROD_DB_URL', 'postgres://bot:two@db')
  house.connectors.known('prod-db')
  expect(house.made.map(({ url }) => url)).toEqual(['postgres://bot:one@db', 'postgres://bot:two@db'])
})

function open(history: Policy[]) {
  const secrets = new Map([['env:PROD_DB_URL', 'postgres://bot:one@db']])
  const made: { target: Target; url: string }[] = []
  const connectors = createTargetConnectors({
    everActive: () => history,
    resolve: (reference) => {
      const secret = secrets.get(reference)
      if (secret === undefined) throw new Error(`${reference} is not set`)
      return secret
    },
    make: (target, url) => {
      made.push({ target, url })
      return {} as Connector
    },
  })
  return { connectors, secrets, made, history, now: () => history[0] ?? testPolicy() }
}
