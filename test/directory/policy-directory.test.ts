import { beforeEach, describe, expect, it } from 'vitest'
import { createPolicyDirectory } from '../../src/directory/policy-directory.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { parsePolicy } from '../../src/policy/parse-policy.ts'
import { changed, GOOD_POLICY } from '../policy/policy-text.ts'

describe('the directory of the policy', () => {
  let policy: Policy
  const directory = createPolicyDirectory(() => policy)
  beforeEach(() => {
    policy = read(GOOD_POLICY)
  })

  it('knows a person by every account of theirs', async () => {
    const ana = await directory.byAccount({ platform: 'local', tenant: 'local', id: 'ana' })
    expect(ana).toMatchObject({ id: 'E1', name: 'Ana Ruiz', manager: 'E2', status: 'active' })
    expect(await directory.byAccount({ platform: 'slack', tenant: 'T01', id: 'U01' })).toBe(ana)
    expect(await directory.byId('E1')).toBe(ana)
  })

  it.each([
    ['the same id in another tenant', { platform: 'slack', tenant: 'T02', id: 'U01' }],
    ['the same id on another platform', { platform: 'teams', tenant: 'T01', id: 'U01' }],
    ['another spelling', { platform: 'local', tenant: 'local', id: 'Ana' }],
    ['parts that join to the same text', { platform: 'slack', tenant: 'T01/U01', id: '' }],
    ['a name', { platform: 'local', tenant: 'local', id: 'Ana Ruiz' }],
  ])('does not guess: %s is a stranger', async (_, account) => {
    expect(await directory.byAccount(account)).toBeNull()
  })

  it('has nobody in a group that it does not know', async () => {
    expect(await directory.membersOf('dba')).toEqual(['E2', 'E3'])
    expect(await directory.membersOf('constructor')).toEqual([])
    expect(await directory.byId('constructor')).toBeNull()
  })

  it('follows the policy that is in force', async () => {
    policy = read(changed('- local: ana', '- local: ana2'))
    expect(await directory.byAccount({ platform: 'local', tenant: 'local', id: 'ana' })).toBeNull()
    expect(await directory.byAccount({ platform: 'local', tenant: 'local', id: 'ana2' })).toMatchObject({ id: 'E1' })
  })
})

function read(text: string): Policy {
  const reading = parsePolicy(text, 'p.yaml')
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults))
  return reading.policy
}
